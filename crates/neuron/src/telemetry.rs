//! Logs and metrics of the process.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LoggingConfig;

/// Starts logging to stderr. `AXONEME_LOG` (the syntax of `RUST_LOG`) wins over the flags.
/// A second call in one process does nothing.
pub fn init_logs(logging: &LoggingConfig) {
    init_logs_to(logging, std::io::stderr);
}

/// [`init_logs`] with another place to write to.
pub fn init_logs_to<W>(logging: &LoggingConfig, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = if logging.trace {
        "trace"
    } else if logging.debug {
        "debug"
    } else {
        "info"
    };
    // Libraries are noisy one level below what they deserve; the flag is about our own crates.
    let own = ["axoneme", "miner", "validator", "localnet"];
    let crates = [
        "axoneme_axon",
        "axoneme_chain",
        "axoneme_dendrite",
        "axoneme_drill",
        "axoneme_llm",
        "axoneme_neuron",
        "axoneme_protocol",
        "axoneme_replay",
        "axoneme_reward",
    ];
    let mut filter = String::from("warn");
    for name in own.iter().chain(&crates) {
        filter.push_str(&format!(",{name}={level}"));
    }
    let filter = std::env::var("AXONEME_LOG").unwrap_or(filter);
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(colour && !logging.json)
        .with_target(true);
    // An error means that logging already runs (several neurons in one process): keep that.
    let _ = if logging.json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
}

/// The metrics of this process, as Prometheus text by [`PrometheusHandle::render`]. The first
/// call installs the recorder.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            match builder.install_recorder() {
                Ok(handle) => handle,
                // A host program brought its own recorder: show an empty page rather than fail.
                Err(_) => PrometheusBuilder::new().build_recorder().handle(),
            }
        })
        .clone()
}
