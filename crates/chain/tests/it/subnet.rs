//! The life of a subnet: create, register, stake, serve, weigh, earn.

use crate::localnet::{anywhere, connect, id, key, register, stake, subnet, until};
use axoneme_chain::weights::row_to_shares;
use axoneme_chain::{AxonEndpoint, Class, RAO_PER_TAO, Served};

#[tokio::test]
async fn a_miner_that_validators_weigh_earns_after_an_epoch() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let netuid = subnet(&chain).await;
    assert!(chain.subnet_exists(netuid).await.expect("an answer"));
    assert!(chain.subnets().await.expect("an answer").contains(&netuid));
    assert_eq!(chain.subnet_owner(netuid).await.expect("an answer"), id("//Alice"));
    assert_eq!(chain.sudo_account().await.expect("an answer"), Some(id("//Alice")));

    let before = chain.balance(&id("//Bob")).await.expect("an answer");
    let cost = chain.burn_cost(netuid).await.expect("an answer");
    assert!(cost > 0);
    let validator = register(&chain, netuid, "//Bob", "//Bob//hot").await;
    let miner = register(&chain, netuid, "//Charlie", "//Charlie//hot").await;
    assert_eq!(
        chain.uid_of(netuid, &id("//Bob//hot")).await.expect("an answer"),
        Some(validator)
    );
    assert_eq!(
        chain.owner_of(&id("//Bob//hot")).await.expect("an answer"),
        Some(id("//Bob"))
    );
    assert_eq!(chain.owner_of(&id("//Nobody")).await.expect("an answer"), None);
    // The price falls with each block, so what was paid is a little less than what was asked.
    let left = chain.balance(&id("//Bob")).await.expect("an answer");
    assert!(left < before && before - left <= cost + RAO_PER_TAO / 100);

    stake(&chain, netuid, "//Bob", "//Bob//hot", 100).await;
    assert!(
        chain
            .stake(&id("//Bob//hot"), &id("//Bob"), netuid)
            .await
            .expect("an answer")
            > 0
    );
    assert!(chain.hotkey_stake(&id("//Bob//hot"), netuid).await.expect("an answer") > 0);

    let endpoint = AxonEndpoint::new("203.0.113.7".parse().expect("an address"), 8091, 1);
    let served = chain
        .serve_axon(&key("//Charlie//hot"), netuid, &endpoint)
        .await
        .expect("announced");
    assert!(matches!(served, Served::Announced(_)));
    let again = chain
        .serve_axon(&key("//Charlie//hot"), netuid, &endpoint)
        .await
        .expect("nothing to do");
    assert_eq!(again, Served::Unchanged);
    assert_eq!(
        chain.axon_of(netuid, &id("//Charlie//hot")).await.expect("an answer"),
        Some(endpoint)
    );

    // With a TLS key, which other axons do not have.
    let tls_key = [&[1_u8], [7; 32].as_slice()].concat();
    for expected in [true, false] {
        let served = chain
            .serve_axon_tls(&key("//Bob//hot"), netuid, &endpoint, &tls_key)
            .await
            .expect("announced");
        assert_eq!(matches!(served, Served::Announced(_)), expected);
    }
    let published = |uri| {
        let (chain, account) = (&chain, id(uri));
        async move { chain.tls_key_of(netuid, &account).await.expect("an answer") }
    };
    assert_eq!(published("//Bob//hot").await, Some(tls_key));
    assert_eq!(published("//Charlie//hot").await, None);

    let permitted = until(&chain, "the permit", || async {
        let metagraph = chain.metagraph(netuid).await?;
        Ok(metagraph
            .neuron(validator)
            .filter(|neuron| neuron.validator_permit)
            .map(|_| ()))
    });
    permitted.await;
    let block = chain
        .set_weights(&key("//Bob//hot"), netuid, &[(miner, 65535)], 0)
        .await
        .expect("weights are set");
    assert_eq!(
        chain.last_update(netuid, validator).await.expect("an answer"),
        Some(block)
    );
    let rows = chain.weights(netuid).await.expect("an answer");
    let (_, row) = rows.iter().find(|(uid, _)| *uid == validator).expect("a row");
    assert_eq!(row_to_shares(3, row)[usize::from(miner)], 1.0);

    let metagraph = until(&chain, "the incentive", || async {
        let metagraph = chain.metagraph(netuid).await?;
        let earns = metagraph
            .neuron(miner)
            .is_some_and(|neuron| neuron.incentive > 0.0 && neuron.emission > 0);
        Ok(earns.then_some(metagraph))
    })
    .await;
    assert_eq!((metagraph.netuid, metagraph.tempo), (netuid, 10));
    assert!(metagraph.block > 0 && metagraph.last_step <= metagraph.block);
    let earner = metagraph.find(&id("//Charlie//hot")).expect("the miner");
    assert_eq!(
        (earner.uid, earner.coldkey, earner.axon),
        (miner, id("//Charlie"), Some(endpoint))
    );
    assert!(earner.incentive > 0.9 && earner.consensus > 0.9);
    let weigher = metagraph.neuron(validator).expect("the validator");
    assert!(weigher.active && weigher.dividends > 0.0 && weigher.validator_trust > 0.9);
    assert!(weigher.total_stake > 0 && weigher.alpha_stake > 0);
    assert_eq!(weigher.last_update, block);
    assert_eq!(weigher.axon, Some(endpoint));

    let next = chain
        .next_epoch_start(netuid)
        .await
        .expect("an answer")
        .expect("epochs");
    let now = chain.block().await.expect("an answer");
    assert!(next + 10 >= now && next <= now + 11, "next epoch at {next}, now {now}");
    net.shutdown().await;
}

#[tokio::test]
async fn hyperparameters_follow_what_root_sets() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let netuid = subnet(&chain).await;
    let alice = key("//Alice");
    chain
        .admin_set_min_allowed_weights(&alice, netuid, 3)
        .await
        .expect("set");
    chain.admin_set_immunity_period(&alice, netuid, 77).await.expect("set");
    chain
        .admin_set_weights_version_key(&alice, netuid, 1030)
        .await
        .expect("set");
    let settings = chain.hyperparameters(netuid).await.expect("an answer");
    assert_eq!(
        (settings.tempo, settings.min_allowed_weights, settings.immunity_period),
        (10, 3, 77)
    );
    assert_eq!((settings.weights_version, settings.weights_rate_limit), (1030, 0));
    assert!(!settings.commit_reveal_weights_enabled);
    assert_eq!(settings.weight_limits().min_allowed, 3);
    assert!(chain.network_registration_cost().await.expect("an answer") > 0);
    net.shutdown().await;
}

#[tokio::test]
async fn refusals_are_typed_and_say_what_to_do() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let netuid = subnet(&chain).await;
    let missing = 999;

    let error = chain.metagraph(missing).await.expect_err("no such subnet");
    assert!(error.to_string().contains("999"), "{error}");
    assert!(chain.hyperparameters(missing).await.is_err() && chain.burn_cost(missing).await.is_err());
    assert_eq!(chain.uid_of(netuid, &id("//Stranger")).await.expect("an answer"), None);

    let stranger = chain.set_weights(&key("//Stranger"), netuid, &[(0, 65535)], 0).await;
    let error = stranger.expect_err("not registered");
    assert_eq!(error.class(), Class::ChainState, "{error}");
    assert!(error.to_string().contains("register the hotkey"), "{error}");

    let endpoint = AxonEndpoint::new("203.0.113.7".parse().expect("an address"), 8091, 1);
    let error = chain
        .serve_axon(&key("//Stranger"), netuid, &endpoint)
        .await
        .expect_err("not registered");
    assert!(error.to_string().contains("register the hotkey"), "{error}");

    let error = chain
        .burned_register(&key("//Bob"), missing, &id("//Bob//hot"))
        .await
        .expect_err("no such subnet");
    assert_eq!(error.name(), Some("SubnetNotExists"), "{error}");
    assert!(error.to_string().contains("check the netuid"), "{error}");

    // Enough for the fee, not for the burn.
    let poor = id("//Poor");
    chain
        .transfer(&key("//Alice"), &poor, RAO_PER_TAO / 100)
        .await
        .expect("funded");
    assert_eq!(chain.balance(&poor).await.expect("an answer"), RAO_PER_TAO / 100);
    let error = chain
        .burned_register(&key("//Poor"), netuid, &id("//Poor//hot"))
        .await
        .expect_err("too poor");
    assert!(error.to_string().contains("fund the coldkey"), "{error}");
    let error = chain
        .transfer(&key("//Penniless"), &poor, 1_000_000)
        .await
        .expect_err("no balance at all");
    assert!(error.to_string().contains("fund"), "{error}");

    register(&chain, netuid, "//Bob", "//Bob//hot").await;
    let error = chain
        .burned_register(&key("//Bob"), netuid, &id("//Bob//hot"))
        .await
        .expect_err("twice");
    assert_eq!(error.name(), Some("HotKeyAlreadyRegisteredInSubNet"), "{error}");

    let error = chain
        .admin_set_tempo(&key("//Bob"), netuid, 5)
        .await
        .expect_err("not the sudo key");
    assert_eq!(error.class(), Class::Ours, "{error}");
    let error = chain
        .admin_set(&key("//Alice"), "sudo_set_nothing", vec![])
        .await
        .expect_err("no such call");
    assert!(error.to_string().contains("sudo_set_nothing"), "{error}");
    net.shutdown().await;
}

#[tokio::test]
async fn calls_of_one_key_at_the_same_time_do_not_get_in_each_others_way() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let (alice, target) = (key("//Alice"), id("//Target"));
    let transfers = (0..12).map(|_| chain.transfer(&alice, &target, RAO_PER_TAO));
    for outcome in futures::future::join_all(transfers).await {
        outcome.expect("each has a nonce of its own");
    }
    assert_eq!(chain.balance(&target).await.expect("an answer"), 12 * RAO_PER_TAO);
    net.shutdown().await;
}
