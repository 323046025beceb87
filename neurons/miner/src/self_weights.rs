//! The weight that older miners give themselves.

use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::Chain;
use axoneme_neuron::metagraph::MetagraphWatch;
use axoneme_neuron::{Duties, DutyError};
use axoneme_wallet::Keypair;

/// Sent along, as older miners do.
const VERSION_KEY: u64 = 1;
/// Longest time without a look before the duty is restarted.
const STUCK: Duration = Duration::from_secs(600);
/// Time between two looks when no new block comes.
const LOOK: Duration = Duration::from_secs(60);

/// Adds a duty that gives all weight to this miner's own uid, every `blocks` blocks. A chain that refuses it is asked again
/// as many blocks later.
pub fn keep_set(duties: &mut Duties, chain: &Chain, hotkey: &Arc<Keypair>, metagraph: MetagraphWatch, blocks: u64) {
    let (chain, hotkey) = (chain.clone(), hotkey.clone());
    duties.spawn("self weights", STUCK, move |heart, cancel| {
        let (chain, hotkey, metagraph) = (chain.clone(), hotkey.clone(), metagraph.clone());
        async move {
            let mut heads = chain.blocks();
            let mut next = 0;
            loop {
                heart.beat();
                let head = *heads.borrow_and_update();
                if head >= next && head > 0 {
                    next = head.saturating_add(blocks.max(1));
                    let own = {
                        let now = metagraph.borrow();
                        now.find(&hotkey.account_id()).map(|own| (now.netuid, own.uid))
                    };
                    if let Some((netuid, uid)) = own {
                        let set = chain
                            .set_weights(&hotkey, netuid, &[(uid, u16::MAX)], VERSION_KEY)
                            .await;
                        match set {
                            Ok(block) => tracing::info!(block, "weights set: all to this miner"),
                            Err(error) => tracing::warn!("no weights for this miner itself: {error}"),
                        }
                    }
                }
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = heads.changed() => changed.map_err(DutyError::from)?,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}
