//! Some columns of a metagraph, those that were asked for.

use crate::at::{At, number};
use crate::axon::{AxonEndpoint, AxonRecord};
use crate::call::numbers;
use crate::error::ChainError;
use crate::items::apis;
use axoneme_wallet::AccountId;
use subxt::utils::AccountId32;

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
