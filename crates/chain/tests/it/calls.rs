//! Views and calls: weights, signed calls that outlive a process, batches.

use crate::localnet::{BLOCK_TIME, anywhere, connect, id, key, register, stake, subnet, until};
use axoneme_chain::{Call, ChainError, RAO_PER_TAO, SignedCall, WaitFor};
use std::time::Duration;

#[tokio::test]
async fn one_view_has_all_that_decides_about_weights() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let netuid = subnet(&chain).await;
    let uid = register(&chain, netuid, "//Bob", "//Bob//hot").await;
    stake(&chain, netuid, "//Bob", "//Bob//hot", 100).await;
    let staked = chain
        .stake(&id("//Bob//hot"), &id("//Bob"), netuid)
        .await
        .expect("an answer");
    let nominators = chain.nominators(&id("//Bob//hot"), netuid).await.expect("an answer");
    assert_eq!(nominators, [(id("//Bob"), staked)].into());
    assert!(
        chain
            .nominators(&id("//Bob//hot"), netuid + 1)
            .await
            .expect("an answer")
            .is_empty()
    );
    let permitted = until(&chain, "the permit", || async {
        let view = chain.weights_view(netuid, 0, &id("//Bob//hot")).await?;
        Ok(view.validator_permit.then_some(view))
    });
    let view = permitted.await;
    assert_eq!((view.netuid, view.mecid, view.uid), (netuid, 0, Some(uid)));
    assert_eq!(view.genesis_hash, chain.genesis_hash());
    assert_eq!(view.block_time, BLOCK_TIME);
    assert!(view.block > 0 && view.wall_clock > Duration::ZERO && view.neurons == 2);
    assert!(view.stake_weight > 0 && view.stake_weight >= view.stake_threshold);
    assert!(!view.is_owner_hotkey && !view.commit_reveal && view.rate_limit == 0 && view.mechanisms == 1);
    assert!(
        view.block_at_registration
            .is_some_and(|block| block > 0 && block <= view.block)
    );
    assert_eq!((view.epoch.tempo, view.stateful_epochs), (10, true));
    assert!(view.epoch.last_epoch_block <= view.block && view.block < view.epoch.last_epoch_block + 12);
    assert!(view.weights.is_empty() && view.commits.is_empty() && view.timelocked.is_empty());

    let set = chain
        .set_mechanism_weights(&key("//Bob//hot"), netuid, 0, &[(0, 65535)], 0)
        .await
        .expect("weights are set");
    let then = chain
        .weights_view_at(set.block_hash, netuid, 0, &id("//Bob//hot"))
        .await;
    let then = then.expect("an answer");
    assert_eq!((then.block, then.block_hash), (set.block, set.block_hash));
    assert_eq!(then.last_update, Some(set.block));
    assert_eq!(then.weights, [(0, 65535)]);

    let owner = chain
        .weights_view(netuid, 0, &id("//Alice//hot"))
        .await
        .expect("an answer");
    assert!(owner.is_owner_hotkey);
    let stranger = chain
        .weights_view(netuid, 0, &id("//Stranger"))
        .await
        .expect("an answer");
    assert_eq!(
        (stranger.uid, stranger.last_update, stranger.stake_weight),
        (None, None, 0)
    );
    let gone = chain
        .weights_view(999, 0, &id("//Bob//hot"))
        .await
        .expect_err("no such subnet");
    assert!(matches!(gone, ChainError::SubnetNotFound { netuid: 999 }), "{gone}");
    net.shutdown().await;
}

#[tokio::test]
async fn a_signed_call_is_included_once_however_often_it_is_handed_over() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let (alice, target) = (key("//Alice"), id("//Target"));
    let signed = chain
        .sign_call(&alice, &Call::transfer(&target, RAO_PER_TAO))
        .await
        .expect("signed");
    let none = chain
        .find_transaction(signed.hash, signed.from_block, signed.valid_until)
        .await;
    assert!(none.expect("an answer").is_none());
    // As a process would that was killed in between.
    let kept: SignedCall = serde_json::from_str(&serde_json::to_string(&signed).expect("text")).expect("the same");
    let first = chain
        .submit_signed("transfer", &signed, WaitFor::Inclusion)
        .await
        .expect("included");
    let again = chain
        .submit_signed("transfer", &kept, WaitFor::Inclusion)
        .await
        .expect("found");
    assert_eq!(first, again);
    assert_eq!(chain.balance(&target).await.expect("an answer"), RAO_PER_TAO);
    let found = chain
        .find_transaction(signed.hash, signed.from_block, signed.valid_until)
        .await;
    let found = found.expect("an answer").expect("included");
    assert_eq!(found.receipt, first);
    assert!(found.result.is_ok());

    // One that fails in its block is found with its error.
    let failing = Call::add_stake(999, &target, RAO_PER_TAO, None);
    let signed = chain.sign_call(&alice, &failing).await.expect("signed");
    let error = chain.submit_signed("add_stake", &signed, WaitFor::Inclusion).await;
    let error = error.expect_err("no such subnet");
    if matches!(error, ChainError::Dispatch { .. }) {
        let found = chain
            .find_transaction(signed.hash, signed.from_block, signed.valid_until)
            .await;
        let result = found.expect("an answer").expect("included").result;
        assert_eq!(result.expect_err("failed").name(), error.name());
    }
    net.shutdown().await;
}

#[tokio::test]
async fn each_call_of_a_batch_has_an_outcome() {
    let net = anywhere().await;
    let chain = connect(&net).await;
    let (alice, target) = (key("//Alice"), id("//Target"));
    let items = || {
        vec![
            Call::transfer(&target, RAO_PER_TAO),
            Call::transfer(&target, u64::MAX / 2),
            Call::transfer(&target, RAO_PER_TAO),
        ]
    };
    let each = chain
        .submit_batch(&alice, &Call::force_batch(items()))
        .await
        .expect("included");
    assert_eq!(
        each.items.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    let stopped = chain
        .submit_batch(&alice, &Call::batch(items()))
        .await
        .expect("included");
    assert_eq!(
        stopped.items.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false]
    );
    let none = chain
        .submit_batch(&alice, &Call::batch_all(items()))
        .await
        .expect_err("one fails");
    assert!(matches!(none, ChainError::Dispatch { .. }), "{none}");
    assert_eq!(chain.balance(&target).await.expect("an answer"), 3 * RAO_PER_TAO);
    net.shutdown().await;
}
