//! Calls that change the chain, and the methods of [`Chain`] that make them.
//!
//! A [`Call`] is built without a connection; [`Chain::submit_call`] signs it, waits until it is in a block, and
//! reports the runtime's error by name if it failed there.

mod commitments;
mod owner;
mod register;
mod serve;
mod stake;
mod weights;

pub use commitments::CommitmentField;
pub use owner::{Identity, SubnetIdentity, Text};
pub(crate) use owner::{StoredIdentity, StoredSubnetIdentity};
pub use serve::Served;
pub use stake::{PriceLimit, StakeMove};
pub use weights::{RevealedWeights, SubnetWeights, WeightsBatch};

use crate::call::{Batch, Call, Submittable, address};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::Receipt;
use axoneme_wallet::{AccountId, Keypair};
use subxt::dynamic::Value;

/// What came of a batch.
#[derive(Debug, Clone)]
pub struct BatchOutcome {
    /// Where the transaction ended up.
    pub receipt: Receipt,
    /// The outcome of each call in order; those after the one that stopped the batch are missing.
    pub items: Vec<Result<(), ChainError>>,
}

impl Chain {
    /// Submits a batch and tells the outcome of each call in it.
    ///
    /// # Errors
    /// As [`Chain::submit_call`]. With [`Call::batch_all`] the error of the call that failed is the error of all.
    pub async fn submit_batch(&self, key: &Keypair, batch: &Batch) -> Result<BatchOutcome, ChainError> {
        let included = self.submit(key, batch).await?;
        Ok(BatchOutcome {
            receipt: included.receipt,
            items: included.items(batch.len()),
        })
    }

    /// Submits one call and returns its receipt.
    pub(crate) async fn make(&self, key: &Keypair, call: impl Submittable) -> Result<Receipt, ChainError> {
        self.submit_call(key, &call).await
    }

    /// Sends `rao` to another account, leaving the sender's account alive.
    ///
    /// # Errors
    /// Among others `FundsUnavailable`, with advice.
    pub async fn transfer(&self, from: &Keypair, to: &AccountId, rao: u64) -> Result<Receipt, ChainError> {
        self.make(from, Call::transfer(to, rao)).await
    }
}

impl Call {
    /// Sends `rao` to another account, leaving the sender's account alive.
    pub fn transfer(to: &AccountId, rao: u64) -> Call {
        let args = [address(to), Value::u128(rao.into())];
        Call::spending("transfer", calls::TRANSFER_KEEP_ALIVE.with(args))
    }

    /// Sends `rao` to another account, even if the sender's account ends with it.
    pub fn transfer_allow_death(to: &AccountId, rao: u64) -> Call {
        let args = [address(to), Value::u128(rao.into())];
        Call::spending("transfer_allow_death", calls::TRANSFER_ALLOW_DEATH.with(args))
    }

    /// Sends everything that can be spent.
    pub fn transfer_all(to: &AccountId, keep_alive: bool) -> Call {
        Call::spending(
            "transfer_all",
            calls::TRANSFER_ALL.with([address(to), Value::bool(keep_alive)]),
        )
    }

    /// Lets `delegate` make calls of the kind that `kind` names (`Any`, `Staking`, `Registration` …) for the signer,
    /// `delay` blocks after it announced them.
    pub fn add_proxy(delegate: &AccountId, kind: &str, delay: u32) -> Call {
        let args = [
            address(delegate),
            Value::unnamed_variant(kind, []),
            Value::u128(delay.into()),
        ];
        Call::spending("add_proxy", calls::ADD_PROXY.with(args))
    }

    /// Takes back what [`add_proxy`](Self::add_proxy) allowed with the same arguments.
    pub fn remove_proxy(delegate: &AccountId, kind: &str, delay: u32) -> Call {
        let args = [
            address(delegate),
            Value::unnamed_variant(kind, []),
            Value::u128(delay.into()),
        ];
        Call::spending("remove_proxy", calls::REMOVE_PROXY.with(args))
    }
}
