//! The mechanisms of a subnet: how many, their metagraphs, weights and bonds.

use crate::at::number;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::{StorageItem, storage};
use crate::metagraph::{Metagraph, PartialMetagraph};
use crate::weights_view::netuid_index;

/// By validator uid, pairs of uid and value.
pub(crate) type Rows = Vec<(u16, Vec<(u16, u16)>)>;

impl Chain {
    /// Number of mechanisms of a subnet.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn mechanism_count(&self, netuid: u16) -> Result<u8, ChainError> {
        self.read("mechanism_count", |at| async move {
            let count = at
                .value_if_known(&storage::MECHANISM_COUNT, vec![number(netuid)])
                .await?;
            Ok(count.unwrap_or(1))
        })
        .await
    }

    /// How the emission is shared between mechanisms, in parts of 65535; `None` for equal shares.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn mechanism_emission_split(&self, netuid: u16) -> Result<Option<Vec<u16>>, ChainError> {
        self.read("mechanism_emission_split", |at| async move {
            at.value_if_known(&storage::MECHANISM_EMISSION_SPLIT, vec![number(netuid)])
                .await
        })
        .await
    }

    /// All neurons of a subnet with the scores of one mechanism.
    ///
    /// # Errors
    /// As [`Chain::metagraph`].
    pub async fn mechagraph(&self, netuid: u16, mecid: u8) -> Result<Metagraph, ChainError> {
        self.read("mechagraph", |at| async move {
            Metagraph::read_mechanism(&at, netuid, mecid).await
        })
        .await
    }

    /// Chosen columns of a metagraph, for whoever needs few of them often.
    ///
    /// # Errors
    /// As [`Chain::metagraph`].
    pub async fn selective_metagraph(&self, netuid: u16, columns: &[u16]) -> Result<PartialMetagraph, ChainError> {
        self.read("selective_metagraph", |at| async move {
            PartialMetagraph::read(&at, netuid, columns).await
        })
        .await
    }

    /// The weights that validators have set for one mechanism.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn mechanism_weights(&self, netuid: u16, mecid: u8) -> Result<Rows, ChainError> {
        self.rows("mechanism_weights", &storage::WEIGHTS, netuid, mecid).await
    }

    /// The bonds of validators to miners for one mechanism, as fractions of 65535.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn bonds(&self, netuid: u16, mecid: u8) -> Result<Rows, ChainError> {
        self.rows("bonds", &storage::BONDS, netuid, mecid).await
    }

    async fn rows(&self, what: &'static str, item: &StorageItem, netuid: u16, mecid: u8) -> Result<Rows, ChainError> {
        let index = netuid_index(netuid, mecid)?;
        self.read(what, |at| async move {
            let mut rows: Rows = at.entries(item, vec![number(index)]).await?;
            rows.sort_unstable_by_key(|(uid, _)| *uid);
            Ok(rows)
        })
        .await
    }
}
