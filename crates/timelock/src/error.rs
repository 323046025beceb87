//! What can be wrong with a ciphertext, a key or a schedule.

/// Why something timelocked could not be made or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimelockError {
    /// The key is no point of the beacon's group.
    #[error("the beacon's public key is no valid point; correct the beacon in the configuration")]
    PublicKey,
    /// The signature is no point of the group of signatures.
    #[error("the beacon's signature is no valid point; the pulse is damaged or of another scheme")]
    Signature,
    /// The secret of a development beacon is zero modulo the order of the group.
    #[error("the secret of a development beacon must not be zero")]
    Secret,
    /// The ciphertext does not have the layout of commit–reveal version 4.
    #[error("the ciphertext is malformed at {part}; it was damaged, cut, or made by another scheme")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// The signature does not open this ciphertext.
    #[error("this signature does not open the ciphertext; it was encrypted to another round or another beacon")]
    WrongSignature,
    /// The cipher below refused: the text was changed.
    #[error("the encrypted text was changed after it was encrypted")]
    Tampered,
    /// The opened text is no weights payload.
    #[error("the opened text is no weights payload: {0}")]
    Payload(String),
    /// The text is too long for a ciphertext.
    #[error("cannot encrypt {length} bytes; the chain takes commits of at most {limit} bytes")]
    TooLong {
        /// Bytes of the text.
        length: usize,
        /// Limit of the chain for the whole commit.
        limit: usize,
    },
    /// A subnet whose tempo is 0 has no epochs.
    #[error("this subnet has tempo 0, so it has no epochs and nothing is ever revealed; ask its owner")]
    NoEpochs,
    /// The reveal lies further ahead than any chain would keep a commit.
    #[error("a reveal period of {period} epochs is too long; ask the owner of the subnet")]
    TooFar {
        /// The period.
        period: u64,
    },
}
