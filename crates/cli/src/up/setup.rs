//! From an empty chain to a subnet with five registered, staked neurons: real signed extrinsics.

use axoneme_chain::Chain;
use axoneme_neuron::config::SubtensorConfig;
use axoneme_neuron::{Failure, preflight};
use futures::future::try_join_all;

use super::plan::{Member, Plan};
use crate::local::{alice, chain as failure};

/// Blocks between two settings of weights. The main chain's 100 would be 25 s here.
const WEIGHTS_RATE_LIMIT: u64 = 10;

/// Prepares the chain at `endpoint`, or finds the subnet of an earlier run on it.
pub(super) async fn prepare(plan: &Plan, endpoint: &str) -> Result<(Chain, u16), Failure> {
    let subtensor = SubtensorConfig {
        network: "local".into(),
        chain_endpoint: Some(endpoint.into()),
    };
    let chain = preflight::connect(&subtensor).await?;
    if let Some(netuid) = find(&chain, plan).await? {
        tracing::info!("going on with subnet {netuid}");
        hide_weights(&chain, netuid, plan).await?;
        return Ok((chain, netuid));
    }
    let alice = alice()?;
    for member in &plan.members {
        chain
            .transfer(&alice, &member.coldkey, member.funds)
            .await
            .map_err(failure)?;
    }
    let owner = plan.validator();
    let coldkey = owner.wallet.load_dev_coldkey()?;
    let netuid = chain.register_network(&coldkey, &owner.hotkey).await.map_err(failure)?;
    tracing::info!("subnet {netuid} created");
    chain
        .admin_set_tempo(&alice, netuid, plan.args.tempo)
        .await
        .map_err(failure)?;
    chain
        .admin_set_weights_set_rate_limit(&alice, netuid, WEIGHTS_RATE_LIMIT)
        .await
        .map_err(failure)?;
    hide_weights(&chain, netuid, plan).await?;
    chain.start_call(&coldkey, netuid).await.map_err(failure)?;
    try_join_all(plan.members.iter().map(|member| join(&chain, netuid, member))).await?;
    tracing::info!(
        "one validator and {} miners registered and staked",
        plan.miners().count()
    );
    Ok((chain, netuid))
}

/// Switches commit-reveal on where that was asked for. Otherwise it stays as it is.
async fn hide_weights(chain: &Chain, netuid: u16, plan: &Plan) -> Result<(), Failure> {
    if plan.args.hides_weights() {
        let alice = alice()?;
        chain
            .admin_set_commit_reveal(&alice, netuid, true)
            .await
            .map_err(failure)?;
    }
    Ok(())
}

/// Registers and stakes one neuron. Each has a coldkey of its own, so all do it side by side.
async fn join(chain: &Chain, netuid: u16, member: &Member) -> Result<(), Failure> {
    let coldkey = member.wallet.load_dev_coldkey()?;
    // The subnet's owner got uid 0 with the subnet.
    if chain.uid_of(netuid, &member.hotkey).await.map_err(failure)?.is_none() {
        chain
            .burned_register(&coldkey, netuid, &member.hotkey)
            .await
            .map_err(failure)?;
    }
    chain
        .add_stake(&coldkey, netuid, &member.hotkey, member.stake)
        .await
        .map_err(failure)?;
    Ok(())
}

/// The subnet on which all members are registered already.
async fn find(chain: &Chain, plan: &Plan) -> Result<Option<u16>, Failure> {
    let mut netuid = 1;
    while chain.subnet_exists(netuid).await.map_err(failure)? {
        let metagraph = chain.metagraph(netuid).await.map_err(failure)?;
        let registered = |member: &Member| metagraph.neurons.iter().any(|neuron| neuron.hotkey == member.hotkey);
        if plan.members.iter().all(registered) {
            return Ok(Some(netuid));
        }
        netuid += 1;
    }
    Ok(None)
}
