//! Miners that do not want to be found, or not to be asked at all.

use std::time::Duration;

use crate::admin::{admin_of, status, wait_until};
use crate::harness::{Running, Subnet};

/// A miner with `switch`, once it is ready: its lines until then.
fn ready(subnet: &Subnet, switch: &str) -> Running {
    let flags = ["--axon.port", "0", "--miner.type", "echo", switch];
    let mut miner = subnet.start_daemon("miner", "miner", &flags);
    let admin = admin_of(&mut miner);
    wait_until("the miner is ready", || status(&admin, "/readyz").0 == 200);
    miner
}

fn published(miner: &mut Running) -> bool {
    miner.said().iter().any(|line| line.contains("axon published on chain"))
}

#[test]
fn a_miner_that_is_not_to_be_published_serves_and_one_without_an_axon_does_not() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    let mut miner = ready(&subnet, "--miner.no_serve");
    let answer = subnet.ask("validator", &mut miner, "are you there?", Duration::from_secs(10));
    assert_eq!(
        answer.synapse.completion, "are you there?",
        "{} {}",
        answer.status, answer.message
    );
    assert!(!published(&mut miner));
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));

    let mut miner = ready(&subnet, "--miner.no_start_axon");
    miner.wait_for("miner started");
    let started = miner.said().iter().find(|line| line.contains("miner started")).cloned();
    assert!(
        started.as_ref().is_some_and(|line| line.contains("nowhere")),
        "{started:?}"
    );
    assert!(!published(&mut miner));
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn a_prompt_is_served_once_where_the_cache_is_on() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    let mut miner = ready(&subnet, "--miner.blacklist.use_prompt_cache");
    for (prompt, served) in [
        ("one", true),
        ("one", false),
        ("two", true),
        ("two", false),
        ("three", true),
    ] {
        let answer = subnet.ask("validator", &mut miner, prompt, Duration::from_secs(10));
        assert_eq!(
            answer.is_success(),
            served,
            "{prompt}: {} {}",
            answer.status,
            answer.message
        );
        if served {
            assert_eq!(answer.synapse.completion, prompt);
        } else {
            assert_eq!(
                (answer.status, answer.message.as_str()),
                (403, "prompt already in cache")
            );
        }
    }
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));
}
