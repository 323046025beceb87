//! Whom to ask: where an axon listens, and what the chain says about how to talk to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axoneme_wallet::AccountId;

use crate::tls::PublishedTls;

/// The wire an axon speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wire {
    /// Synapses of the Python SDK 10: signed `bt_header_*` headers, plain HTTP, unsigned answers.
    #[default]
    V10,
    /// `btauth/1` of the SDK 11: the raw request is signed, and answers are too.
    Btauth,
}

impl Wire {
    /// The wire that a protocol number announces on chain: 4 is v10, 87 is btauth. `None` for any other.
    pub const fn announced(protocol: u8) -> Option<Self> {
        match protocol {
            axoneme_protocol::AXON_PROTOCOL => Some(Self::V10),
            BTAUTH_PROTOCOL => Some(Self::Btauth),
            _ => None,
        }
    }
}

/// The axon `protocol` number of miners that speak btauth.
const BTAUTH_PROTOCOL: u8 = 87;

/// One axon, as the metagraph knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AxonTarget {
    /// The key the request is signed for; another axon cannot use it.
    pub hotkey: AccountId,
    /// Where it listens.
    pub ip: IpAddr,
    /// On which port.
    pub port: u16,
    /// How it is spoken to.
    pub wire: Wire,
    /// The TLS key it published on chain, if any.
    pub tls: PublishedTls,
}

impl AxonTarget {
    /// An axon of the v10 wire without a published TLS key.
    pub const fn new(hotkey: AccountId, ip: IpAddr, port: u16) -> Self {
        Self {
            hotkey,
            ip,
            port,
            wire: Wire::V10,
            tls: PublishedTls::Nothing,
        }
    }

    /// The same axon, spoken to over `wire`.
    #[must_use]
    pub const fn over(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }

    /// The same axon with what it published about TLS.
    #[must_use]
    pub const fn with_tls(self, tls: PublishedTls) -> Self {
        Self { tls, ..self }
    }

    /// The address to connect to, or `None` when it is no public one and those are not allowed.
    ///
    /// An axon at this machine's own address is reached over loopback: a router may not carry connections to its own
    /// outside.
    pub(crate) fn connect_to(&self, own_ip: Option<IpAddr>, allow_private: bool) -> Option<SocketAddr> {
        let ip = self.ip.to_canonical();
        let own = own_ip.is_some_and(|own| own.to_canonical() == ip);
        if !(own || allow_private || is_public(ip)) {
            return None;
        }
        let ip = match ip {
            IpAddr::V4(v4) if own || v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(v6) if own || v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            other => other,
        };
        Some(SocketAddr::new(ip, self.port))
    }
}

/// Whether an address can be a stranger's on the internet.
///
/// Anybody can publish any address on chain. Connecting to loopback or to the local network for them would let strangers
/// probe what listens there, with requests this validator signed.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        // "this network", private, shared by carriers, loopback, link-local
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => true,
        // protocol assignments, the old 6to4 relays, benchmarks
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => true,
        // documentation
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // multicast, reserved, broadcast
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Translators and tunnels lead to the IPv4 address they carry.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and the other protocol assignments, benchmarks, documentation
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All other addresses in use are in 2000::/3; this leaves out loopback, unspecified, unique local, link-local,
        // site-local, multicast, discard, local translation and what is not assigned.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_addresses_of_the_open_internet_are_public() {
        for public in [
            "8.8.8.8",
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "223.255.255.255",
            "192.0.1.1",
            "2606:4700::1111",
            "2a01:4f8::1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip(public)), "{public}");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:c0a8:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(ip(special)), "{special}");
        }
    }

    #[test]
    fn private_addresses_need_permission_and_our_own_leads_to_loopback() {
        let hotkey = axoneme_wallet::Keypair::from_uri("//Bob").expect("uri").account_id();
        let to = |text: &str, own: Option<&str>, allow| {
            let target = AxonTarget::new(hotkey, ip(text), 8091);
            target.connect_to(own.map(ip), allow).map(|address| address.to_string())
        };
        assert_eq!(to("10.0.0.1", None, false), None);
        assert_eq!(to("10.0.0.1", None, true).as_deref(), Some("10.0.0.1:8091"));
        assert_eq!(to("0.0.0.0", None, false), None);
        assert_eq!(to("0.0.0.0", None, true).as_deref(), Some("127.0.0.1:8091"));
        assert_eq!(to("8.8.8.8", None, false).as_deref(), Some("8.8.8.8:8091"));
        assert_eq!(to("8.8.8.8", Some("8.8.8.8"), false).as_deref(), Some("127.0.0.1:8091"));
        assert_eq!(to("::ffff:127.0.0.1", None, false), None);
        assert_eq!(to("2a01::5", Some("2a01::5"), false).as_deref(), Some("[::1]:8091"));
    }

    #[test]
    fn the_chain_announces_the_wire() {
        assert_eq!(Wire::announced(4), Some(Wire::V10));
        assert_eq!(Wire::announced(87), Some(Wire::Btauth));
        assert_eq!(Wire::announced(0), None);
    }
}
