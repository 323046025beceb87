//! What the operator decides.

use axoneme_timelock::Beacon;
use serde::{Deserialize, Serialize};

/// How weights are committed on a subnet with commit–reveal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Timelocked; by hash where the chain's version of timelocked commits is not ours.
    #[default]
    Auto,
    /// Timelocked: the chain opens the commit by itself, whether or not we are there.
    Timelocked,
    /// By hash: we have to be there to reveal.
    Hash,
}

/// Settings of one [`crate::Worker`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The subnet.
    pub netuid: u16,
    /// The mechanism in it; 0 is the main one.
    pub mecid: u8,
    /// Our version, sent along.
    pub version_key: u64,
    /// A multiple of this many blocks has to lie between two updates; 0 for none. There is never more than one update
    /// per epoch.
    pub every: u64,
    /// How to commit.
    pub method: Method,
    /// The beacon to encrypt to.
    pub beacon: Beacon,
}
