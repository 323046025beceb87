//! How many connections each address holds, and whose they are.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

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

/// Counts open connections, in all and per peer, and keeps a part of them for known callers.
///
/// A connection is a stranger's until a caller that is served came through it. When strangers hold all they may, the
/// one of theirs that has waited longest makes room for the next: a flood of connections pushes itself out, while an
/// honest newcomer has the time it takes to be pushed through the whole line.
pub(crate) struct Connections {
    max: usize,
    max_strangers: usize,
    max_per_peer: usize,
    open: Mutex<Open>,
}

/// How many evicted connections may still be on their way out when others come in.
const LEAVING: usize = 64;

#[derive(Default)]
struct Open {
    total: usize,
    by_peer: HashMap<Peer, usize>,
    opened: u64,
    /// In order of arrival.
    strangers: BTreeMap<u64, (Peer, Arc<Notify>)>,
}

/// One open connection; uncounted when dropped.
pub(crate) struct Slot {
    connections: Arc<Connections>,
    peer: Peer,
    number: u64,
    vouched: AtomicBool,
    evicted: Arc<Notify>,
}

impl Connections {
    /// At most `max` connections, of which `reserved` are kept from strangers, and `max_per_peer` of one peer.
    pub(crate) fn new(max: usize, reserved: usize, max_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            // A limit so low that nothing can be set aside still has to let newcomers in.
            max_strangers: max.saturating_sub(reserved.min(max / 2)),
            max_per_peer,
            open: Mutex::default(),
        })
    }

    /// Counts a connection, or nothing when there are too many. `known`: a caller was served there not long ago.
    pub(crate) fn open(self: &Arc<Self>, peer: Peer, known: bool) -> Option<Slot> {
        let mut open = self.open.lock();
        let of_peer = open.by_peer.get(&peer).copied().unwrap_or(0);
        if of_peer >= self.max_per_peer {
            open.evict(Some(peer)).then_some(())?;
        } else if open.total >= self.max || (!known && open.strangers.len() >= self.max_strangers) {
            open.evict(None).then_some(())?;
        }
        if open.total >= self.max.saturating_add(LEAVING) {
            return None;
        }
        open.by_peer.insert(peer, of_peer + 1);
        open.total += 1;
        open.opened += 1;
        metrics::gauge!("axon_connections").set(open.total as f64);
        let (number, evicted) = (open.opened, Arc::new(Notify::new()));
        open.strangers.insert(number, (peer, evicted.clone()));
        Some(Slot {
            connections: self.clone(),
            peer,
            number,
            vouched: AtomicBool::new(false),
            evicted,
        })
    }
}

impl Open {
    /// Tells the stranger that has waited longest to go; false when there is none.
    fn evict(&mut self, of: Option<Peer>) -> bool {
        let found = match of {
            None => self.strangers.first_key_value().map(|(number, _)| *number),
            Some(peer) => {
                let found = self.strangers.iter().find(|(_, (of, _))| *of == peer);
                found.map(|(number, _)| *number)
            }
        };
        let Some((_, evicted)) = found.and_then(|number| self.strangers.remove(&number)) else {
            return false;
        };
        metrics::counter!("axon_connections_evicted_total").increment(1);
        evicted.notify_one();
        true
    }
}

impl Slot {
    /// From now on this is no stranger's connection.
    pub(crate) fn vouch(&self) {
        if !self.vouched.swap(true, Ordering::Relaxed) {
            self.connections.open.lock().strangers.remove(&self.number);
        }
    }

    /// Becomes ready when the connection has to make room.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.total -= 1;
        metrics::gauge!("axon_connections").set(open.total as f64);
        open.strangers.remove(&self.number);
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
    use futures::FutureExt;

    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::of(text.parse().expect("address"))
    }

    #[test]
    fn one_address_cannot_hold_all_connections() {
        let connections = Connections::new(5, 0, 2);
        let hold = |text: &str| {
            let slot = connections.open(peer(text), false);
            slot.inspect(Slot::vouch)
        };
        let first = hold("192.0.2.1").expect("free");
        let _second = hold("::ffff:192.0.2.1").expect("the same address in IPv6 clothes");
        assert!(hold("192.0.2.1").is_none());
        let _third = hold("2001:db8::1").expect("another address");
        drop(first);
        assert!(hold("192.0.2.1").is_some());
        drop(_second);
        assert_eq!(connections.open.lock().by_peer.len(), 1);
    }

    #[test]
    fn strangers_make_room_for_each_other_and_never_take_what_is_reserved() {
        let connections = Connections::new(4, 2, 100);
        let evicted = |slot: &Slot| slot.evicted().now_or_never().is_some();
        let known = connections.open(peer("192.0.2.1"), false).expect("free");
        known.vouch();
        let first = connections.open(peer("192.0.2.2"), false).expect("free");
        let second = connections.open(peer("192.0.2.3"), false).expect("free");
        let third = connections.open(peer("192.0.2.4"), false).expect("room is made");
        assert!(evicted(&first) && !evicted(&second) && !evicted(&third) && !evicted(&known));
        drop(first);
        // Two strangers and one known: the fourth place is for a known address.
        let returning = connections.open(peer("192.0.2.1"), true).expect("reserved");
        assert!(!evicted(&second) && !evicted(&third));
        returning.vouch();
        assert_eq!(connections.open.lock().total, 4);
    }

    #[test]
    fn a_crowd_at_one_address_does_not_lock_out_the_caller_that_shares_it() {
        let connections = Connections::new(100, 0, 2);
        let known = connections.open(peer("192.0.2.1"), false).expect("free");
        known.vouch();
        let stranger = connections.open(peer("192.0.2.1"), false).expect("free");
        let _next = connections.open(peer("192.0.2.1"), false).expect("the stranger goes");
        assert!(stranger.evicted().now_or_never().is_some());
        assert!(known.evicted().now_or_never().is_none());
    }

    #[test]
    fn those_that_do_not_leave_are_bounded_too() {
        let connections = Connections::new(4, 0, usize::MAX);
        let held: Vec<_> = (0..1000)
            .filter_map(|_| connections.open(peer("192.0.2.1"), false))
            .collect();
        assert_eq!(held.len(), 4 + LEAVING);
    }
}
