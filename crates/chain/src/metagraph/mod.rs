//! Everything the chain knows about the neurons of a subnet, at one block.

mod columns;
mod older;
mod partial;
#[cfg(test)]
pub(crate) mod tests;

use self::columns::Columns;
#[cfg(test)]
pub(crate) use self::partial::Selected;
pub use self::partial::{Column, PartialMetagraph};
use crate::at::{At, number};
use crate::axon::AxonEndpoint;
use crate::chain::unread;
use crate::error::ChainError;
use crate::items::{apis, storage};
use crate::many::Many;
use crate::wire::Live;
use axoneme_wallet::AccountId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
        let (bytes, version, found) = tokio::join!(
            at.live.state_call("SubnetInfoRuntimeApi_get_metagraph", &input),
            at.live.methods.state_get_runtime_version(None),
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
        columns.into_metagraph(netuid, block, &trust).map(Some)
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
        // The one score that this answer lacks.
        let trust: Option<Vec<u16>> = at
            .value_if_known(&storage::VALIDATOR_TRUST, vec![number(netuid)])
            .await?;
        columns.into_metagraph(netuid, at.number(), &trust.unwrap_or_default())
    }

    /// With the scores of one mechanism; the chain keeps validator trust for all of them together only.
    pub(crate) async fn read_mechanism(at: &At, netuid: u16, mecid: u8) -> Result<Self, ChainError> {
        let args = vec![number(netuid), number(mecid)];
        let bytes = at.api_bytes(&apis::GET_MECHAGRAPH, args).await?;
        let columns: Option<Columns> = at.decode(&apis::GET_MECHAGRAPH, &bytes)?;
        let columns = columns.ok_or(ChainError::SubnetNotFound { netuid })?;
        columns.into_metagraph(netuid, at.number(), &[])
    }
}

/// An entry of a column. Score columns stay empty until the first epoch, so absent means zero.
fn at<T: Copy + Default>(column: &[T], index: usize) -> T {
    column.get(index).copied().unwrap_or_default()
}
