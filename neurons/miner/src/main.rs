//! `miner`: the command line over [`miner::run`].

use axoneme_neuron::daemon;
use miner::{Host, MinerConfig, program};

fn main() -> std::process::ExitCode {
    daemon::main(
        &program(),
        |config: &MinerConfig| &config.logging,
        |config, cancel| miner::run(config, Host::default(), cancel),
    )
}
