//! `axoneme drill`.

use axoneme_drill::{DrillArgs, DrillError};
use axoneme_neuron::config::LoggingConfig;
use axoneme_neuron::{ExitCode, Failure, telemetry};
use tokio_util::sync::CancellationToken;

/// Drills until its time is over or `cancel`, and prints the report. Ctrl-C is the ordinary end.
///
/// # Errors
/// When the drill does not start.
pub async fn run(args: &DrillArgs, cancel: CancellationToken) -> Result<(), Failure> {
    // stdout belongs to the report.
    telemetry::init_logs(&LoggingConfig::default());
    let report = args.run(cancel).await;
    let report = report.map_err(|error| failure(&error))?;
    println!("{}", if args.json { report.json() } else { report.table() });
    Ok(())
}

/// What did not start, with its exit code.
pub(crate) fn failure(error: &DrillError) -> Failure {
    Failure::new(code(error), error)
}

fn code(error: &DrillError) -> ExitCode {
    match error {
        DrillError::PortInUse { .. } => ExitCode::PortInUse,
        DrillError::File { .. } | DrillError::Read { .. } => ExitCode::Config,
        DrillError::NotLoopback { .. } | DrillError::Upstream { .. } | DrillError::Schedule(_) => ExitCode::Usage,
        _ => ExitCode::Failure,
    }
}
