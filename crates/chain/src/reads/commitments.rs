//! What hotkeys have published on a subnet.

use crate::at::{account, number};
use crate::calls::CommitmentField;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::storage;
use axoneme_wallet::AccountId;
use subxt::dynamic::Value;
use subxt::ext::scale_value::{Composite, Primitive, ValueDef};
use subxt::utils::AccountId32;

/// A stored commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Block in which it was published.
    pub block: u64,
    /// Its fields; timelocked ones go when they are opened.
    pub fields: Vec<CommitmentField>,
}

/// What a timelocked field turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevealedCommitment {
    /// Block in which it was opened.
    pub block: u64,
    /// The bytes that were encrypted. The Python clients encrypt a SCALE string: its length, then the text.
    pub bytes: Vec<u8>,
}

/// As the chain stores it.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct Registration {
    block: u32,
    info: Info,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Info {
    fields: Vec<Value>,
}

impl From<Registration> for Commitment {
    fn from(stored: Registration) -> Self {
        Commitment {
            block: stored.block.into(),
            fields: stored.info.fields.iter().map(field).collect(),
        }
    }
}

fn field(value: &Value) -> CommitmentField {
    let ValueDef::Variant(variant) = &value.value else {
        return CommitmentField::Unknown("a field that is no variant".into());
    };
    let first = variant.values.values().next().map(bytes).unwrap_or_default();
    match variant.name.as_str() {
        "None" => CommitmentField::Raw(Vec::new()),
        "BigRaw" => CommitmentField::Raw(first),
        "ResetBondsFlag" => CommitmentField::ResetBonds,
        "TimelockEncrypted" => {
            let named = match &variant.values {
                Composite::Named(fields) => fields.iter().find(|(name, _)| name == "reveal_round").map(|(_, v)| v),
                Composite::Unnamed(fields) => fields.get(1),
            };
            let round = named.and_then(crate::hyperparameters::scalar).unwrap_or_default();
            CommitmentField::Timelocked {
                encrypted: first,
                reveal_round: u64::try_from(round).unwrap_or(u64::MAX),
            }
        }
        name if name
            .strip_prefix("Raw")
            .is_some_and(|length| length.parse::<u16>().is_ok()) =>
        {
            CommitmentField::Raw(first)
        }
        kind @ ("BlakeTwo256" | "Sha256" | "Keccak256" | "ShaThree256") => CommitmentField::Hash {
            kind: kind.to_owned(),
            hash: first,
        },
        other => CommitmentField::Unknown(other.to_owned()),
    }
}

/// The bytes inside, however many wrappers there are around the list.
fn bytes(value: &Value) -> Vec<u8> {
    match &value.value {
        ValueDef::Composite(inner) => {
            let byte = |value: &Value| match &value.value {
                ValueDef::Primitive(Primitive::U128(byte)) => u8::try_from(*byte).ok(),
                _ => None,
            };
            match inner.values().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => bytes,
                None => inner.values().next().map(bytes).unwrap_or_default(),
            }
        }
        _ => Vec::new(),
    }
}

impl Chain {
    /// What a hotkey has published on a subnet.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn commitment(&self, netuid: u16, hotkey: &AccountId) -> Result<Option<Commitment>, ChainError> {
        self.read("commitment", |at| async move {
            let keys = vec![number(netuid), account(hotkey)];
            let found: Option<Registration> = at.stored(&storage::COMMITMENT_OF, keys).await?;
            Ok(found.map(Commitment::from))
        })
        .await
    }

    /// What all hotkeys have published on a subnet, at one block.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn commitments(&self, netuid: u16) -> Result<Vec<(AccountId, Commitment)>, ChainError> {
        self.read("commitments", |at| async move {
            let found: Vec<(AccountId32, Registration)> =
                at.entries(&storage::COMMITMENT_OF, vec![number(netuid)]).await?;
            Ok(found
                .into_iter()
                .map(|(hotkey, stored)| (AccountId(hotkey.0), stored.into()))
                .collect())
        })
        .await
    }

    /// The timelocked fields of a hotkey that were opened, oldest first; the chain keeps the last ten.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn revealed_commitments(
        &self,
        netuid: u16,
        hotkey: &AccountId,
    ) -> Result<Vec<RevealedCommitment>, ChainError> {
        self.read("revealed_commitments", |at| async move {
            let keys = vec![number(netuid), account(hotkey)];
            let found: Option<Vec<(Vec<u8>, u64)>> = at.stored(&storage::REVEALED_COMMITMENTS, keys).await?;
            let all = found.unwrap_or_default().into_iter();
            Ok(all.map(|(bytes, block)| RevealedCommitment { block, bytes }).collect())
        })
        .await
    }

    /// Bytes that one hotkey may publish in one epoch.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn commitment_space(&self) -> Result<u32, ChainError> {
        self.read("commitment_space", |at| async move {
            at.value(&storage::MAX_SPACE, vec![]).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_by_name() {
        let list = |bytes: &[u8]| Value::unnamed_composite(bytes.iter().map(|byte| Value::u128((*byte).into())));
        let raw = Value::unnamed_variant("Raw2", [list(b"hi")]);
        assert_eq!(field(&raw), CommitmentField::Raw(b"hi".to_vec()));
        let wrapped = Value::unnamed_variant("BigRaw", [Value::unnamed_composite([list(b"xyz")])]);
        assert_eq!(field(&wrapped), CommitmentField::Raw(b"xyz".to_vec()));
        let locked = [("encrypted", list(&[1, 2])), ("reveal_round", Value::u128(5))];
        assert_eq!(
            field(&Value::named_variant("TimelockEncrypted", locked)),
            CommitmentField::Timelocked {
                encrypted: vec![1, 2],
                reveal_round: 5
            }
        );
        let newer = Value::unnamed_variant("Rawhide", [list(&[1])]);
        assert_eq!(field(&newer), CommitmentField::Unknown("Rawhide".into()));
    }
}
