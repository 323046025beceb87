//! `axoneme bench`.

use axoneme_bench::{BenchCommand, BenchError, Relaunch};
use axoneme_neuron::{ExitCode, Failure};
use tokio_util::sync::CancellationToken;

/// Measures until done or `cancel`.
///
/// # Errors
/// When there is nothing to measure; failing requests are part of the report.
pub async fn run(command: BenchCommand, cancel: CancellationToken) -> Result<(), Failure> {
    let run = async { axoneme_bench::run(command, Relaunch::this(&["bench", "serve"])?).await };
    tokio::select! {
        result = run => result.map_err(|error| Failure::new(code(&error), &error)),
        () = cancel.cancelled() => Err(Failure::message(ExitCode::Failure, "interrupted")),
    }
}

fn code(error: &BenchError) -> ExitCode {
    match error {
        BenchError::Options(_) | BenchError::NotLoopback { .. } | BenchError::SmallBody { .. } => ExitCode::Usage,
        _ => ExitCode::Failure,
    }
}
