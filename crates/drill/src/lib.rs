//! Outage drills: a proxy between a daemon and a chain endpoint that fails the way networks and nodes do.
//!
//! Behind `axoneme drill`, and in tests:
//!
//! ```no_run
//! # async fn example() -> Result<(), axoneme_drill::DrillError> {
//! use axoneme_drill::{Drill, DrillConfig, Fault};
//! let drill = Drill::start(DrillConfig::before("ws://127.0.0.1:9944")?).await?;
//! // Point the daemon at drill.url(), then:
//! drill.inject(Fault::HalfOpen);
//! drill.clear();
//! let report = drill.shutdown().await;
//! println!("{}", report.table());
//! # Ok(())
//! # }
//! ```
//!
//! It reads the HTTP head of every connection, so that it can answer a handshake itself, and whole WebSocket frames, so
//! that it can answer requests with errors, tear a frame, or serve another runtime version. Everything is bounded:
//! connections, heads, frames, what is remembered of a connection, and the report.
//!
//! | module | what |
//! | --- | --- |
//! | `fault` | what can go wrong |
//! | `schedule` | when it does: steps, shorthands, random ones from a seed |
//! | `command`, `file` | flags and the TOML file |
//! | `proxy` | the listener and what all connections share |
//! | `connection`, `http` | one connection: a WebSocket, or one plain request |
//! | `head`, `frames`, `upstream` | HTTP heads, WebSocket frames, the way to the endpoint |
//! | `rewrite` | JSON-RPC: errors made up, runtime versions changed |
//! | `report` | what was done |

mod command;
mod connection;
mod error;
mod fault;
mod file;
mod frames;
mod head;
mod http;
mod proxy;
mod report;
mod rewrite;
mod schedule;
mod upstream;

pub use command::DrillArgs;
pub use error::DrillError;
pub use fault::{Fault, Refusal};
pub use proxy::{Drill, DrillConfig, MAX_CONNECTIONS};
pub use report::{Counts, DrillReport, Outage};
pub use schedule::{Schedule, Step, parse_duration};
pub use upstream::Upstream;
