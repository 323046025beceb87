//! Public notes of a hotkey on a subnet, in the open or timelocked.

use crate::at::number;
use crate::call::Call;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::Receipt;
use axoneme_wallet::Keypair;
use serde::{Deserialize, Serialize};
use subxt::dynamic::Value;

/// Longest field that the chain stores as it is.
const RAW: usize = 128;
/// Longest field at all.
const BIG_RAW: usize = 512;
/// Most fields in one commitment.
const FIELDS: usize = 3;

/// One field of a commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CommitmentField {
    /// Bytes in the open, at most 512.
    Raw(Vec<u8>),
    /// Bytes that the chain opens at a drand round.
    Timelocked {
        /// The ciphertext.
        encrypted: Vec<u8>,
        /// Round whose signature opens it.
        reveal_round: u64,
    },
    /// Asks for the bonds towards this hotkey to be forgotten.
    ResetBonds,
    /// The hash of something.
    Hash {
        /// Name of the hash function as the chain has it (`BlakeTwo256`, `Sha256`, `Keccak256`, `ShaThree256`).
        kind: String,
        /// The hash.
        hash: Vec<u8>,
    },
    /// A kind of field that a newer runtime added.
    Unknown(String),
}

impl CommitmentField {
    fn value(&self) -> Result<Value, ChainError> {
        let wrong = |detail: String| ChainError::Encode {
            what: "a commitment".into(),
            detail,
        };
        Ok(match self {
            CommitmentField::Raw(bytes) if bytes.len() <= RAW => {
                Value::unnamed_variant(format!("Raw{}", bytes.len()), [Value::from_bytes(bytes)])
            }
            CommitmentField::Raw(bytes) if bytes.len() <= BIG_RAW => {
                Value::unnamed_variant("BigRaw", [Value::from_bytes(bytes)])
            }
            CommitmentField::Raw(bytes) => {
                return Err(wrong(format!(
                    "a field of {} bytes; {BIG_RAW} are the most",
                    bytes.len()
                )));
            }
            CommitmentField::Timelocked {
                encrypted,
                reveal_round,
            } => Value::named_variant(
                "TimelockEncrypted",
                [
                    ("encrypted", Value::from_bytes(encrypted)),
                    ("reveal_round", number(*reveal_round)),
                ],
            ),
            CommitmentField::ResetBonds => Value::unnamed_variant("ResetBondsFlag", []),
            CommitmentField::Hash { kind, hash } => Value::unnamed_variant(kind, [Value::from_bytes(hash)]),
            CommitmentField::Unknown(name) => return Err(wrong(format!("a field of the unknown kind `{name}`"))),
        })
    }
}

impl Call {
    /// Publishes a note of the signing hotkey on a subnet, in the place of the one before.
    ///
    /// # Errors
    /// [`ChainError::Encode`] for more than three fields, or one of more than 512 bytes.
    pub fn set_commitment(netuid: u16, fields: &[CommitmentField]) -> Result<Call, ChainError> {
        if fields.len() > FIELDS {
            return Err(ChainError::Encode {
                what: "a commitment".into(),
                detail: format!("{} fields; {FIELDS} are the most", fields.len()),
            });
        }
        let fields = fields.iter().map(CommitmentField::value);
        let fields = Value::unnamed_composite(fields.collect::<Result<Vec<_>, _>>()?);
        let info = Value::named_composite([("fields", fields)]);
        Ok(Call::quick(
            "set_commitment",
            calls::SET_COMMITMENT.with([number(netuid), info]),
        ))
    }
}

impl Chain {
    /// Publishes bytes for everybody to read: the usual commitment of a miner. Costs nothing.
    ///
    /// # Errors
    /// Among others `AccountNotAllowedCommit` and `SpaceLimitExceeded`, with advice.
    pub async fn set_commitment(&self, hotkey: &Keypair, netuid: u16, bytes: &[u8]) -> Result<Receipt, ChainError> {
        let call = Call::set_commitment(netuid, &[CommitmentField::Raw(bytes.to_vec())])?;
        self.make(hotkey, call).await
    }
}
