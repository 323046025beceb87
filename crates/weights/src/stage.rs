//! How far what we mean to set has come, and why it ended.

use serde::{Deserialize, Serialize};

/// How far an intent has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stage {
    /// On disk, not sent.
    Stored,
    /// Signed and sent, or about to be; the chain does not show it.
    Signed,
    /// In a block.
    Included {
        /// The block.
        block: u64,
        /// The epoch it counts for.
        epoch: u64,
    },
    /// Our row on the chain is what it says, as of a final block.
    Revealed {
        /// Block at which we first saw that.
        block: u64,
    },
    /// Included, but never revealed.
    Expired {
        /// Block at which we saw that.
        block: u64,
        /// Why.
        why: Why,
    },
    /// Included; by the time we looked a later update of ours had taken its place.
    Superseded {
        /// Block at which we saw that.
        block: u64,
    },
    /// Never included, and it cannot be any more.
    Abandoned {
        /// Block at which we saw that.
        block: u64,
        /// Why.
        why: Why,
    },
}

/// Why an intent ended without being revealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Every transaction of it has outlived its validity.
    #[error("no block included it while its transactions were valid; it is planned again")]
    NotIncluded,
    /// The round it was encrypted to is out.
    #[error("its round was out before it was included; it is planned again")]
    RoundOut,
    /// Its window passed, or the chain's rules changed, while no transaction of it was under way.
    #[error("its window passed, or the subnet's settings changed, while none of it was under way; it is planned again")]
    Changed,
    /// The chain refused what it says.
    #[error("the chain refused it; it is planned again")]
    Refused,
    /// A commit by hash whose epoch of revealing is over.
    #[error(
        "it was not revealed in its epoch: this program or the chain was away for all of it; keep both running, or use \
         timelocked commits, which need nobody"
    )]
    NotRevealedInTime,
    /// The chain dropped a timelocked commit.
    #[error(
        "the chain dropped it unopened: the pulse of its round came too late, or permit, stake or version were missing at \
         the reveal; compare the beacon of this program with the chain's, and check the validator's permit"
    )]
    Dropped,
    /// Something was included since, this is not pending, and the blocks that would tell are gone.
    #[error(
        "the chain has had an update since and does not show this one, and its node has not kept the blocks that would \
         tell; keep this program running"
    )]
    Missed,
}

impl Stage {
    /// As a metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Stage::Stored => "stored",
            Stage::Signed => "signed",
            Stage::Included { .. } => "included",
            Stage::Revealed { .. } => "revealed",
            Stage::Expired { .. } => "expired",
            Stage::Superseded { .. } => "superseded",
            Stage::Abandoned { .. } => "abandoned",
        }
    }

    /// Whether nothing can happen to it any more.
    pub fn is_over(&self) -> bool {
        !matches!(self, Stage::Stored | Stage::Signed | Stage::Included { .. })
    }
}
