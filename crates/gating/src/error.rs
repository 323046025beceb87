//! Why the gating model refuses.

use std::path::PathBuf;

/// Why a gating head refuses to score, learn, save or load. It is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatingError {
    /// The vector of the prompt is not as long as the rows of the head.
    #[error(
        "the prompt's vector has {got} numbers and the gating head is made for {expected}; it belongs to another encoder"
    )]
    Dimensions {
        /// Numbers in a row.
        expected: usize,
        /// Numbers that came.
        got: usize,
    },
    /// The encoder returned something that is not a number, or is too large to work with.
    #[error("the prompt's vector holds a number that is not finite; the encoder is broken")]
    NotFinite,
    /// A uid beyond the head's size.
    #[error("uid {uid} is beyond the gating head of {size} uids; grow the head first")]
    UnknownUid {
        /// The uid.
        uid: u16,
        /// Uids the head knows.
        size: usize,
    },
    /// One reward for each uid asked is due.
    #[error("{rewards} rewards came for {uids} uids")]
    Rewards {
        /// Uids.
        uids: usize,
        /// Rewards.
        rewards: usize,
    },
    /// The file system refused.
    #[error("cannot {action} the gating head {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not a saved head.
    #[error("the saved gating head is damaged ({0}); remove it to start the gating model anew")]
    Damaged(String),
    /// Written by a newer program.
    #[error(
        "the saved gating head has version {found}, this program reads up to {known}; run the program that wrote it, or remove it"
    )]
    Version {
        /// Version in the file.
        found: u32,
        /// Newest version known here.
        known: u32,
    },
    /// The encoder failed.
    #[error("the gating model's encoder failed")]
    Encoder(#[source] axoneme_reward::ModelFault),
}
