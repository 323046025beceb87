//! Where a neuron says it can be reached.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The protocol number that all known clients announce.
pub const DEFAULT_PROTOCOL: u8 = 4;

/// Address that a miner announces on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AxonEndpoint {
    /// Public address; the chain refuses loopback.
    pub ip: IpAddr,
    /// Public port, not 0.
    pub port: u16,
    /// Version number of the software, for information only.
    pub version: u32,
    /// Protocol number, for information only; see [`DEFAULT_PROTOCOL`].
    pub protocol: u8,
}

impl AxonEndpoint {
    /// An endpoint with the usual protocol number.
    pub fn new(ip: IpAddr, port: u16, version: u32) -> Self {
        AxonEndpoint {
            ip,
            port,
            version,
            protocol: DEFAULT_PROTOCOL,
        }
    }

    /// From the fields of the chain's record; `None` when they do not describe a reachable address.
    pub(crate) fn from_record(record: &AxonRecord) -> Option<Self> {
        let ip = u128_to_ip(record.ip, record.ip_type)?;
        if ip.is_unspecified() || record.port == 0 {
            return None;
        }
        Some(AxonEndpoint {
            ip,
            port: record.port,
            version: record.version,
            protocol: record.protocol,
        })
    }
}

impl fmt::Display for AxonEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", std::net::SocketAddr::new(self.ip, self.port))
    }
}

/// The chain's record, as far as it is used; further fields are skipped when decoding.
#[derive(Debug, Clone, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct AxonRecord {
    pub(crate) version: u32,
    pub(crate) ip: u128,
    pub(crate) port: u16,
    pub(crate) ip_type: u8,
    pub(crate) protocol: u8,
}

/// Where metrics are, as the chain stores it.
#[derive(Debug, Clone, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct PrometheusRecord {
    pub(crate) ip: u128,
    pub(crate) port: u16,
    pub(crate) ip_type: u8,
}

/// A TLS key as the chain stores it.
#[derive(Debug, Clone, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct CertificateRecord {
    pub(crate) public_key: Vec<u8>,
    pub(crate) algorithm: u8,
}

impl CertificateRecord {
    /// As it was handed to the chain.
    pub(crate) fn published(self) -> Vec<u8> {
        let mut key = vec![self.algorithm];
        key.extend(self.public_key);
        key
    }
}

/// The integer and the type (4 or 6) under which the chain stores an address.
pub fn ip_to_u128(ip: IpAddr) -> (u128, u8) {
    match ip {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 4),
        IpAddr::V6(v6) => (u128::from(v6), 6),
    }
}

/// The reverse of [`ip_to_u128`]; `None` for an unknown type or a value too large for it.
pub fn u128_to_ip(value: u128, ip_type: u8) -> Option<IpAddr> {
    match ip_type {
        4 => u32::try_from(value).ok().map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        6 => Some(IpAddr::V6(Ipv6Addr::from(value))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_to_the_chain_and_back() {
        for (text, number, kind) in [
            ("192.168.1.1", 3_232_235_777, 4),
            ("8.8.8.8", 134_744_072, 4),
            ("2001:db8::1", 42_540_766_411_282_592_856_903_984_951_653_826_561, 6),
        ] {
            let ip: IpAddr = text.parse().expect("an address");
            assert_eq!(ip_to_u128(ip), (number, kind));
            assert_eq!(u128_to_ip(number, kind), Some(ip));
        }
    }

    #[test]
    fn records_that_nobody_can_reach_are_not_endpoints() {
        let record = |ip, ip_type, port| AxonRecord {
            version: 1,
            ip,
            port,
            ip_type,
            protocol: 4,
        };
        assert!(AxonEndpoint::from_record(&record(0, 4, 8091)).is_none());
        assert!(AxonEndpoint::from_record(&record(134_744_072, 4, 0)).is_none());
        assert!(AxonEndpoint::from_record(&record(134_744_072, 5, 8091)).is_none());
        assert!(AxonEndpoint::from_record(&record(u128::MAX, 4, 8091)).is_none());
        let served = AxonEndpoint::from_record(&record(134_744_072, 4, 8091)).expect("reachable");
        assert_eq!(served.to_string(), "8.8.8.8:8091");
    }
}
