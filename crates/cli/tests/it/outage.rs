//! A chain that stops and comes back under both daemons.

use std::time::{Duration, Instant};

use crate::admin::{admin_of, metric, status, wait_until};
use crate::harness::{PATIENCE, Subnet, alone_with_models};

#[test]
fn both_daemons_go_on_after_the_chain_was_away() {
    let _alone = alone_with_models();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut subnet = Subnet::start();
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
            "--miner.blocks_per_epoch",
            "4",
        ],
    );
    miner.wait_for("axon published on chain");
    let mut validator = subnet.start_daemon("validator", "validator", &["--neuron.axon_off", "--seed", "1"]);
    let (miner_admin, validator_admin) = (admin_of(&mut miner), admin_of(&mut validator));
    wait_until("the validator finished a prompt run", || {
        metric(&validator_admin, "validator_steps_total") >= 1.0
    });
    wait_until("the miner is ready", || status(&miner_admin, "/readyz").0 == 200);

    subnet.stop_chain();
    let end = Instant::now() + PATIENCE;
    loop {
        let (code, why) = status(&validator_admin, "/readyz");
        if code == 503 && why.contains("chain") {
            break;
        }
        let mut said = || validator.said().join("\n");
        assert!(
            Instant::now() < end,
            "the validator says {code} {why} while the chain is away:\n{}",
            said()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(status(&miner_admin, "/livez").0, 200);
    subnet.start_chain();

    wait_until("both are ready again", || {
        [&miner_admin, &validator_admin]
            .iter()
            .all(|admin| status(admin, "/readyz").0 == 200)
    });
    let before = metric(&validator_admin, "validator_steps_total");
    wait_until("prompt runs go on", || {
        metric(&validator_admin, "validator_steps_total") >= before + 2.0
    });
    assert!(miner.is_running() && validator.is_running());
    assert_eq!(validator.interrupt(Duration::from_secs(5)).code(), Some(0));
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));
}
