//! What the machine needs of a chain.

use async_trait::async_trait;
use axoneme_chain::ChainError;

use crate::intent::Signed;
use crate::view::View;

/// A call that moves an intent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Weights, openly.
    Set {
        /// Pairs of uid and value.
        weights: Vec<(u16, u16)>,
        /// Our version.
        version_key: u64,
    },
    /// A commit by hash.
    Commit {
        /// The hash.
        hash: [u8; 32],
    },
    /// A timelocked commit.
    CommitTimelocked {
        /// The ciphertext.
        ciphertext: Vec<u8>,
        /// The round that opens it.
        round: u64,
    },
    /// The reveal of a commit by hash.
    Reveal {
        /// Uids.
        uids: Vec<u16>,
        /// Weight of each.
        values: Vec<u16>,
        /// The salt.
        salt: Vec<u16>,
        /// Our version.
        version_key: u64,
    },
}

impl Call {
    /// Its name, for logs and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Call::Set { .. } => "set_mechanism_weights",
            Call::Commit { .. } => "commit_weights",
            Call::CommitTimelocked { .. } => "commit_timelocked_weights",
            Call::Reveal { .. } => "reveal_weights",
        }
    }
}

/// The chain, for one hotkey in one mechanism of a subnet.
#[async_trait]
pub trait WeightsChain: Send + Sync {
    /// Everything that matters, at one block.
    async fn view(&self) -> Result<View, ChainError>;

    /// Signs a call that no block after `until` can contain, and sends nothing.
    async fn sign(&self, call: &Call, until: u64) -> Result<Signed, ChainError>;

    /// Hands a signed call over, the first time or again; the block that includes it.
    async fn submit(&self, call: &Call, signed: &Signed) -> Result<u64, ChainError>;

    /// The block of the best chain, up to `to`, that includes a signed call, and whether it succeeded there. `None` says
    /// that none of them does.
    async fn find(&self, signed: &Signed, to: u64) -> Result<Option<(u64, bool)>, ChainError>;

    /// Whether the chain says that it revealed the commit that `call` made in `block`, in a block up to `to`. Asked where the
    /// weights alone do not tell, since the same ones had been there before.
    async fn revealed(&self, call: &Call, block: u64, to: u64) -> Result<bool, ChainError>;

    /// Hash of the block of this number on the best chain, if that is as long.
    async fn block_hash(&self, number: u64) -> Result<Option<[u8; 32]>, ChainError>;
}
