//! Questions that nobody between validator and miner can read.

use crate::harness::{Subnet, alone_with_models};

#[test]
fn a_validator_that_insists_on_tls_asks_a_miner_by_its_published_key() {
    let _alone = alone_with_models();
    let subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    let mut miner = subnet.start_daemon(
        "miner",
        "miner",
        &[
            "--axon.port",
            "0",
            "--miner.max_tokens",
            "16",
            "--miner.wire.tls",
            "--miner.wire.v10=false",
        ],
    );
    miner.wait_for("axon published on chain");
    let mut validator = subnet.start_daemon(
        "validator",
        "validator",
        &["--neuron.axon_off", "--dendrite.tls", "always", "--seed", "1"],
    );
    validator.wait_for("answered=1");
    // Plain HTTP would have reached the same port: the record of the step says that nothing else failed.
    let events = find(subnet.folder.path(), "events.jsonl");
    let first = std::fs::read_to_string(events).unwrap().lines().next().unwrap().to_owned();
    assert!(first.contains("200"), "{first}");
}

fn find(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return path;
            }
        }
    }
    panic!("no {name}");
}
