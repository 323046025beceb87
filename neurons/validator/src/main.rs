//! `validator`: the command line over [`validator::run`]; `validator replay` judges recorded answers
//! again, `validator export` makes tables of them.

use axoneme_neuron::{ExitCode, Failure, daemon, exit};
use validator::{Host, ValidatorConfig, export, program, replay};

fn main() -> std::process::ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(first) if first == "export" => return exit::finish(export::command(args)),
        Some(first) if first == "replay" => return replay_command(args),
        _ => {}
    }
    daemon::main(
        &program(),
        |config: &ValidatorConfig| &config.logging,
        |config, cancel| validator::run(config, Host::default(), cancel),
    )
}

fn replay_command(args: impl Iterator<Item = std::ffi::OsString>) -> std::process::ExitCode {
    exit::finish(daemon::block_on(|cancel| async move {
        let host = Host::default();
        tokio::select! {
            agrees = replay::command::run(args, &host) => match agrees? {
                true => Ok(()),
                false => Err(Failure::message(ExitCode::Failure, "the record does not agree")),
            },
            () = cancel.cancelled() => Ok(()),
        }
    }))
}
