//! Questions to the chain.

mod commitments;
mod identity;
mod mechanisms;
mod stake;

#[cfg(test)]
pub(crate) use commitments::Registration;
pub use commitments::{Commitment, RevealedCommitment};
pub use stake::{StakePlace, SwapPreview};

use crate::at::{At, account, number};
use crate::axon::{AxonEndpoint, AxonRecord, CertificateRecord, PrometheusRecord, u128_to_ip};
use crate::chain::{Chain, count};
use crate::epoch::{EpochState, legacy_blocks_until_next};
use crate::error::ChainError;
use crate::hyperparameters::Hyperparameters;
use crate::items::{apis, storage};
use crate::metagraph::Metagraph;
use axoneme_wallet::AccountId;
use std::net::SocketAddr;
use subxt::utils::AccountId32;
use tokio::time::Instant;

/// The part of an account that says what it can spend.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountInfo {
    data: AccountData,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountData {
    free: u64,
}

impl Chain {
    /// Whether the subnet exists.
    ///
    /// # Errors
    /// When the chain cannot be asked within the deadline. So for all reads below.
    pub async fn subnet_exists(&self, netuid: u16) -> Result<bool, ChainError> {
        self.read("subnet_exists", |at| async move { exists(&at, netuid).await })
            .await
    }

    /// The netuids of all subnets, in order; 0 is the root.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn subnets(&self) -> Result<Vec<u16>, ChainError> {
        self.read("subnets", |at| async move {
            let all: Vec<(u16, bool)> = at.entries(&storage::NETWORKS_ADDED, vec![]).await?;
            let mut netuids: Vec<u16> = all
                .into_iter()
                .filter(|(_, added)| *added)
                .map(|(netuid, _)| netuid)
                .collect();
            netuids.sort_unstable();
            Ok(netuids)
        })
        .await
    }

    /// The settings of a subnet.
    ///
    /// # Errors
    /// [`ChainError::SubnetNotFound`], else as [`Chain::subnet_exists`].
    pub async fn hyperparameters(&self, netuid: u16) -> Result<Hyperparameters, ChainError> {
        self.read("hyperparameters", |at| async move {
            Hyperparameters::read(&at, netuid).await
        })
        .await
    }

    /// All neurons of a subnet at the best block.
    ///
    /// # Errors
    /// [`ChainError::SubnetNotFound`], else as [`Chain::subnet_exists`].
    pub async fn metagraph(&self, netuid: u16) -> Result<Metagraph, ChainError> {
        let (what, started) = ("metagraph", Instant::now());
        let deadline = started + self.config().request_timeout;
        let outcome = self
            .with_live(what, deadline, |live| async move {
                Metagraph::read_at_once(&live, what, netuid).await
            })
            .await;
        count(what, started, &outcome);
        outcome
    }

    /// The uid of a hotkey, if it is registered there.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn uid_of(&self, netuid: u16, hotkey: &AccountId) -> Result<Option<u16>, ChainError> {
        self.read("uid_of", |at| async move {
            at.stored(&storage::UIDS, vec![number(netuid), account(hotkey)]).await
        })
        .await
    }

    /// The coldkey that owns a hotkey; `None` for a hotkey that the chain has never seen.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn owner_of(&self, hotkey: &AccountId) -> Result<Option<AccountId>, ChainError> {
        self.read("owner_of", |at| async move {
            let owner: Option<AccountId32> = at.stored(&storage::OWNER, vec![account(hotkey)]).await?;
            // The item's default is the account of zeros.
            Ok(owner.map(|owner| AccountId(owner.0)).filter(|owner| owner.0 != [0; 32]))
        })
        .await
    }

    /// The coldkey that owns a subnet.
    ///
    /// # Errors
    /// [`ChainError::SubnetNotFound`], else as [`Chain::subnet_exists`].
    pub async fn subnet_owner(&self, netuid: u16) -> Result<AccountId, ChainError> {
        self.read("subnet_owner", |at| async move {
            require_subnet(&at, netuid).await?;
            let owner: AccountId32 = at.value(&storage::SUBNET_OWNER, vec![number(netuid)]).await?;
            Ok(AccountId(owner.0))
        })
        .await
    }

    /// What an account can spend, in rao.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn balance(&self, owner: &AccountId) -> Result<u64, ChainError> {
        self.read("balance", |at| async move {
            let found: Option<AccountInfo> = at.stored(&storage::ACCOUNT, vec![account(owner)]).await?;
            Ok(found.map_or(0, |found| found.data.free))
        })
        .await
    }

    /// The account that is root on this chain; `None` where there is no sudo.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn sudo_account(&self) -> Result<Option<AccountId>, ChainError> {
        self.read("sudo_account", |at| async move {
            let key: Option<AccountId32> = at.value_if_known(&storage::SUDO_KEY, vec![]).await?;
            Ok(key.map(|key| AccountId(key.0)))
        })
        .await
    }

    /// What registering a neuron costs at the moment, in rao.
    ///
    /// # Errors
    /// [`ChainError::SubnetNotFound`], else as [`Chain::subnet_exists`].
    pub async fn burn_cost(&self, netuid: u16) -> Result<u64, ChainError> {
        self.read("burn_cost", |at| async move {
            require_subnet(&at, netuid).await?;
            at.value(&storage::BURN, vec![number(netuid)]).await
        })
        .await
    }

    /// What creating a subnet costs at the moment, in rao.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn network_registration_cost(&self) -> Result<u64, ChainError> {
        self.read("network_registration_cost", |at| async move {
            at.api(&apis::GET_NETWORK_REGISTRATION_COST, vec![]).await
        })
        .await
    }

    /// The weights that validators have set: by validator uid, pairs of uid and value.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn weights(&self, netuid: u16) -> Result<Vec<(u16, Vec<(u16, u16)>)>, ChainError> {
        self.read("weights", |at| async move {
            let mut rows: Vec<(u16, Vec<(u16, u16)>)> = at.entries(&storage::WEIGHTS, vec![number(netuid)]).await?;
            rows.sort_unstable_by_key(|(uid, _)| *uid);
            Ok(rows)
        })
        .await
    }

    /// Block at which a neuron last set weights, or registered; `None` when there is no such uid.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn last_update(&self, netuid: u16, uid: u16) -> Result<Option<u64>, ChainError> {
        self.read("last_update", |at| async move {
            let blocks: Vec<u64> = at.value(&storage::LAST_UPDATE, vec![number(netuid)]).await?;
            Ok(blocks.get(usize::from(uid)).copied())
        })
        .await
    }

    /// The axon that a hotkey has announced.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn axon_of(&self, netuid: u16, hotkey: &AccountId) -> Result<Option<AxonEndpoint>, ChainError> {
        self.read("axon_of", |at| async move {
            let keys = vec![number(netuid), account(hotkey)];
            let record: Option<AxonRecord> = at.stored(&storage::AXONS, keys).await?;
            Ok(record.as_ref().and_then(AxonEndpoint::from_record))
        })
        .await
    }

    /// The public key of TLS that a hotkey has published: a byte for the algorithm, then the key.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn tls_key_of(&self, netuid: u16, hotkey: &AccountId) -> Result<Option<Vec<u8>>, ChainError> {
        self.read("tls_key_of", |at| async move {
            let keys = vec![number(netuid), account(hotkey)];
            let record: Option<CertificateRecord> = at.value_if_known(&storage::NEURON_CERTIFICATES, keys).await?;
            Ok(record.map(CertificateRecord::published))
        })
        .await
    }

    /// Where a hotkey says that its metrics can be read.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn prometheus_of(&self, netuid: u16, hotkey: &AccountId) -> Result<Option<SocketAddr>, ChainError> {
        self.read("prometheus_of", |at| async move {
            let keys = vec![number(netuid), account(hotkey)];
            let record: Option<PrometheusRecord> = at.stored(&storage::PROMETHEUS, keys).await?;
            Ok(record.and_then(|record| {
                let ip = u128_to_ip(record.ip, record.ip_type)?;
                (record.port != 0).then_some(SocketAddr::new(ip, record.port))
            }))
        })
        .await
    }

    /// Block at which the next epoch starts; `None` for a subnet without epochs.
    ///
    /// # Errors
    /// [`ChainError::SubnetNotFound`], else as [`Chain::subnet_exists`].
    pub async fn next_epoch_start(&self, netuid: u16) -> Result<Option<u64>, ChainError> {
        self.read("next_epoch_start", |at| async move {
            require_subnet(&at, netuid).await?;
            if at.has_api(&apis::GET_NEXT_EPOCH_START_BLOCK) {
                return at.api(&apis::GET_NEXT_EPOCH_START_BLOCK, vec![number(netuid)]).await;
            }
            let tempo: u16 = at.value(&storage::TEMPO, vec![number(netuid)]).await?;
            if !at.has_storage(&storage::LAST_EPOCH_BLOCK) {
                let blocks = legacy_blocks_until_next(netuid, tempo, at.number());
                return Ok(blocks.map(|blocks| at.number() + blocks));
            }
            let state = EpochState {
                tempo,
                last_epoch_block: at.value(&storage::LAST_EPOCH_BLOCK, vec![number(netuid)]).await?,
                pending_epoch_at: at.value(&storage::PENDING_EPOCH_AT, vec![number(netuid)]).await?,
                block: at.number(),
                ..EpochState::default()
            };
            Ok(state.next_start())
        })
        .await
    }
}

async fn exists(at: &At, netuid: u16) -> Result<bool, ChainError> {
    at.value(&storage::NETWORKS_ADDED, vec![number(netuid)]).await
}

async fn require_subnet(at: &At, netuid: u16) -> Result<(), ChainError> {
    match exists(at, netuid).await? {
        true => Ok(()),
        false => Err(ChainError::SubnetNotFound { netuid }),
    }
}
