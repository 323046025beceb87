//! How many connections each address holds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// What counts as one address: an IPv4 address, or the /64 network that one IPv6 customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Peer {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Counts open connections, in all and per peer.
pub(crate) struct Connections {
    max: usize,
    max_per_peer: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_peer: HashMap<Peer, usize>,
}

/// One open connection; uncounted when dropped.
pub(crate) struct Slot {
    connections: Arc<Connections>,
    peer: Peer,
}

impl Connections {
    pub(crate) fn new(max: usize, max_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_peer,
            open: Mutex::default(),
        })
    }

    /// Counts a connection, or nothing when there are too many.
    pub(crate) fn open(self: &Arc<Self>, ip: IpAddr) -> Option<Slot> {
        let peer = Peer::of(ip);
        let mut open = self.open.lock();
        let of_peer = open.by_peer.get(&peer).copied().unwrap_or(0);
        if open.total >= self.max || of_peer >= self.max_per_peer {
            return None;
        }
        open.by_peer.insert(peer, of_peer + 1);
        open.total += 1;
        metrics::gauge!("axon_connections").set(open.total as f64);
        Some(Slot {
            connections: self.clone(),
            peer,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.total -= 1;
        metrics::gauge!("axon_connections").set(open.total as f64);
        if let Some(count) = open.by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_hold_all_connections() {
        let connections = Connections::new(3, 2);
        let ip = |text: &str| text.parse().expect("address");
        let first = connections.open(ip("192.0.2.1")).expect("free");
        let _second = connections
            .open(ip("::ffff:192.0.2.1"))
            .expect("the same address in IPv6 clothes");
        assert!(connections.open(ip("192.0.2.1")).is_none());
        let _third = connections.open(ip("2001:db8::1")).expect("another address");
        assert!(connections.open(ip("2001:db8:1::1")).is_none(), "full");
        drop(first);
        assert!(connections.open(ip("192.0.2.1")).is_some());
        drop(_second);
        assert_eq!(connections.open.lock().by_peer.len(), 1);
    }
}
