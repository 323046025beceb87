//! Publishing the axon's address on chain, and keeping it published.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{AxonEndpoint, Chain, ChainError};
use axoneme_wallet::Keypair;

use crate::config::AxonConfig;
use crate::metagraph::MetagraphWatch;
use crate::{Duties, ExitCode, Failure, Readiness};

/// Chains refuse 127.0.0.1 as an axon's address, but on Linux all of 127.0.0.0/8 is this machine:
/// what a neuron publishes on a chain that itself runs on this machine.
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Longest time without a look at the chain's record before the duty is restarted.
const STUCK: Duration = Duration::from_secs(600);
/// Time between two looks when no new metagraph comes.
const LOOK: Duration = Duration::from_secs(60);
/// Published as the axon's software version: SDK 10's form of a version number.
const VERSION: u32 = 10_005_000;

/// The address to publish for an axon that listens on `bound`, with the number of the protocol it speaks there.
///
/// # Errors
/// When none is configured and none can be known.
pub fn endpoint(
    axon: &AxonConfig,
    bound: SocketAddr,
    chain_is_local: bool,
    protocol: u8,
) -> Result<AxonEndpoint, Failure> {
    let ip = match axon.external_ip {
        Some(ip) => ip,
        None if !axon.ip.is_unspecified() && !axon.ip.is_loopback() => axon.ip,
        None if chain_is_local => {
            if is_exact_loopback(axon.ip) {
                LOCAL
            } else {
                any_loopback(axon.ip)
            }
        }
        None => {
            return Err(Failure::message(
                ExitCode::Config,
                "the address to publish is not known; give this machine's public address with --axon.external_ip",
            ));
        }
    };
    if is_exact_loopback(ip) {
        return Err(Failure::message(
            ExitCode::Config,
            "the chain refuses 127.0.0.1 as an axon's address; on one machine publish 127.0.0.2 \
             (--axon.external_ip 127.0.0.2, listening on 0.0.0.0 or 127.0.0.2)",
        ));
    }
    Ok(AxonEndpoint {
        ip,
        port: axon.external_port.unwrap_or(bound.port()),
        version: VERSION,
        protocol,
    })
}

/// Whether what is published leads clients to the endpoint; the software's version does not matter to that.
fn same_place(published: &AxonEndpoint, endpoint: &AxonEndpoint) -> bool {
    (published.ip, published.port, published.protocol) == (endpoint.ip, endpoint.port, endpoint.protocol)
}

fn is_exact_loopback(ip: IpAddr) -> bool {
    ip == IpAddr::V4(Ipv4Addr::LOCALHOST)
}

fn any_loopback(ip: IpAddr) -> IpAddr {
    if ip.is_loopback() { ip } else { LOCAL }
}

/// What is published on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where the axon is reached.
    pub endpoint: AxonEndpoint,
    /// The public key of its TLS, if it serves any.
    pub tls_key: Option<Vec<u8>>,
}

impl Published {
    /// Writes it to the chain.
    async fn announce(&self, chain: &Chain, hotkey: &Keypair, netuid: u16) -> Result<(), ChainError> {
        match &self.tls_key {
            None => chain.serve_axon(hotkey, netuid, &self.endpoint).await?,
            Some(key) => chain.serve_axon_tls(hotkey, netuid, &self.endpoint, key).await?,
        };
        Ok(())
    }

    /// Whether the chain holds the TLS key, or none where there is none to hold. A chain that cannot store one keeps
    /// what it had without a word, so it has to be asked.
    async fn key_is_there(&self, chain: &Chain, hotkey: &Keypair, netuid: u16) -> Result<bool, ChainError> {
        let Some(key) = &self.tls_key else {
            return Ok(true);
        };
        let stored = chain.tls_key_of(netuid, &hotkey.account_id()).await?;
        Ok(stored.as_ref() == Some(key))
    }
}

/// Adds a duty that publishes the address now, and again whenever the chain's record differs (a
/// new registration, a chain that was reset).
pub fn keep_announced(
    duties: &mut Duties,
    chain: &Chain,
    hotkey: &Arc<Keypair>,
    ours: Published,
    metagraph: MetagraphWatch,
    readiness: &Readiness,
) {
    let (chain, hotkey, readiness) = (chain.clone(), hotkey.clone(), readiness.clone());
    duties.spawn("announce", STUCK, move |heart, cancel| {
        let (chain, hotkey, readiness) = (chain.clone(), hotkey.clone(), readiness.clone());
        let (ours, mut metagraph) = (ours.clone(), metagraph.clone());
        async move {
            loop {
                let (netuid, published) = {
                    let now = metagraph.borrow_and_update();
                    let own = now.find(&hotkey.account_id());
                    (now.netuid, own.map(|neuron| neuron.axon))
                };
                match published {
                    None => readiness.set("registration", Err("the hotkey is no longer registered".into())),
                    Some(axon) => {
                        readiness.set("registration", Ok(()));
                        let placed = axon.is_some_and(|axon| same_place(&axon, &ours.endpoint));
                        if !placed || !ours.key_is_there(&chain, &hotkey, netuid).await? {
                            let announced = ours.announce(&chain, &hotkey, netuid).await;
                            announced.inspect_err(|error| {
                                readiness.set("axon published", Err(error.to_string()));
                            })?;
                            if !ours.key_is_there(&chain, &hotkey, netuid).await? {
                                tracing::warn!("the chain did not take the TLS key; clients go on without TLS");
                            }
                            tracing::info!("axon published on chain as {}:{}", ours.endpoint.ip, ours.endpoint.port);
                        }
                        readiness.set("axon published", Ok(()));
                    }
                }
                heart.beat();
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = metagraph.changed() => changed?,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}
