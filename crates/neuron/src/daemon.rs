//! `main` of a daemon: resolve the configuration, log, run, end with the right code.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::config::{Command, LoggingConfig, Program};
use crate::exit::{ExitCode, Failure, finish};
use crate::{shutdown, telemetry};

/// Threads in the middle of a model's step are not waited for longer than this.
const THREADS_END: Duration = Duration::from_millis(500);

/// Runs a daemon: `run` gets the resolved configuration and a token that SIGINT or SIGTERM cancels.
pub fn main<C, R, F>(program: &Program, logging: impl Fn(&C) -> &LoggingConfig, run: R) -> std::process::ExitCode
where
    C: Default + Serialize + DeserializeOwned,
    R: FnOnce(C, CancellationToken) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let loaded = match program.resolve_process::<C>() {
        Ok(Command::Run(loaded)) => loaded,
        Ok(Command::Print(text)) => {
            print!("{text}");
            return std::process::ExitCode::SUCCESS;
        }
        Ok(Command::Usage(text)) => {
            eprint!("{text}");
            return std::process::ExitCode::from(ExitCode::Usage as u8);
        }
        Err(error) => return finish(Err(error.into())),
    };
    telemetry::init_logs(logging(&loaded.config));
    for notice in &loaded.notices {
        tracing::warn!("{notice}");
    }
    finish(block_on(|cancel| run(loaded.config, cancel)))
}

/// Runs an async program on a runtime of its own, with a token that signals cancel, and does not
/// wait for threads that are slow to end.
///
/// # Errors
/// Those of the program, or that the system gives no threads or signal handlers.
pub fn block_on<F>(run: impl FnOnce(CancellationToken) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let cannot = |what| move |error| Failure::message(ExitCode::Failure, format!("cannot {what}: {error}"));
    let runtime = tokio::runtime::Runtime::new().map_err(cannot("start threads"))?;
    let result = runtime.block_on(async {
        let cancel = shutdown::on_signal().map_err(cannot("watch for signals"))?;
        run(cancel).await
    });
    runtime.shutdown_timeout(THREADS_END);
    result
}
