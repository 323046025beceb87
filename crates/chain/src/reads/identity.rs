//! Who accounts and subnets say they are, and which hotkeys lend each other their weight.

use crate::at::{account, number};
use crate::calls::{Identity, StoredIdentity, StoredSubnetIdentity, SubnetIdentity};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::{StorageItem, storage};
use axoneme_wallet::AccountId;
use subxt::utils::AccountId32;

impl Chain {
    /// What a coldkey says about itself.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn identity(&self, coldkey: &AccountId) -> Result<Option<Identity>, ChainError> {
        self.read("identity", |at| async move {
            let found: Option<StoredIdentity> = at.stored(&storage::IDENTITIES, vec![account(coldkey)]).await?;
            Ok(found.map(Identity::from))
        })
        .await
    }

    /// What a subnet says about itself.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn subnet_identity(&self, netuid: u16) -> Result<Option<SubnetIdentity>, ChainError> {
        self.read("subnet_identity", |at| async move {
            let keys = vec![number(netuid)];
            let found: Option<StoredSubnetIdentity> = at.stored(&storage::SUBNET_IDENTITIES, keys).await?;
            Ok(found.map(SubnetIdentity::from))
        })
        .await
    }

    /// To whom a hotkey lends shares of its stake weight: fraction of 2^64 - 1, and whom.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn children(&self, hotkey: &AccountId, netuid: u16) -> Result<Vec<(u64, AccountId)>, ChainError> {
        self.relatives("children", &storage::CHILD_KEYS, hotkey, netuid).await
    }

    /// Who lends shares of their stake weight to a hotkey: fraction of 2^64 - 1, and who.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn parents(&self, hotkey: &AccountId, netuid: u16) -> Result<Vec<(u64, AccountId)>, ChainError> {
        self.relatives("parents", &storage::PARENT_KEYS, hotkey, netuid).await
    }

    async fn relatives(
        &self,
        what: &'static str,
        item: &StorageItem,
        hotkey: &AccountId,
        netuid: u16,
    ) -> Result<Vec<(u64, AccountId)>, ChainError> {
        self.read(what, |at| async move {
            let keys = vec![account(hotkey), number(netuid)];
            let found: Option<Vec<(u64, AccountId32)>> = at.stored(item, keys).await?;
            let all = found.unwrap_or_default().into_iter();
            Ok(all.map(|(share, hotkey)| (share, AccountId(hotkey.0))).collect())
        })
        .await
    }
}
