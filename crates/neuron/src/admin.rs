//! The operator's port, on loopback only.
//!
//! * `GET /livez` 200 as long as the process serves requests at all.
//! * `GET /readyz` 200 when all parts are well, else 503 with a line per part that is not.
//! * `GET /metrics` Prometheus text.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::exit::{ExitCode, Failure};
use crate::readiness::Readiness;
use crate::telemetry;

/// How often histograms are folded, so that they do not grow between scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Binds 127.0.0.1:`port` (`None`: any free port, 0: no admin port) and serves until `cancel`.
///
/// # Errors
/// [`ExitCode::PortInUse`] when the port is taken.
pub async fn serve(
    port: Option<u16>,
    readiness: Readiness,
    cancel: CancellationToken,
) -> Result<Option<SocketAddr>, Failure> {
    let metrics = telemetry::metrics();
    if port == Some(0) {
        return Ok(None);
    }
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
    let listener = tokio::net::TcpListener::bind(addr).await.map_err(|error| {
        Failure::message(
            ExitCode::PortInUse,
            format!("cannot listen on the admin port {addr}: {error}; choose another with --admin.port"),
        )
    })?;
    let bound = listener.local_addr().unwrap_or(addr);
    let upkeep = metrics.clone();
    let app = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(move || ready(readiness.clone())))
        .route("/metrics", get(move || async move { page(&metrics) }));
    tokio::spawn(async move {
        let folding = async {
            loop {
                tokio::time::sleep(UPKEEP).await;
                upkeep.run_upkeep();
            }
        };
        let serving = axum::serve(listener, app).with_graceful_shutdown(cancel.clone().cancelled_owned());
        tokio::select! {
            result = serving => if let Err(error) = result { tracing::warn!(%error, "admin port closed") },
            () = folding => {}
            // A client that keeps its connection open must not keep us.
            () = async { cancel.cancelled().await; tokio::time::sleep(Duration::from_millis(200)).await } => {}
        }
    });
    tracing::info!("admin port on http://{bound} (/livez, /readyz, /metrics)");
    Ok(Some(bound))
}

/// The metrics, with how many tasks the runtime holds now: what grows with every outage is a leak.
fn page(metrics: &PrometheusHandle) -> String {
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    metrics::gauge!("process_tasks").set(tasks as f64);
    metrics.render()
}

async fn ready(readiness: Readiness) -> impl IntoResponse {
    let reasons = readiness.reasons();
    if reasons.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n")
    }
}
