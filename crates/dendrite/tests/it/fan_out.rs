//! Asking hundreds of axons at once: nobody waits for anybody.

use std::time::Duration;

use axoneme_dendrite::{DendriteConfig, Outcome, Wire};
use axoneme_protocol::Prompting;
use tokio::time::Instant;

use crate::scripted::{Act, Asked, Server, alice, bob, good, signed};

const AXONS: usize = 256;
const TIMEOUT: Duration = Duration::from_millis(2500);
const SLOW: Duration = Duration::from_millis(700);

/// What axon number `index` does: one in eight hangs, one in eight is slow, one in sixteen closes.
fn act(index: usize, asked: &Asked) -> Act {
    let answer = || match asked.header("x-bittensor-signature") {
        None => good(&index.to_string()),
        Some(_) => signed(asked, &bob(), 200, &format!(r#"{{"completion":"{index}"}}"#)),
    };
    match index % 16 {
        0 | 8 => Act::Hang,
        1 | 9 => Act::Drip(SLOW, vec![answer()]),
        2 => Act::SayAndClose(Vec::new()),
        _ => Act::Say(answer()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axons_that_hang_or_crawl_cost_only_themselves() {
    let mut servers = Vec::new();
    for index in 0..AXONS {
        servers.push(Server::answering(move |_, asked| act(index, asked)).await);
    }
    let mut targets: Vec<_> = servers.iter().map(Server::target).collect();
    // Half of them over each wire.
    for target in targets.iter_mut().step_by(2) {
        *target = target.over(Wire::Btauth);
    }
    let dendrite = alice(DendriteConfig::default());
    let began = Instant::now();
    let answers = dendrite.query(&targets, &Prompting::ask("hello"), TIMEOUT).await;
    let took = began.elapsed();
    assert_eq!(answers.len(), AXONS);
    for (index, answer) in answers.iter().enumerate() {
        let outcome = match index % 16 {
            0 | 8 => Outcome::TimedOut,
            2 => Outcome::Disconnected,
            _ => Outcome::Answered,
        };
        assert_eq!(answer.outcome, outcome, "{index}: {answer:?}");
        if outcome == Outcome::Answered {
            assert_eq!(
                answer.synapse.completion,
                index.to_string(),
                "in the order of the targets"
            );
            assert_eq!(answer.signed, index % 2 == 0);
        }
    }
    // Were hanging axons waited for one after the other, it would be 32 times as long.
    assert!(took < TIMEOUT * 4, "{took:?}");
}
