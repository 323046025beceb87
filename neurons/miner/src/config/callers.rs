//! Who may ask, and who is answered first.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `miner.blacklist.*`, in the order in which the rules are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlacklistSection {
    /// Hotkeys that are always served.
    pub whitelist: Vec<String>,
    /// Hotkeys that are never served, unless they are on the whitelist too.
    pub blacklist: Vec<String>,
    /// Serve hotkeys that are not registered on the subnet.
    pub allow_non_registered: bool,
    /// Serve only hotkeys with a validator permit.
    pub force_validator_permit: bool,
    /// Least stake of a caller, TAO.
    pub minimum_stake_requirement: f64,
    /// Minutes in which a registered caller may ask `miner.priority.len_request_timestamps` times; 0 is no limit. On a
    /// chain of this machine there is none, for validators there ask without a pause.
    pub min_request_period: f64,
    /// Refuse prompts that were asked before.
    pub use_prompt_cache: bool,
    /// Blocks for which a prompt is remembered.
    pub prompt_cache_block_span: u64,
    /// Age of the metagraph, seconds, from which on only callers are served that were served before.
    pub metagraph_stale_seconds: u64,
    /// Age of the metagraph, seconds, from which on nobody is served but the whitelist.
    pub metagraph_too_old_seconds: u64,
}

impl Default for BlacklistSection {
    /// Stale after two tempos of 360 blocks of 12 s, too old after a day.
    fn default() -> Self {
        Self {
            whitelist: Vec::new(),
            blacklist: Vec::new(),
            allow_non_registered: false,
            force_validator_permit: false,
            minimum_stake_requirement: 0.0,
            min_request_period: 5.0,
            use_prompt_cache: false,
            prompt_cache_block_span: 7200,
            metagraph_stale_seconds: 2 * 360 * 12,
            metagraph_too_old_seconds: 24 * 3600,
        }
    }
}

impl BlacklistSection {
    /// `min_request_period` as a duration; zero is no limit.
    pub fn period(&self) -> Duration {
        minutes(self.min_request_period)
    }
}

/// `miner.priority.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrioritySection {
    /// Priority of a caller that is not registered; a registered one has its stake in TAO.
    pub default: f64,
    /// A caller whose tenth last request is so many minutes ago, and each time as many more, counts as having its stake
    /// once, twice and so on.
    pub time_stake_multiplicate: f64,
    /// Requests of a caller that are remembered.
    pub len_request_timestamps: usize,
}

impl Default for PrioritySection {
    fn default() -> Self {
        Self {
            default: 0.0,
            time_stake_multiplicate: 10.0,
            len_request_timestamps: 50,
        }
    }
}

impl PrioritySection {
    /// `time_stake_multiplicate` as a duration.
    pub fn unit(&self) -> Duration {
        minutes(self.time_stake_multiplicate)
    }
}

/// Nonsense is nothing.
fn minutes(minutes: f64) -> Duration {
    Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default()
}
