//! The same from the interfaces that older runtimes have.

use super::{Metagraph, Neuron, at};
use crate::at::{At, number};
use crate::axon::{AxonEndpoint, AxonRecord};
use crate::error::ChainError;
use crate::items::{apis, storage};
use crate::weights::fraction;
use axoneme_wallet::AccountId;
use subxt::utils::AccountId32;

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
    pub(super) async fn read_older(at: &At, netuid: u16) -> Result<Self, ChainError> {
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
