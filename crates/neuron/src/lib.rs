//! What the miner and the validator share: configuration, logs and metrics, durable state,
//! supervised duties, the admin port, start-up checks and a graceful end.
//!
//! Nothing here knows a synapse or a reward; a fork keeps this crate as it is.

pub mod admin;
pub mod announce;
pub mod config;
pub mod daemon;
pub mod duties;
pub mod exit;
pub mod metagraph;
pub mod preflight;
pub mod readiness;
pub mod shutdown;
pub mod state;
pub mod telemetry;

pub use config::{ConfigError, Loaded, Program, Setting, SettingKind};
pub use duties::{Duties, DutyError, Heart};
pub use exit::{ExitCode, Failure};
pub use readiness::Readiness;
pub use state::{StateError, StateStore};
