//! `validator`: parse, log, run, end.

use axoneme_neuron::config::Command;
use axoneme_neuron::{ExitCode, Failure, exit, shutdown, telemetry};
use validator::{Host, ValidatorConfig, program};

fn main() -> std::process::ExitCode {
    let loaded = match program().resolve_process::<ValidatorConfig>() {
        Ok(Command::Run(loaded)) => loaded,
        Ok(Command::Print(text)) => {
            print!("{text}");
            return std::process::ExitCode::SUCCESS;
        }
        Ok(Command::Usage(text)) => {
            eprint!("{text}");
            return std::process::ExitCode::from(ExitCode::Usage as u8);
        }
        Err(error) => return exit::finish(Err(error.into())),
    };
    telemetry::init_logs(&loaded.config.logging);
    exit::finish(start(loaded.config))
}

#[tokio::main]
async fn start(config: ValidatorConfig) -> Result<(), Failure> {
    let cancel = shutdown::on_signal()
        .map_err(|error| Failure::message(ExitCode::Failure, format!("cannot watch for signals: {error}")))?;
    validator::run(config, Host::default(), cancel).await
}
