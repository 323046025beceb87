//! Daemons that start while the chain is away: a miner serves by its last metagraph, a validator waits.

use std::time::{Duration, Instant};

use crate::admin::{admin_of, metric, status, wait_until};
use crate::harness::{PATIENCE, Subnet, alone_with_models};

const ANSWER: Duration = Duration::from_secs(10);

fn unready_because_of_the_chain(admin: &str) -> bool {
    let (code, why) = status(admin, "/readyz");
    code == 503 && why.contains("chain")
}

#[test]
fn a_miner_serves_by_its_last_metagraph_until_the_chain_comes_and_then_goes_on_with_it() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    subnet.axoneme("wallet", "stranger", &[]);
    let flags = [
        "--axon.port",
        "0",
        "--miner.type",
        "echo",
        "--miner.blocks_per_epoch",
        "4",
    ];
    let start = |subnet: &Subnet| subnet.start_daemon("miner", "miner", &flags);
    let mut miner = start(&subnet);
    miner.wait_for("axon published on chain");
    let admin = admin_of(&mut miner);
    wait_until("the miner is ready", || status(&admin, "/readyz").0 == 200);
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));

    subnet.stop_chain();
    let mut miner = start(&subnet);
    miner.wait_for("starting with the metagraph of block");
    let admin = admin_of(&mut miner);
    let answer = subnet.ask("validator", &mut miner, "are you there?", ANSWER);
    assert!(answer.is_success(), "{} {}", answer.status, answer.message);
    assert_eq!(answer.synapse.completion, "are you there?");
    let answer = subnet.ask("stranger", &mut miner, "are you there?", ANSWER);
    assert!(!answer.is_success(), "somebody who is not in the metagraph was served");
    assert!(unready_because_of_the_chain(&admin), "{:?}", status(&admin, "/readyz"));
    assert_eq!(metric(&admin, "neuron_chain_connected"), 0.0);

    subnet.start_chain();
    wait_until("the miner is ready with the chain", || {
        status(&admin, "/readyz").0 == 200
    });
    assert_eq!(metric(&admin, "neuron_chain_connected"), 1.0);
    // Its port is another one than before, and the chain has to hear of it.
    miner.wait_for("axon published on chain");
    let answer = subnet.ask("validator", &mut miner, "are you there?", ANSWER);
    assert!(answer.is_success(), "{} {}", answer.status, answer.message);
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn a_validator_that_was_registered_waits_for_the_chain_and_then_starts() {
    let _alone = alone_with_models();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut subnet = Subnet::start();
    subnet.join("validator", "1000");
    let flags = ["--neuron.axon_off"];
    let mut validator = subnet.start_daemon("validator", "validator", &flags);
    validator.wait_for("validator started");
    let kept = subnet
        .folder
        .path()
        .join("neurons/validator/default/netuid1/core_prompting_validator");
    let kept = || {
        std::fs::read_dir(&kept)
            .unwrap()
            .flatten()
            .any(|file| is_metagraph(&file.file_name()))
    };
    wait_until("the metagraph is on disk", kept);
    assert_eq!(validator.interrupt(Duration::from_secs(5)).code(), Some(0));

    subnet.stop_chain();
    let mut validator = subnet.start_daemon("validator", "validator", &flags);
    let admin = admin_of(&mut validator);
    validator.wait_for("waiting for the chain");
    assert!(unready_because_of_the_chain(&admin), "{:?}", status(&admin, "/readyz"));
    assert!(
        validator
            .wait_within("validator started", Duration::from_secs(2))
            .is_none()
    );

    subnet.start_chain();
    let came = Instant::now();
    validator.wait_for("validator started");
    assert!(came.elapsed() < PATIENCE);
    wait_until("the chain is fine with the validator", || {
        !status(&admin, "/readyz").1.contains("chain:")
    });
    assert_eq!(validator.interrupt(Duration::from_secs(5)).code(), Some(0));
}

fn is_metagraph(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with("metagraph")
}
