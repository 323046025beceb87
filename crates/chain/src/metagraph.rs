//! Everything the chain knows about the neurons of a subnet, at one block.

use crate::at::{At, number};
use crate::axon::{AxonEndpoint, AxonRecord};
use crate::call::numbers;
use crate::chain::unread;
use crate::error::ChainError;
use crate::items::{apis, storage};
use crate::many::Many;
use crate::weights::fraction;
use crate::wire::Live;
use axoneme_wallet::AccountId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use subxt::utils::AccountId32;

/// A subnet at one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metagraph {
    /// The subnet.
    pub netuid: u16,
    /// Block to which everything here belongs.
    pub block: u64,
    /// Blocks between epochs.
    pub tempo: u16,
    /// Block of the latest epoch, from which the scores are.
    pub last_step: u64,
    /// The neurons; the index is the uid.
    pub neurons: Vec<Neuron>,
}

impl Metagraph {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.neurons.len()
    }

    /// Whether the subnet has no neurons at all.
    pub fn is_empty(&self) -> bool {
        self.neurons.is_empty()
    }

    /// The neuron with this uid.
    pub fn neuron(&self, uid: u16) -> Option<&Neuron> {
        self.neurons.get(usize::from(uid))
    }

    /// The neuron of a hotkey.
    pub fn find(&self, hotkey: &AccountId) -> Option<&Neuron> {
        self.neurons.iter().find(|neuron| neuron.hotkey == *hotkey)
    }
}

/// One neuron. Scores are from 0 to 1, stakes in rao (10^9 rao are one TAO).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neuron {
    /// Its place in the subnet. Places are reused: remember hotkeys, not uids.
    pub uid: u16,
    /// Its identity.
    pub hotkey: AccountId,
    /// The owner of the hotkey.
    pub coldkey: AccountId,
    /// Where it serves; `None` when it announced nothing that can be reached.
    pub axon: Option<AxonEndpoint>,
    /// Whether it set weights recently enough to count.
    pub active: bool,
    /// Whether its weights count.
    pub validator_permit: bool,
    /// Stake that counts: alpha plus the weighted share of TAO.
    pub total_stake: u64,
    /// Stake in the subnet's own token.
    pub alpha_stake: u64,
    /// Stake in TAO on the root subnet.
    pub tao_stake: u64,
    /// Block of its latest weights, or of its registration.
    pub last_update: u64,
    /// Block of its registration.
    pub block_at_registration: u64,
    /// What it earned in the latest epoch, in rao of the subnet's token.
    pub emission: u64,
    /// Share of the miners' part.
    pub incentive: f64,
    /// Weight that validators agree on.
    pub consensus: f64,
    /// Share of its weight that was not clipped; 0 on newer runtimes.
    pub trust: f64,
    /// How far its own weights agree with the consensus.
    pub validator_trust: f64,
    /// Share of the validators' part.
    pub dividends: f64,
    /// Rank before normalisation; 0 on newer runtimes.
    pub rank: f64,
}

/// The columns every runtime has. Others that the runtime adds are skipped.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Columns {
    block: u64,
    tempo: u16,
    last_step: u64,
    hotkeys: Vec<AccountId32>,
    coldkeys: Vec<AccountId32>,
    axons: Vec<AxonRecord>,
    active: Vec<bool>,
    validator_permit: Vec<bool>,
    last_update: Vec<u64>,
    emission: Vec<u64>,
    dividends: Vec<u16>,
    incentives: Vec<u16>,
    consensus: Vec<u16>,
    block_at_registration: Vec<u64>,
    alpha_stake: Vec<u64>,
    tao_stake: Vec<u64>,
    total_stake: Vec<u64>,
}

/// Numbers of the columns that [`crate::Chain::selective_metagraph`] can be asked for, as the chain counts them.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Column;

#[allow(missing_docs)]
impl Column {
    pub const BLOCK: u16 = 7;
    pub const TEMPO: u16 = 8;
    pub const LAST_STEP: u16 = 9;
    pub const NUM_UIDS: u16 = 30;
    pub const MAX_UIDS: u16 = 31;
    pub const BURN: u16 = 32;
    pub const HOTKEYS: u16 = 52;
    pub const COLDKEYS: u16 = 53;
    pub const AXONS: u16 = 55;
    pub const ACTIVE: u16 = 56;
    pub const VALIDATOR_PERMIT: u16 = 57;
    pub const LAST_UPDATE: u16 = 59;
    pub const EMISSION: u16 = 60;
    pub const DIVIDENDS: u16 = 61;
    pub const INCENTIVES: u16 = 62;
    pub const CONSENSUS: u16 = 63;
    pub const BLOCK_AT_REGISTRATION: u16 = 66;
    pub const ALPHA_STAKE: u16 = 67;
    pub const TAO_STAKE: u16 = 68;
    pub const TOTAL_STAKE: u16 = 69;
}

/// Some columns of a metagraph: those that were asked for. The index in each list is the uid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartialMetagraph {
    /// The block, as [`Column::BLOCK`].
    pub block: Option<u64>,
    /// Blocks between epochs.
    pub tempo: Option<u16>,
    /// Block of the latest epoch.
    pub last_step: Option<u64>,
    /// Number of neurons.
    pub num_uids: Option<u16>,
    /// Number of places.
    pub max_uids: Option<u16>,
    /// Price of a place, in rao.
    pub burn: Option<u64>,
    /// Identities.
    pub hotkeys: Option<Vec<AccountId>>,
    /// Their owners.
    pub coldkeys: Option<Vec<AccountId>>,
    /// Where they serve.
    pub axons: Option<Vec<Option<AxonEndpoint>>>,
    /// Whether they set weights recently enough to count.
    pub active: Option<Vec<bool>>,
    /// Whether their weights count.
    pub validator_permit: Option<Vec<bool>>,
    /// Blocks of their latest weights.
    pub last_update: Option<Vec<u64>>,
    /// Earnings in the latest epoch, in rao of the subnet's token.
    pub emission: Option<Vec<u64>>,
    /// Shares of the validators' part, as fractions of 65535.
    pub dividends: Option<Vec<u16>>,
    /// Shares of the miners' part, as fractions of 65535.
    pub incentives: Option<Vec<u16>>,
    /// Weights that validators agree on, as fractions of 65535.
    pub consensus: Option<Vec<u16>>,
    /// Blocks of registration.
    pub block_at_registration: Option<Vec<u64>>,
    /// Stake in the subnet's own token, in rao.
    pub alpha_stake: Option<Vec<u64>>,
    /// Stake in TAO on the root subnet, in rao.
    pub tao_stake: Option<Vec<u64>>,
    /// Stake that counts, in rao.
    pub total_stake: Option<Vec<u64>>,
}

/// The same as the chain answers it.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct Selected {
    block: Option<u64>,
    tempo: Option<u16>,
    last_step: Option<u64>,
    num_uids: Option<u16>,
    max_uids: Option<u16>,
    burn: Option<u64>,
    hotkeys: Option<Vec<AccountId32>>,
    coldkeys: Option<Vec<AccountId32>>,
    axons: Option<Vec<AxonRecord>>,
    active: Option<Vec<bool>>,
    validator_permit: Option<Vec<bool>>,
    last_update: Option<Vec<u64>>,
    emission: Option<Vec<u64>>,
    dividends: Option<Vec<u16>>,
    incentives: Option<Vec<u16>>,
    consensus: Option<Vec<u16>>,
    block_at_registration: Option<Vec<u64>>,
    alpha_stake: Option<Vec<u64>>,
    tao_stake: Option<Vec<u64>>,
    total_stake: Option<Vec<u64>>,
}

impl PartialMetagraph {
    pub(crate) async fn read(at: &At, netuid: u16, columns: &[u16]) -> Result<Self, ChainError> {
        let args = vec![number(netuid), numbers(columns.iter().copied())];
        let found: Option<Selected> = at.api(&apis::GET_SELECTIVE_METAGRAPH, args).await?;
        found.map(Self::from).ok_or(ChainError::SubnetNotFound { netuid })
    }
}

impl From<Selected> for PartialMetagraph {
    fn from(found: Selected) -> Self {
        let accounts = |list: Vec<AccountId32>| list.into_iter().map(|id| AccountId(id.0)).collect();
        PartialMetagraph {
            block: found.block,
            tempo: found.tempo,
            last_step: found.last_step,
            num_uids: found.num_uids,
            max_uids: found.max_uids,
            burn: found.burn,
            hotkeys: found.hotkeys.map(accounts),
            coldkeys: found.coldkeys.map(accounts),
            axons: found
                .axons
                .map(|axons| axons.iter().map(AxonEndpoint::from_record).collect()),
            active: found.active,
            validator_permit: found.validator_permit,
            last_update: found.last_update,
            emission: found.emission,
            dividends: found.dividends,
            incentives: found.incentives,
            consensus: found.consensus,
            block_at_registration: found.block_at_registration,
            alpha_stake: found.alpha_stake,
            tao_stake: found.tao_stake,
            total_stake: found.total_stake,
        }
    }
}

/// Columns that newer runtimes fill with zeros and may one day leave out.
#[derive(Default, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct OldColumns {
    trust: Vec<u16>,
    rank: Vec<u16>,
}

/// One neuron as the older interface describes it.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct LiteNeuron {
    hotkey: AccountId32,
    coldkey: AccountId32,
    uid: u16,
    active: bool,
    axon_info: AxonRecord,
    emission: u64,
    incentive: u16,
    consensus: u16,
    validator_trust: u16,
    dividends: u16,
    last_update: u64,
    validator_permit: bool,
}

/// The stake columns of the older interface.
#[derive(Default, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct StakeColumns {
    block_at_registration: Vec<u64>,
    alpha_stake: Vec<u64>,
    tao_stake: Vec<u64>,
    total_stake: Vec<u64>,
}

impl Metagraph {
    /// Reads everything in one round trip: three requests at once, none of which waits for another.
    ///
    /// They are answered for the node's best block. Should a block come between them, or the runtime have changed
    /// since the metadata were read, all is read again for one fixed block.
    pub(crate) async fn read_at_once(live: &Arc<Live>, what: &'static str, netuid: u16) -> Result<Self, ChainError> {
        let at = |client| At {
            client,
            live: Arc::clone(live),
            what,
        };
        let recent = at(live.recent());
        if recent.has_api(&apis::GET_METAGRAPH)
            && let Some(metagraph) = Metagraph::try_at_once(&recent, netuid).await?
        {
            return Ok(metagraph);
        }
        let client = live.at_head().await.map_err(|error| unread(what, error))?;
        Metagraph::read(&at(client), netuid).await
    }

    /// `None` when the answers do not belong together.
    async fn try_at_once(at: &At, netuid: u16) -> Result<Option<Self>, ChainError> {
        let refused = |error: subxt::rpcs::Error| unread(at.what, error);
        let input = at.api_input(&apis::GET_METAGRAPH, vec![number(netuid)])?;
        let mut ask = Many::at_best(at);
        let block = ask.add::<u64>(&storage::NUMBER, vec![])?;
        let trust = ask.add_if_known::<Vec<u16>>(&storage::VALIDATOR_TRUST, vec![number(netuid)])?;
        let methods = &at.live.methods;
        let (bytes, version, found) = tokio::join!(
            methods.state_call("SubnetInfoRuntimeApi_get_metagraph", Some(&input), None),
            methods.state_get_runtime_version(None),
            ask.fetch(),
        );
        // An answer of another runtime may be an error too: only the fixed block tells.
        let (Ok(bytes), Ok(found)) = (bytes, found) else {
            return Ok(None);
        };
        if version.map_err(refused)?.spec_version != at.client.spec_version() {
            return Ok(None);
        }
        let Ok(columns) = at.decode::<Option<Columns>>(&apis::GET_METAGRAPH, &bytes) else {
            return Ok(None);
        };
        let columns = columns.ok_or(ChainError::SubnetNotFound { netuid })?;
        let block = found.value(&block)?;
        if columns.block != block {
            return Ok(None);
        }
        let trust = found.optional(&trust)?.unwrap_or_default();
        let old: Option<OldColumns> = at.decode(&apis::GET_METAGRAPH, &bytes).unwrap_or_default();
        columns
            .into_metagraph(netuid, block, &old.unwrap_or_default(), &trust)
            .map(Some)
    }

    pub(crate) async fn read(at: &At, netuid: u16) -> Result<Self, ChainError> {
        if !at.has_api(&apis::GET_METAGRAPH) {
            return Metagraph::read_older(at, netuid).await;
        }
        let bytes = at.api_bytes(&apis::GET_METAGRAPH, vec![number(netuid)]).await?;
        let columns: Option<Columns> = match at.decode(&apis::GET_METAGRAPH, &bytes) {
            Ok(columns) => columns,
            // A runtime that reshaped this answer most likely still has the older one.
            Err(_) if at.has_api(&apis::GET_NEURONS_LITE) => {
                return Metagraph::read_older(at, netuid).await;
            }
            Err(error) => return Err(error),
        };
        let columns = columns.ok_or(ChainError::SubnetNotFound { netuid })?;
        let old: Option<OldColumns> = at.decode(&apis::GET_METAGRAPH, &bytes).unwrap_or_default();
        // The one score that this answer lacks.
        let trust: Option<Vec<u16>> = at
            .value_if_known(&storage::VALIDATOR_TRUST, vec![number(netuid)])
            .await?;
        let (old, trust) = (old.unwrap_or_default(), trust.unwrap_or_default());
        columns.into_metagraph(netuid, at.number(), &old, &trust)
    }

    /// With the scores of one mechanism; the chain keeps validator trust for all of them together only.
    pub(crate) async fn read_mechanism(at: &At, netuid: u16, mecid: u8) -> Result<Self, ChainError> {
        let args = vec![number(netuid), number(mecid)];
        let bytes = at.api_bytes(&apis::GET_MECHAGRAPH, args).await?;
        let columns: Option<Columns> = at.decode(&apis::GET_MECHAGRAPH, &bytes)?;
        let columns = columns.ok_or(ChainError::SubnetNotFound { netuid })?;
        let old: Option<OldColumns> = at.decode(&apis::GET_MECHAGRAPH, &bytes).unwrap_or_default();
        columns.into_metagraph(netuid, at.number(), &old.unwrap_or_default(), &[])
    }

    async fn read_older(at: &At, netuid: u16) -> Result<Self, ChainError> {
        let exists: bool = at.value(&storage::NETWORKS_ADDED, vec![number(netuid)]).await?;
        if !exists {
            return Err(ChainError::SubnetNotFound { netuid });
        }
        let mut lite: Vec<LiteNeuron> = at.api(&apis::GET_NEURONS_LITE, vec![number(netuid)]).await?;
        lite.sort_by_key(|neuron| neuron.uid);
        let stakes: StakeColumns = if at.has_api(&apis::GET_SUBNET_STATE) {
            let state: Option<StakeColumns> = at.api(&apis::GET_SUBNET_STATE, vec![number(netuid)]).await?;
            state.unwrap_or_default()
        } else {
            StakeColumns::default()
        };
        let last_step: Option<u64> = at
            .value_if_known(&storage::LAST_STEP_BLOCK, vec![number(netuid)])
            .await?;
        let neurons = lite.into_iter().enumerate().map(|(index, lite)| {
            if usize::from(lite.uid) != index {
                return Err(ChainError::decode("get_neurons_lite", "uids are not consecutive"));
            }
            Ok(lite.into_neuron(&stakes))
        });
        Ok(Metagraph {
            netuid,
            block: at.number(),
            tempo: at.value(&storage::TEMPO, vec![number(netuid)]).await?,
            last_step: last_step.unwrap_or_default(),
            neurons: neurons.collect::<Result<_, _>>()?,
        })
    }
}

impl Columns {
    fn into_metagraph(
        self,
        netuid: u16,
        block: u64,
        old: &OldColumns,
        validator_trust: &[u16],
    ) -> Result<Metagraph, ChainError> {
        let count = self.hotkeys.len();
        let lengths = [self.coldkeys.len(), self.axons.len(), self.total_stake.len()];
        if lengths.iter().any(|length| *length != count) || u16::try_from(count).is_err() {
            return Err(ChainError::decode("get_metagraph", "columns differ in length"));
        }
        let neurons = (0..count).map(|i| Neuron {
            uid: i as u16,
            hotkey: AccountId(self.hotkeys[i].0),
            coldkey: AccountId(self.coldkeys[i].0),
            axon: AxonEndpoint::from_record(&self.axons[i]),
            active: at(&self.active, i),
            validator_permit: at(&self.validator_permit, i),
            total_stake: at(&self.total_stake, i),
            alpha_stake: at(&self.alpha_stake, i),
            tao_stake: at(&self.tao_stake, i),
            last_update: at(&self.last_update, i),
            block_at_registration: at(&self.block_at_registration, i),
            emission: at(&self.emission, i),
            incentive: fraction(at(&self.incentives, i)),
            consensus: fraction(at(&self.consensus, i)),
            trust: fraction(at(&old.trust, i)),
            validator_trust: fraction(at(validator_trust, i)),
            dividends: fraction(at(&self.dividends, i)),
            rank: fraction(at(&old.rank, i)),
        });
        Ok(Metagraph {
            netuid,
            block,
            tempo: self.tempo,
            last_step: self.last_step,
            neurons: neurons.collect(),
        })
    }
}

impl LiteNeuron {
    fn into_neuron(self, stakes: &StakeColumns) -> Neuron {
        let i = usize::from(self.uid);
        Neuron {
            uid: self.uid,
            hotkey: AccountId(self.hotkey.0),
            coldkey: AccountId(self.coldkey.0),
            axon: AxonEndpoint::from_record(&self.axon_info),
            active: self.active,
            validator_permit: self.validator_permit,
            total_stake: at(&stakes.total_stake, i),
            alpha_stake: at(&stakes.alpha_stake, i),
            tao_stake: at(&stakes.tao_stake, i),
            last_update: self.last_update,
            block_at_registration: at(&stakes.block_at_registration, i),
            emission: self.emission,
            incentive: fraction(self.incentive),
            consensus: fraction(self.consensus),
            trust: 0.0,
            validator_trust: fraction(self.validator_trust),
            dividends: fraction(self.dividends),
            rank: 0.0,
        }
    }
}

/// An entry of a column. Score columns stay empty until the first epoch, so absent means zero.
fn at<T: Copy + Default>(column: &[T], index: usize) -> T {
    column.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Chain, ChainConfig};
    use axoneme_wallet::Keypair;
    use localnet::{Localnet, LocalnetConfig};
    use std::time::Duration;

    #[tokio::test]
    async fn both_interfaces_describe_the_same_subnet() {
        let net = Localnet::start(LocalnetConfig {
            rpc: ([127, 0, 0, 1], 0).into(),
            block_time: Duration::from_millis(100),
            ..LocalnetConfig::default()
        });
        let net = net.await.expect("a development chain");
        let chain = Chain::connect(ChainConfig::new([net.ws_url()]))
            .await
            .expect("a connection");
        let key = |uri: &str| Keypair::from_uri(uri).expect("a development key");
        for coldkey in ["//Bob", "//Charlie"] {
            let hotkey = key(&format!("{coldkey}//hot")).account_id();
            chain.burned_register(&key(coldkey), 1, &hotkey).await.expect("a place");
        }
        let both = chain.read("metagraph", |at| async move {
            Ok((Metagraph::read(&at, 1).await?, Metagraph::read_older(&at, 1).await?))
        });
        let (newer, older) = both.await.expect("answers");
        assert_eq!(newer.len(), 3);
        assert_eq!(newer, older);
        net.shutdown().await;
    }

    /// What the answer of the interface says, as a read takes it.
    pub(crate) fn from_answer(metadata: &subxt::metadata::Metadata, bytes: &[u8]) -> Option<Metagraph> {
        use subxt::ext::scale_decode::DecodeAsType;
        let interface = metadata
            .runtime_api_trait_by_name("SubnetInfoRuntimeApi")
            .expect("the interface");
        let ty = interface
            .method_by_name("get_metagraph")
            .expect("the method")
            .output_ty();
        let columns = Option::<Columns>::decode_as_type(&mut &*bytes, ty, metadata.types()).expect("columns")?;
        let old = Option::<OldColumns>::decode_as_type(&mut &*bytes, ty, metadata.types());
        let old = old.unwrap_or_default().unwrap_or_default();
        let block = columns.block;
        Some(
            columns
                .into_metagraph(1, block, &old, &[])
                .expect("columns of one length"),
        )
    }

    #[test]
    fn columns_of_different_length_are_refused() {
        let columns = Columns {
            block: 1,
            tempo: 1,
            last_step: 0,
            hotkeys: vec![AccountId32([1; 32])],
            coldkeys: vec![],
            axons: vec![],
            active: vec![],
            validator_permit: vec![],
            last_update: vec![],
            emission: vec![],
            dividends: vec![],
            incentives: vec![],
            consensus: vec![],
            block_at_registration: vec![],
            alpha_stake: vec![],
            tao_stake: vec![],
            total_stake: vec![],
        };
        let refused = columns.into_metagraph(1, 1, &OldColumns::default(), &[]);
        assert!(matches!(refused, Err(ChainError::Decode { .. })));
    }
}
