//! Everything the chain knows about the neurons of a subnet, at one block.

use crate::at::{At, number};
use crate::axon::{AxonEndpoint, AxonRecord};
use crate::error::ChainError;
use crate::items::{apis, storage};
use crate::weights::fraction;
use axoneme_wallet::AccountId;
use serde::{Deserialize, Serialize};
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
        let validator_trust: Option<Vec<u16>> = at
            .value_if_known(&storage::VALIDATOR_TRUST, vec![number(netuid)])
            .await?;
        columns.into_metagraph(
            netuid,
            at.number(),
            &old.unwrap_or_default(),
            &validator_trust.unwrap_or_default(),
        )
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
mod tests {
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

    #[test]
    fn columns_of_different_length_are_refused() {
        let columns = Columns {
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
