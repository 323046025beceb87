//! `axoneme metagraph` and `axoneme weights show`: what a chain says of a subnet and of one validator's weights.

mod record;
mod standing;

use axoneme_chain::Metagraph;
use axoneme_neuron::config::SubtensorConfig;
use axoneme_neuron::{ExitCode, Failure, preflight};
use axoneme_wallet::{AccountId, Wallet, WalletError};
use serde::Serialize;

use crate::args::{MetagraphArgs, WeightsShowArgs};
use crate::local::chain as failure;
use record::Record;
use standing::Standing;

/// Connects to any chain: nothing is signed here.
async fn connect(network: &str) -> Result<axoneme_chain::Chain, Failure> {
    let subtensor = SubtensorConfig {
        network: network.to_owned(),
        chain_endpoint: None,
    };
    preflight::connect(&subtensor).await
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(ExitCode::Failure, &error))
}

/// `axoneme metagraph`.
///
/// # Errors
/// When there is no such subnet or no chain answers.
pub async fn metagraph(args: &MetagraphArgs) -> Result<(), Failure> {
    let chain = connect(&args.network).await?;
    let metagraph = chain.metagraph(args.netuid).await.map_err(failure)?;
    if args.json {
        println!("{}", json(&metagraph)?);
    } else {
        println!("{}", table(&metagraph));
    }
    Ok(())
}

fn table(metagraph: &Metagraph) -> String {
    let mut text = format!(
        "subnet {} at block {}: {} neurons, tempo {}, last epoch in block {}\n\n{:>4} {:<48} {:>12} {:>6} {:>9} {:>9} {:>9} {:>6} {:>8}  {}\n",
        metagraph.netuid,
        metagraph.block,
        metagraph.len(),
        metagraph.tempo,
        metagraph.last_step,
        "uid",
        "hotkey",
        "stake",
        "permit",
        "incentive",
        "dividends",
        "consensus",
        "active",
        "updated",
        "axon",
    );
    for neuron in &metagraph.neurons {
        let axon = neuron.axon.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let yes = |is: bool| if is { "yes" } else { "-" };
        text += &format!(
            "{:>4} {:<48} {:>12.3} {:>6} {:>9.5} {:>9.5} {:>9.5} {:>6} {:>8}  {axon}\n",
            neuron.uid,
            neuron.hotkey.to_string(),
            neuron.total_stake as f64 / 1e9,
            yes(neuron.validator_permit),
            neuron.incentive,
            neuron.dividends,
            neuron.consensus,
            yes(neuron.active),
            neuron.last_update,
        );
    }
    text.truncate(text.trim_end().len());
    text
}

/// `axoneme weights show`.
///
/// # Errors
/// When there is no such subnet or wallet, or no chain answers.
pub async fn weights(args: &WeightsShowArgs) -> Result<(), Failure> {
    let hotkey = match args.address {
        Some(hotkey) => hotkey,
        None => hotkey_of(&Wallet::new(&args.keys.path, &args.keys.name, &args.keys.hotkey))?,
    };
    let chain = connect(&args.network).await?;
    let view = chain
        .weights_view(args.netuid, args.mecid, &hotkey)
        .await
        .map_err(failure)?;
    let record = Record::find(args, &view)?;
    let standing = Standing::of(&view, record);
    if args.json {
        println!("{}", json(&standing)?);
    } else {
        println!("{}", standing.table());
    }
    Ok(())
}

fn hotkey_of(wallet: &Wallet) -> Result<AccountId, Failure> {
    match wallet.hotkeypub() {
        Ok(key) => Ok(key.account),
        Err(WalletError::NotFound { .. }) => Ok(wallet.load_hotkey()?.account_id()),
        Err(error) => Err(error.into()),
    }
}
