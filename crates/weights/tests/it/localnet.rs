//! All forms on a real development chain, through the connection that daemons use, until the chain shows them revealed.
//! A new process takes over after every record that is written.

use axoneme_timelock::Beacon;
use axoneme_weights::{Change, Form, Kind, Method, Stage, Why};
use std::collections::BTreeSet;

use crate::restarts::{Fault, Process};
use crate::subnet::Subnet;

fn is_revealed(change: &Change) -> bool {
    matches!(change.to, Stage::Revealed { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_is_revealed_in_every_mechanism_whenever_the_process_dies() {
    let subnet = Subnet::new().await;
    for (number, kind, method) in [
        (1000, Kind::Plain, Method::Auto),
        (2000, Kind::Hash, Method::Hash),
        (3000, Kind::Timelocked, Method::Auto),
    ] {
        subnet.commit_reveal(kind != Kind::Plain).await;
        let mut processes = [0, 1].map(|mecid| Process::new(&subnet, mecid, method, number + u16::from(mecid)));
        let [first, second] = &mut processes;
        let (first, second) = tokio::join!(first.until(is_revealed), second.until(is_revealed));
        for (mecid, (change, process)) in (0u8..).zip([first, second].into_iter().zip(&processes)) {
            assert_eq!(change.kind, kind);
            let view = subnet.view(mecid).await;
            assert_eq!(
                view.weights,
                [(1, u16::MAX), (2, number + u16::from(mecid))],
                "{kind:?} of {mecid}"
            );
            let deaths = process.deaths();
            println!("{kind:?} of mechanism {mecid}: {change:?}, {deaths:?}");
            for stage in ["stored", "signed", "included"] {
                // What is set openly is final at once here, so that it is never seen on its way.
                assert!(
                    deaths.contains(&stage.to_owned()) || (kind, stage) == (Kind::Plain, "included"),
                    "{kind:?}: a process died after {stage:?}: {deaths:?}"
                );
            }
        }
        // The one that was faster may have gone on to its next window.
        let pending = subnet.commits_by_window().await;
        let windows: BTreeSet<_> = pending.iter().collect();
        assert_eq!(
            windows.len(),
            pending.len(),
            "one commit in a window of a mechanism: {pending:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_transaction_is_handed_over_again_and_a_lost_answer_does_no_harm() {
    let subnet = Subnet::new().await;
    subnet.commit_reveal(true).await;
    let mut process = Process::new(&subnet, 0, Method::Timelocked, 4000);
    process.immortal();
    process.fails_with([Fault::Lost, Fault::AnswerLost]);
    let included = process
        .until(|change| matches!(change.to, Stage::Included { .. }))
        .await;
    let ledger = process.ledger();
    let intent = ledger.intents.last().expect("an intent");
    assert_eq!(intent.window, included.window);
    assert_eq!(intent.attempts, 2, "one was lost, the other one's answer");
    let view = subnet.view(0).await;
    assert_eq!(view.timelocked.len(), 1, "two submissions are one commit");
    process.until(is_revealed).await;
    assert_eq!(subnet.view(0).await.weights, [(1, u16::MAX), (2, 4000)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_round_is_out_is_planned_again() {
    let subnet = Subnet::new().await;
    subnet.commit_reveal(true).await;
    let mut process = Process::new(&subnet, 0, Method::Timelocked, 5000);
    process.immortal();
    process.fails_with([Fault::Lost]);
    process.until_sent().await;
    let first = process.ledger().intents[0].clone();
    let Form::Timelocked { round, .. } = first.form else {
        panic!("{first:?}")
    };
    // The chain's clock leaps, as after a standstill; the round is out before the commit is in a block.
    subnet.leap(3600).await;
    let given_up = process
        .until(|change| matches!(change.to, Stage::Abandoned { .. }))
        .await;
    assert_eq!(given_up.window, first.window);
    process.until(is_revealed).await;
    let ledger = process.ledger();
    let second = ledger
        .intents
        .iter()
        .find(|intent| matches!(intent.stage, Stage::Revealed { .. }));
    let second = second.expect("a revealed intent");
    let Form::Timelocked { round: later, .. } = second.form else {
        panic!("{second:?}")
    };
    assert!(
        later > round + 1000,
        "{later} is of the time after the leap, {round} of before"
    );
    assert_eq!(subnet.view(0).await.weights, [(1, u16::MAX), (2, 5000)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_weights_again_are_not_taken_for_revealed() {
    let subnet = Subnet::new().await;
    subnet.commit_reveal(true).await;
    let mut process = Process::new(&subnet, 0, Method::Timelocked, 6000);
    process.immortal();
    let first = process.until(is_revealed).await;
    let again = process
        .until(|change| change.window > first.window && is_revealed(change))
        .await;
    println!("revealed twice: {first:?}, {again:?}");
    // The next one cannot be opened by the chain: its version is refused at the reveal.
    let pending = process.until(|change| change.window > again.window && matches!(change.to, Stage::Included { .. }));
    let pending = pending.await;
    subnet.version_key(99).await;
    process.with_obstacles();
    let lost = process.until(|change| change.window == pending.window).await;
    assert!(
        matches!(lost.to, Stage::Expired { why: Why::Dropped, .. }),
        "our row is the same as before, and yet: {lost:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beacon_that_the_chain_does_not_follow_is_named_before_anything_is_sent() {
    let subnet = Subnet::new().await;
    subnet.commit_reveal(true).await;
    let mut process = Process::new(&subnet, 0, Method::Timelocked, 7000);
    process.beacon(Beacon::quicknet());
    let obstacle = process.obstacle().await.to_string();
    assert!(obstacle.contains("--neuron.drand_beacon"), "{obstacle}");
    assert!(process.ledger().intents.is_empty());
}
