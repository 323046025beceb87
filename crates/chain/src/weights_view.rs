//! Everything that decides about a validator's next weights, read at one block.

use crate::at::{At, account, number};
use crate::chain::{Chain, unread};
use crate::epoch::{EpochState, legacy_epoch};
use crate::error::ChainError;
use crate::items::{apis, constants, storage};
use crate::many::Many;
use axoneme_wallet::AccountId;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subxt::config::substrate::H256;
use subxt::utils::AccountId32;

/// Mechanisms share one number space with subnets: `mecid * 4096 + netuid`.
const SUBNETS_PER_MECHANISM: u16 = 4096;
/// Block time of the main chain, for a runtime that does not name its own.
const BLOCK_TIME: Duration = Duration::from_secs(12);
/// Field of the selective metagraph that holds each neuron's stake weight.
const TOTAL_STAKE: u16 = 69;

/// Key under which the chain stores what belongs to one mechanism of a subnet.
///
/// # Errors
/// [`ChainError::Encode`] for numbers that the chain has no room for.
pub fn netuid_index(netuid: u16, mecid: u8) -> Result<u16, ChainError> {
    let base = u16::from(mecid).checked_mul(SUBNETS_PER_MECHANISM);
    let index = base
        .filter(|_| netuid < SUBNETS_PER_MECHANISM)
        .map(|base| base + netuid);
    index.ok_or_else(|| ChainError::Encode {
        what: "the index of a mechanism".into(),
        detail: format!("netuid {netuid} and mecid {mecid} do not fit into 16 bits"),
    })
}

/// A commit by hash that is not revealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashCommit {
    /// What was committed.
    pub hash: [u8; 32],
    /// Epoch of the commit. Runtimes up to spec 393 have the block here.
    pub epoch: u64,
    /// Block of the commit. Runtimes up to spec 393 have the first block of the reveal here.
    pub block: u64,
}

/// A timelocked commit that the chain still keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelockedCommit {
    /// Epoch of the commit.
    pub epoch: u64,
    /// Block of the commit.
    pub block: u64,
    /// The ciphertext.
    pub commit: Vec<u8>,
    /// Drand round whose signature opens it.
    pub reveal_round: u64,
}

/// What the chain knows of one validator and one mechanism, with the rules that hold for it, all of one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightsView {
    /// The subnet.
    pub netuid: u16,
    /// The mechanism; 0 is the main one.
    pub mecid: u8,
    /// The validator.
    pub hotkey: AccountId,
    /// First block of this chain.
    pub genesis_hash: [u8; 32],
    /// Number of the block to which all of this belongs.
    pub block: u64,
    /// Its hash.
    pub block_hash: [u8; 32],
    /// Newest block that can no longer be replaced.
    pub finalized: u64,
    /// Time between two blocks.
    pub block_time: Duration,
    /// The block's own time, since 1970.
    pub wall_clock: Duration,
    /// Version of the runtime.
    pub spec_version: u32,
    /// Number of neurons in the subnet.
    pub neurons: u16,
    /// Place of the hotkey; `None` when it is not registered.
    pub uid: Option<u16>,
    /// Block of its registration; a uid that went to another hotkey has a later one.
    pub block_at_registration: Option<u64>,
    /// Whether its weights count.
    pub validator_permit: bool,
    /// Whether it is the hotkey of the subnet's owner, to which permit and stake threshold do not apply.
    pub is_owner_hotkey: bool,
    /// Stake that the chain holds against the threshold, in rao.
    pub stake_weight: u64,
    /// Stake below which no weights can be set, in rao.
    pub stake_threshold: u64,
    /// Whether weights are committed first and revealed later.
    pub commit_reveal: bool,
    /// Version of timelocked commits that the chain accepts.
    pub commit_reveal_version: u16,
    /// Epochs between commit and reveal.
    pub reveal_period: u64,
    /// Blocks between two weight settings or commits.
    pub rate_limit: u64,
    /// Lowest version key the chain accepts; 0 accepts all.
    pub version_key: u64,
    /// Fewest weights to be given.
    pub min_allowed_weights: u16,
    /// Largest share of one weight, as a fraction of 65535.
    pub max_weights_limit: u16,
    /// Number of mechanisms of the subnet.
    pub mechanisms: u8,
    /// The schedule of epochs. On a runtime without a stored one it is derived from the block number, and holds
    /// for the current epoch only.
    pub epoch: EpochState,
    /// Whether the runtime keeps its schedule as state (since spec 425).
    pub stateful_epochs: bool,
    /// Block of the latest weights or commit of this mechanism, or of the registration; 0 or `None` for never.
    pub last_update: Option<u64>,
    /// Its stored weights: uid and value.
    pub weights: Vec<(u16, u16)>,
    /// Its commits by hash, oldest first.
    pub commits: Vec<HashCommit>,
    /// Its timelocked commits in all epochs that the chain still keeps, oldest first.
    pub timelocked: Vec<TimelockedCommit>,
    /// Newest drand round whose pulse the chain has; `None` for a chain without a beacon.
    pub last_drand_round: Option<u64>,
    /// Public key of the beacon that the chain believes; `None` for a chain without a beacon.
    pub beacon_public_key: Option<Vec<u8>>,
}

impl WeightsView {
    /// First block in which the rate limit allows another setting or commit.
    pub fn allowed_from(&self) -> u64 {
        match self.last_update {
            None | Some(0) => self.block,
            Some(last) => last.saturating_add(self.rate_limit),
        }
    }
}

/// The part of a metagraph that says what stake counts.
#[derive(Default, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Stakes {
    total_stake: Option<Vec<u64>>,
}

/// The same from the older interface.
#[derive(Default, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct StateStakes {
    total_stake: Vec<u64>,
}

/// The beacon of timelocks.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct BeaconConfig {
    public_key: Vec<u8>,
}

type StoredTimelocked = Vec<(AccountId32, u64, Vec<u8>, u64)>;

impl Chain {
    /// What decides about a validator's next weights, at the best block.
    ///
    /// # Errors
    /// [`ChainError::SubnetNotFound`]; [`ChainError::Missing`] naming what an unknown runtime lacks; else when the
    /// chain cannot be asked within the deadline. A hotkey without a place is no error, see [`WeightsView::uid`].
    pub async fn weights_view(&self, netuid: u16, mecid: u8, hotkey: &AccountId) -> Result<WeightsView, ChainError> {
        netuid_index(netuid, mecid)?;
        self.read("weights_view", |at| async move {
            WeightsView::read(&at, netuid, mecid, hotkey).await
        })
        .await
    }

    /// As [`weights_view`](Self::weights_view), at a block that the node still has the state of.
    ///
    /// # Errors
    /// As [`weights_view`](Self::weights_view), and when the node does not know the block.
    pub async fn weights_view_at(
        &self,
        block_hash: [u8; 32],
        netuid: u16,
        mecid: u8,
        hotkey: &AccountId,
    ) -> Result<WeightsView, ChainError> {
        netuid_index(netuid, mecid)?;
        let what = "weights_view_at";
        let deadline = tokio::time::Instant::now() + self.config().request_timeout;
        self.with_live(what, deadline, |live| async move {
            let client = live.client.at_block(H256(block_hash)).await;
            let client = client.map_err(|error| unread(what, error))?;
            WeightsView::read(&At { client, live, what }, netuid, mecid, hotkey).await
        })
        .await
    }
}

impl WeightsView {
    pub(crate) async fn read(at: &At, netuid: u16, mecid: u8, hotkey: &AccountId) -> Result<Self, ChainError> {
        let index = netuid_index(netuid, mecid)?;
        let subnet = || vec![number(netuid)];
        let mut ask = Many::at(at);
        let exists = ask.add::<bool>(&storage::NETWORKS_ADDED, subnet())?;
        let now = ask.add::<u64>(&storage::NOW, vec![])?;
        let neurons = ask.add::<u16>(&storage::SUBNETWORK_N, subnet())?;
        let uid = ask.add::<u16>(&storage::UIDS, vec![number(netuid), account(hotkey)])?;
        let owner = ask.add_if_known::<AccountId32>(&storage::SUBNET_OWNER_HOTKEY, subnet())?;
        let permits = ask.add::<Vec<bool>>(&storage::VALIDATOR_PERMIT, subnet())?;
        let threshold = ask.add_if_known::<u64>(&storage::STAKE_THRESHOLD, vec![])?;
        let commit_reveal = ask.add::<bool>(&storage::COMMIT_REVEAL_ENABLED, subnet())?;
        let version = ask.add_if_known::<u16>(&storage::COMMIT_REVEAL_VERSION, vec![])?;
        let period = ask.add_if_known::<u64>(&storage::REVEAL_PERIOD_EPOCHS, subnet())?;
        let rate_limit = ask.add::<u64>(&storage::WEIGHTS_SET_RATE_LIMIT, subnet())?;
        let version_key = ask.add::<u64>(&storage::WEIGHTS_VERSION_KEY, subnet())?;
        let fewest = ask.add::<u16>(&storage::MIN_ALLOWED_WEIGHTS, subnet())?;
        let largest = ask.add_if_known::<u16>(&storage::MAX_WEIGHTS_LIMIT, subnet())?;
        let mechanisms = ask.add_if_known::<u8>(&storage::MECHANISM_COUNT, subnet())?;
        let tempo = ask.add::<u16>(&storage::TEMPO, subnet())?;
        let since_step = ask.add_if_known::<u64>(&storage::BLOCKS_SINCE_LAST_STEP, subnet())?;
        let last_epoch = ask.add_if_known::<u64>(&storage::LAST_EPOCH_BLOCK, subnet())?;
        let pending = ask.add_if_known::<u64>(&storage::PENDING_EPOCH_AT, subnet())?;
        let epoch_index = ask.add_if_known::<u64>(&storage::SUBNET_EPOCH_INDEX, subnet())?;
        let updates = ask.add::<Vec<u64>>(&storage::LAST_UPDATE, vec![number(index)])?;
        let own = || vec![number(index), account(hotkey)];
        let commits = ask.add_if_known::<Vec<([u8; 32], u64, u64, u64)>>(&storage::WEIGHT_COMMITS, own())?;
        let round = ask.add_if_known::<u64>(&storage::LAST_STORED_ROUND, vec![])?;

        let beacon = ask.add_if_known::<BeaconConfig>(&storage::BEACON_CONFIG, vec![])?;

        let (found, stakes, timelocked, finalized) = tokio::try_join!(
            ask.fetch(),
            stakes(at, netuid),
            timelocked(at, index, hotkey),
            finalized(at)
        )?;
        if !found.value(&exists)? {
            return Err(ChainError::SubnetNotFound { netuid });
        }
        let uid = found.optional(&uid)?;
        let (block_at_registration, weights) = match uid {
            Some(uid) => of_uid(at, netuid, index, uid).await?,
            None => (None, Vec::new()),
        };
        let place = uid.map(usize::from);
        let tempo = found.value(&tempo)?;
        let (epoch, stateful_epochs) = match found.optional(&last_epoch)? {
            Some(last_epoch_block) => {
                let state = EpochState {
                    last_epoch_block,
                    pending_epoch_at: found.optional(&pending)?.unwrap_or_default(),
                    subnet_epoch_index: found.optional(&epoch_index)?.unwrap_or_default(),
                    blocks_since_last_step: found.optional(&since_step)?.unwrap_or_default(),
                    tempo,
                    block: at.number(),
                };
                (state, true)
            }
            None => (legacy_epoch(netuid, tempo, at.number()), false),
        };
        let updates: Vec<u64> = found.value(&updates)?;
        let permits: Vec<bool> = found.value(&permits)?;
        let commits = found.optional(&commits)?.unwrap_or_default();
        Ok(WeightsView {
            netuid,
            mecid,
            hotkey: *hotkey,
            genesis_hash: at.live.genesis.0,
            block: at.number(),
            block_hash: at.client.block_hash().0,
            finalized,
            block_time: at
                .constant::<u64>(&constants::SLOT_DURATION)?
                .filter(|millis| *millis > 0)
                .map_or(BLOCK_TIME, Duration::from_millis),
            wall_clock: Duration::from_millis(found.value(&now)?),
            spec_version: at.client.spec_version(),
            neurons: found.value(&neurons)?,
            uid,
            block_at_registration,
            validator_permit: place.and_then(|uid| permits.get(uid).copied()).unwrap_or_default(),
            is_owner_hotkey: found.optional(&owner)?.is_some_and(|owner| owner.0 == hotkey.0),
            stake_weight: place.and_then(|uid| stakes.get(uid).copied()).unwrap_or_default(),
            stake_threshold: found.optional(&threshold)?.unwrap_or_default(),
            commit_reveal: found.value(&commit_reveal)?,
            commit_reveal_version: found.optional(&version)?.unwrap_or_default(),
            reveal_period: found.optional(&period)?.unwrap_or(1),
            rate_limit: found.value(&rate_limit)?,
            version_key: found.value(&version_key)?,
            min_allowed_weights: found.value(&fewest)?,
            max_weights_limit: found.optional(&largest)?.unwrap_or(u16::MAX),
            mechanisms: found.optional(&mechanisms)?.unwrap_or(1),
            epoch,
            stateful_epochs,
            last_update: place.and_then(|uid| updates.get(uid).copied()),
            weights,
            commits: commits
                .into_iter()
                .map(|(hash, epoch, block, _)| HashCommit { hash, epoch, block })
                .collect(),
            timelocked,
            last_drand_round: found.optional(&round)?,
            // A beacon of an unknown kind is no reason to go without all the rest.
            beacon_public_key: found.optional(&beacon).ok().flatten().map(|beacon| beacon.public_key),
        })
    }
}

/// Number of the newest final block.
async fn finalized(at: &At) -> Result<u64, ChainError> {
    let refused = |error: subxt::rpcs::Error| unread(at.what, error);
    let head = at.live.methods.chain_get_finalized_head().await.map_err(refused)?;
    let header = at.live.methods.chain_get_header(Some(head)).await.map_err(refused)?;
    Ok(header.map_or(0, |header| header.number))
}

/// The stake weight of each neuron.
async fn stakes(at: &At, netuid: u16) -> Result<Vec<u64>, ChainError> {
    if at.has_api(&apis::GET_SELECTIVE_METAGRAPH) {
        let args = vec![number(netuid), crate::call::numbers([TOTAL_STAKE])];
        let found: Option<Stakes> = at.api(&apis::GET_SELECTIVE_METAGRAPH, args).await?;
        return Ok(found.and_then(|found| found.total_stake).unwrap_or_default());
    }
    let found: Option<StateStakes> = at.api(&apis::GET_SUBNET_STATE, vec![number(netuid)]).await?;
    Ok(found.unwrap_or_default().total_stake)
}

/// The timelocked commits of one hotkey in all epochs.
async fn timelocked(at: &At, index: u16, hotkey: &AccountId) -> Result<Vec<TimelockedCommit>, ChainError> {
    if !at.has_storage(&storage::TIMELOCKED_WEIGHT_COMMITS) {
        return Ok(Vec::new());
    }
    let mut epochs: Vec<(u64, StoredTimelocked)> = at
        .entries(&storage::TIMELOCKED_WEIGHT_COMMITS, vec![number(index)])
        .await?;
    epochs.sort_unstable_by_key(|(epoch, _)| *epoch);
    let all = epochs
        .into_iter()
        .flat_map(|(epoch, commits)| commits.into_iter().map(move |commit| (epoch, commit)));
    Ok(all
        .filter(|(_, (committer, ..))| committer.0 == hotkey.0)
        .map(|(epoch, (_, block, commit, reveal_round))| TimelockedCommit {
            epoch,
            block,
            commit,
            reveal_round,
        })
        .collect())
}

/// Registration block and weights of one place.
async fn of_uid(at: &At, netuid: u16, index: u16, uid: u16) -> Result<(Option<u64>, Vec<(u16, u16)>), ChainError> {
    let mut ask = Many::at(at);
    let registered = ask.add::<u64>(&storage::BLOCK_AT_REGISTRATION, vec![number(netuid), number(uid)])?;
    let weights = ask.add::<Vec<(u16, u16)>>(&storage::WEIGHTS, vec![number(index), number(uid)])?;
    let found = ask.fetch().await?;
    Ok((Some(found.value(&registered)?), found.value(&weights)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_share_the_number_space_of_subnets() {
        assert_eq!(netuid_index(1, 0).expect("fits"), 1);
        assert_eq!(netuid_index(12, 3).expect("fits"), 3 * 4096 + 12);
        assert_eq!(netuid_index(4095, 15).expect("fits"), u16::MAX);
        assert!(netuid_index(4096, 0).is_err());
        assert!(netuid_index(1, 16).is_err());
    }
}
