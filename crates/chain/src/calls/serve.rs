//! Saying where a neuron can be reached.

use crate::at::number;
use crate::axon::{AxonEndpoint, ip_to_u128};
use crate::call::Call;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::Receipt;
use axoneme_wallet::Keypair;
use std::net::SocketAddr;
use subxt::dynamic::Value;

/// What came of announcing an axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The chain has the new record.
    Announced(Receipt),
    /// The chain had this very record already, so nothing was sent.
    Unchanged,
}

impl Call {
    /// Announces an axon.
    pub fn serve_axon(netuid: u16, endpoint: &AxonEndpoint) -> Call {
        Call::quick("serve_axon", calls::SERVE_AXON.with(record(netuid, endpoint)))
    }

    /// Announces an axon with the public key of its TLS: a byte for the algorithm, then the key.
    pub fn serve_axon_tls(netuid: u16, endpoint: &AxonEndpoint, tls_key: &[u8]) -> Call {
        let [a, b, c, d, e, f, g, h] = record(netuid, endpoint);
        let args = [a, b, c, d, e, f, g, h, Value::from_bytes(tls_key)];
        Call::quick("serve_axon_tls", calls::SERVE_AXON_TLS.with(args))
    }

    /// Announces where a neuron's metrics can be read.
    pub fn serve_prometheus(netuid: u16, address: SocketAddr, version: u32) -> Call {
        let (ip, ip_type) = ip_to_u128(address.ip());
        let args = [
            number(netuid),
            number(version),
            number(ip),
            number(address.port()),
            number(ip_type),
        ];
        Call::quick("serve_prometheus", calls::SERVE_PROMETHEUS.with(args))
    }
}

fn record(netuid: u16, endpoint: &AxonEndpoint) -> [Value; 8] {
    let (ip, ip_type) = ip_to_u128(endpoint.ip);
    [
        number(netuid),
        number(endpoint.version),
        number(ip),
        number(endpoint.port),
        number(ip_type),
        number(endpoint.protocol),
        number(0_u8),
        number(0_u8),
    ]
}

impl Chain {
    /// Announces where a miner can be reached. Costs nothing; sends nothing when the stored record matches.
    ///
    /// # Errors
    /// Among others `HotKeyNotRegisteredInNetwork`, `InvalidIpAddress` and `ServingRateLimitExceeded`, with advice.
    pub async fn serve_axon(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        endpoint: &AxonEndpoint,
    ) -> Result<Served, ChainError> {
        if self.axon_of(netuid, &hotkey.account_id()).await? == Some(*endpoint) {
            return Ok(Served::Unchanged);
        }
        let receipt = self.make(hotkey, Call::serve_axon(netuid, endpoint)).await?;
        Ok(Served::Announced(receipt))
    }

    /// [`serve_axon`](Self::serve_axon) with the public key of the axon's TLS: a byte for the algorithm, then the key.
    ///
    /// # Errors
    /// As [`serve_axon`](Self::serve_axon). A key that the chain cannot hold is no error there: the old one stays, and
    /// [`tls_key_of`](Self::tls_key_of) tells.
    pub async fn serve_axon_tls(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        endpoint: &AxonEndpoint,
        tls_key: &[u8],
    ) -> Result<Served, ChainError> {
        let account = hotkey.account_id();
        if self.axon_of(netuid, &account).await? == Some(*endpoint)
            && self.tls_key_of(netuid, &account).await?.as_deref() == Some(tls_key)
        {
            return Ok(Served::Unchanged);
        }
        let call = Call::serve_axon_tls(netuid, endpoint, tls_key);
        Ok(Served::Announced(self.make(hotkey, call).await?))
    }

    /// Announces where a neuron's metrics can be read; sends nothing when the stored record matches.
    ///
    /// # Errors
    /// As [`serve_axon`](Self::serve_axon).
    pub async fn serve_prometheus(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        address: SocketAddr,
        version: u32,
    ) -> Result<Served, ChainError> {
        if self.prometheus_of(netuid, &hotkey.account_id()).await? == Some(address) {
            return Ok(Served::Unchanged);
        }
        let call = Call::serve_prometheus(netuid, address, version);
        Ok(Served::Announced(self.make(hotkey, call).await?))
    }
}
