//! The TLS keys that miners published on chain, read with every new metagraph.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{Chain, ChainError};
use axoneme_dendrite::PublishedTls;
use axoneme_neuron::metagraph::MetagraphWatch;
use axoneme_neuron::{Duties, DutyError};
use axoneme_wallet::AccountId;
use tokio::sync::watch;

/// What each hotkey published; the newest that could be read. A hotkey without an entry published nothing.
pub type TlsKeys = watch::Receiver<Arc<KnownKeys>>;

/// The keys by hotkey.
pub type KnownKeys = BTreeMap<AccountId, PublishedTls>;

/// Longest time without a look before the duty is restarted.
const STUCK: Duration = Duration::from_secs(600);
/// Time between two looks when no new metagraph comes.
const LOOK: Duration = Duration::from_secs(60);

/// No keys, for a validator that encrypts nothing.
pub fn none() -> TlsKeys {
    watch::channel(Arc::default()).1
}

/// Reads the keys, and adds a duty that reads them again with every new metagraph. Without the first reading, a miner
/// with a key would be asked in plain text, so nothing is asked before it.
///
/// # Errors
/// When the first reading fails.
pub async fn keep_read(
    duties: &mut Duties,
    chain: &Chain,
    netuid: u16,
    metagraph: MetagraphWatch,
) -> Result<TlsKeys, ChainError> {
    let (sender, receiver) = watch::channel(Arc::new(read(chain, netuid).await?));
    let (chain, sender) = (chain.clone(), Arc::new(sender));
    duties.spawn("tls_keys", STUCK, move |heart, cancel| {
        let (chain, sender, mut metagraph) = (chain.clone(), sender.clone(), metagraph.clone());
        async move {
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = metagraph.changed() => changed.map_err(DutyError::from)?,
                    () = tokio::time::sleep(LOOK) => {}
                }
                heart.beat();
                sender.send_replace(Arc::new(read(&chain, netuid).await?));
            }
        }
    });
    Ok(receiver)
}

async fn read(chain: &Chain, netuid: u16) -> Result<KnownKeys, ChainError> {
    let keys = chain.tls_keys(netuid).await?;
    Ok(keys
        .into_iter()
        .map(|(hotkey, key)| (hotkey, PublishedTls::read(&key)))
        .collect())
}
