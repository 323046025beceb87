//! `validator`: the command line over [`validator::run`].

use axoneme_neuron::{daemon, exit};
use validator::{Host, ValidatorConfig, export, program};

fn main() -> std::process::ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == "export") {
        return exit::finish(export::command(std::env::args_os().skip(2)));
    }
    daemon::main(
        &program(),
        |config: &ValidatorConfig| &config.logging,
        |config, cancel| validator::run(config, Host::default(), cancel),
    )
}
