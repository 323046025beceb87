//! What a validator writes down about its prompt runs.
//!
//! A [`Recorder`] appends one flat JSON object per prompt run to `events.jsonl`. The first line of each file is a header with
//! the run's settings, tags and versions; a file that is full is rolled. [`read()`] reads them back; [`export`] makes tables
//! and training data of them. Nothing is ever sent anywhere: [`wandb`] writes run directories which the tool of that service
//! uploads when somebody calls it.
//!
//! **Numbers.** JSON has no way to write a number that is not finite. Where a reward function failed for a miner, its column
//! has the text `"nan"` (also `"inf"` and `"-inf"`); `null` means that there was nothing to be said. Parquet files have real
//! NaNs, wandb runs the token `NaN` as that service's own client writes it.

mod columns;
mod error;
mod event;
pub mod export;
mod housekeeping;
mod parquet;
mod reader;
mod recorder;
mod size;
pub mod wandb;

pub use columns::Columns;
pub use error::TrackingError;
pub use event::StepEvent;
pub use parquet::write_parquet;
pub use reader::{Record, Records, files, read, read_all};
pub use recorder::{Recorder, RecorderConfig};
pub use size::parse_size;

/// Name of the file that is being written.
pub const FILE: &str = "events.jsonl";
