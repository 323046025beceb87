//! `axoneme probe`.

use axoneme_neuron::{ExitCode, Failure};
use axoneme_probe::{ProbeArgs, ProbeError};
use tokio_util::sync::CancellationToken;

/// Probes until done or `cancel`, and prints the report.
///
/// # Errors
/// When a rule that has to hold does not, and when there is nothing to report.
pub async fn run(args: &ProbeArgs, cancel: CancellationToken) -> Result<(), Failure> {
    let passed = tokio::select! {
        passed = args.run() => passed.map_err(|error| Failure::new(code(&error), &error))?,
        () = cancel.cancelled() => return Err(Failure::message(ExitCode::Failure, "interrupted")),
    };
    if passed {
        Ok(())
    } else {
        Err(Failure::message(
            ExitCode::Failure,
            "the axon does not keep all rules of the wire",
        ))
    }
}

fn code(error: &ProbeError) -> ExitCode {
    match error {
        ProbeError::Unreachable { .. } => ExitCode::Chain,
        ProbeError::NotServed { .. } => ExitCode::NotRegistered,
        ProbeError::Wallet(_) | ProbeError::Key(_) => ExitCode::Wallet,
        ProbeError::Synapse(_)
        | ProbeError::Address { .. }
        | ProbeError::NotLoopback { .. }
        | ProbeError::OtherReport { .. } => ExitCode::Usage,
        _ => ExitCode::Failure,
    }
}
