//! What we mean to set, and how far it has come.

use axoneme_timelock::{COMMIT_REVEAL_VERSION, commit_hash, netuid_index};
use serde::{Deserialize, Serialize};

use crate::chain::Call;
use crate::stage::Stage;
use crate::view::View;

/// One planned update of the weights. What it says never changes; how far it has come does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The subnet.
    pub netuid: u16,
    /// The mechanism.
    pub mecid: u8,
    /// The epoch it was planned for.
    pub window: u64,
    /// Head when it was planned.
    pub planned_at: u64,
    /// Newest final block when it was planned: whatever of it is included is so later, on every fork.
    pub after: u64,
    /// Uids, in the order of `values`.
    pub uids: Vec<u16>,
    /// Weight of each uid.
    pub values: Vec<u16>,
    /// Version sent along.
    pub version_key: u64,
    /// In which form it goes to the chain.
    pub form: Form,
    /// How far it has come.
    pub stage: Stage,
    /// The transaction of it that may still be included. There is never a second one: another is signed only when this
    /// one is proven dead.
    pub signed: Option<Signed>,
    /// The epoch it was last seen to be included in.
    pub landed: Option<u64>,
    /// Its end as a block showed it that a fork may still replace.
    pub doubt: Option<Doubt>,
    /// Error that makes sending it again pointless.
    pub refused: Option<String>,
    /// Whether the chain showed the same weights when it was planned, so that they prove nothing.
    #[serde(default)]
    pub repeats: bool,
    /// Times it was sent.
    pub attempts: u32,
    /// Not to be sent again before this block.
    pub not_before: u64,
}

/// The end of an intent, as of a block that was not final when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// Number of the block.
    pub block: u64,
    /// Its hash: another block of that number proves nothing.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    /// How it ended, if that block becomes final.
    pub end: Stage,
    /// Whether the chain was asked, where what the block shows does not tell.
    #[serde(default)]
    pub checked: bool,
}

/// A transaction signed for an intent. It is on disk before it is handed over, and is included at most once however
/// often that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// By what it is found on the chain.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    /// First block that could contain it.
    pub from_block: u64,
    /// Last block that can contain it.
    pub valid_until: u64,
    /// A pool refused it, or a block had it as a failed one: it is not worth handing over again.
    #[serde(default)]
    pub spent: bool,
    /// It was included and failed there; dead as soon as that block is final.
    #[serde(default)]
    pub failed: bool,
    /// Itself, as the chain's client keeps it.
    pub transaction: serde_json::Value,
}

/// In which form weights go to the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Form {
    /// Openly.
    Plain {},
    /// Their hash first, themselves in a later epoch.
    Hash {
        /// Random numbers that keep others from guessing.
        salt: Vec<u16>,
        /// What is committed.
        #[serde(with = "hex::serde")]
        hash: [u8; 32],
    },
    /// Encrypted to a round of the beacon; the chain opens them by itself.
    Timelocked {
        /// What is committed.
        #[serde(with = "hex::serde")]
        ciphertext: Vec<u8>,
        /// The round that opens it.
        round: u64,
    },
}

/// The name of a [`Form`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Form::Plain`].
    Plain,
    /// [`Form::Hash`].
    Hash,
    /// [`Form::Timelocked`].
    Timelocked,
}

impl Form {
    /// Which form this is.
    pub fn kind(&self) -> Kind {
        match self {
            Form::Plain {} => Kind::Plain,
            Form::Hash { .. } => Kind::Hash,
            Form::Timelocked { .. } => Kind::Timelocked,
        }
    }
}

impl Kind {
    /// As a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::Hash => "hash",
            Kind::Timelocked => "timelocked",
        }
    }

    /// Whether the chain takes this form now.
    pub fn suits(self, view: &View) -> bool {
        match self {
            Kind::Plain => !view.commit_reveal,
            Kind::Hash => view.commit_reveal,
            Kind::Timelocked => view.commit_reveal && view.commit_reveal_version == COMMIT_REVEAL_VERSION,
        }
    }
}

impl Intent {
    /// Whether its fate is still open: not known to be in a final block, nor known never to be in one.
    pub fn is_in_flight(&self) -> bool {
        match self.stage {
            Stage::Stored | Stage::Signed => true,
            Stage::Included { .. } => self.signed.is_some(),
            _ => false,
        }
    }

    /// Whether `window` is used up by it: planned for it, or included in it.
    pub fn takes(&self, window: u64) -> bool {
        let abandoned = matches!(self.stage, Stage::Abandoned { .. });
        !abandoned && (self.window == window || self.landed == Some(window))
    }

    /// The transaction to hand over again, if that makes sense.
    pub(crate) fn again(&self, view: &View) -> Option<&Signed> {
        let next = view.block.saturating_add(1);
        let fresh = |signed: &&Signed| !signed.spent && signed.valid_until > next;
        self.signed.as_ref().filter(fresh)
    }

    /// Whether both say the same, so that our row does not tell which of them was revealed.
    pub(crate) fn says_the_same_as(&self, other: &Intent) -> bool {
        (self.netuid, self.mecid) == (other.netuid, other.mecid)
            && (&self.uids, &self.values) == (&other.uids, &other.values)
    }

    /// What brings it onto the chain.
    pub fn call(&self) -> Call {
        match &self.form {
            Form::Plain {} => Call::Set {
                weights: self.uids.iter().copied().zip(self.values.iter().copied()).collect(),
                version_key: self.version_key,
            },
            Form::Hash { hash, .. } => Call::Commit { hash: *hash },
            Form::Timelocked { ciphertext, round } => Call::CommitTimelocked {
                ciphertext: ciphertext.clone(),
                round: *round,
            },
        }
    }

    /// What reveals it, where that is ours to do.
    pub fn reveal(&self) -> Option<Call> {
        let Form::Hash { salt, .. } = &self.form else {
            return None;
        };
        Some(Call::Reveal {
            uids: self.uids.clone(),
            values: self.values.clone(),
            salt: salt.clone(),
            version_key: self.version_key,
        })
    }

    /// Whether the stored hash is the one of the stored values; a file that was edited by hand would never be revealed.
    pub fn is_consistent(&self, hotkey: &[u8; 32]) -> bool {
        let Form::Hash { salt, hash } = &self.form else {
            return true;
        };
        netuid_index(self.netuid, self.mecid)
            .is_some_and(|index| commit_hash(hotkey, index, &self.uids, &self.values, salt, self.version_key) == *hash)
    }
}
