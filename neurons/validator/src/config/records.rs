//! The sections about what is written down.

use serde::{Deserialize, Serialize};

/// `record.*`: event files. How large one grows is `neuron.events_retention_size`, after how many prompt runs a new one
/// begins `wandb.run_step_length`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSection {
    /// Full event files that are kept; older ones are removed.
    pub keep_files: usize,
    /// Pack full event files with zstd.
    pub zstd: bool,
    /// Write a Parquet file beside each full event file.
    pub parquet: bool,
}

impl Default for RecordSection {
    fn default() -> Self {
        Self {
            keep_files: 20,
            zstd: false,
            parquet: false,
        }
    }
}

/// `wandb.*`: nothing is ever sent; `offline` writes runs that `wandb sync` uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WandbSection {
    /// Write no runs, whatever else is set.
    pub off: bool,
    /// Write runs into the folder `wandb` of the data directory.
    pub offline: bool,
    /// Put the gating model's head into the run.
    pub track_gating_model: bool,
    /// Project of the runs.
    pub project_name: String,
    /// Team or user of the runs.
    pub entity: String,
    /// Notes of the runs.
    pub notes: String,
    /// Accepted without effect, as in the network's own validator.
    pub weights_step_length: u64,
    /// Prompt runs after which a new run and a new event file begin; 0 never.
    pub run_step_length: u64,
}

impl Default for WandbSection {
    fn default() -> Self {
        Self {
            off: false,
            offline: false,
            track_gating_model: false,
            project_name: "openvalidators".into(),
            entity: "opentensor-dev".into(),
            notes: String::new(),
            weights_step_length: 10,
            run_step_length: 1500,
        }
    }
}

impl WandbSection {
    /// Whether runs are written.
    pub fn writes_runs(&self) -> bool {
        self.offline && !self.off
    }
}
