//! `validator`: the command line over [`validator::run`].

use axoneme_neuron::daemon;
use validator::{Host, ValidatorConfig, program};

fn main() -> std::process::ExitCode {
    daemon::main(
        &program(),
        |config: &ValidatorConfig| &config.logging,
        |config, cancel| validator::run(config, Host::default(), cancel),
    )
}
