//! Questions that nobody between validator and miner can read.

use crate::admin::{admin_of, metric, wait_until};
use crate::harness::{Subnet, alone_with_models};

#[test]
fn a_validator_that_insists_on_tls_asks_a_miner_by_its_published_key() {
    let _alone = alone_with_models();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    // The wire of SDK 10 has no TLS here, so this miner cannot be asked over it either.
    let wire = ["--miner.wire.tls", "--miner.wire.v10=false"];
    let rest = ["--axon.port", "0", "--miner.max_tokens", "16"];
    let mut miner = subnet.start_daemon("miner", "miner", &[wire.as_slice(), &rest].concat());
    miner.wait_for("axon published on chain");
    let mut validator = subnet.start_daemon(
        "validator",
        "validator",
        &["--neuron.axon_off", "--dendrite.tls", "always", "--seed", "1"],
    );
    let admin = admin_of(&mut validator);
    // "always" asks nobody whose key it has not read from the chain.
    wait_until("the miner answered over TLS", || {
        metric(&admin, "validator_answers_total{outcome=\"ok\"}") >= 1.0
    });
}
