//! What is different between two metagraphs of one subnet.

use axoneme_chain::{AxonEndpoint, Metagraph};
use axoneme_wallet::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// One difference between two metagraphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Change {
    /// A place went to another hotkey: what was learned about the uid is about somebody else.
    HotkeyReplaced {
        /// The place.
        uid: u16,
        /// Who had it.
        old: AccountId,
        /// Who has it.
        new: AccountId,
    },
    /// A hotkey that had no place has one.
    Registered {
        /// Its place.
        uid: u16,
        /// The hotkey.
        hotkey: AccountId,
    },
    /// A hotkey has no place any more.
    Deregistered {
        /// The place it had.
        uid: u16,
        /// The hotkey.
        hotkey: AccountId,
    },
    /// A hotkey may set weights now, or may no longer.
    PermitChanged {
        /// Its place.
        uid: u16,
        /// The hotkey.
        hotkey: AccountId,
        /// Whether it may now.
        permit: bool,
    },
    /// A hotkey serves somewhere else, or began or ceased to.
    AxonChanged {
        /// Its place.
        uid: u16,
        /// The hotkey.
        hotkey: AccountId,
        /// Where it was.
        old: Option<AxonEndpoint>,
        /// Where it is.
        new: Option<AxonEndpoint>,
    },
}

/// The differences from `old` to `new`, by uid. A hotkey that moved to another place has neither registered nor left.
pub fn changes(old: &Metagraph, new: &Metagraph) -> Vec<Change> {
    let before: HashSet<AccountId> = old.neurons.iter().map(|neuron| neuron.hotkey).collect();
    let after: HashSet<AccountId> = new.neurons.iter().map(|neuron| neuron.hotkey).collect();
    let mut changes = Vec::new();
    for uid in 0..old.neurons.len().max(new.neurons.len()) {
        let (was, is) = (old.neurons.get(uid), new.neurons.get(uid));
        if let (Some(was), Some(is)) = (was, is)
            && was.hotkey != is.hotkey
        {
            changes.push(Change::HotkeyReplaced {
                uid: is.uid,
                old: was.hotkey,
                new: is.hotkey,
            });
        }
        if let Some(was) = was.filter(|was| !after.contains(&was.hotkey)) {
            changes.push(Change::Deregistered {
                uid: was.uid,
                hotkey: was.hotkey,
            });
        }
        let Some(is) = is else { continue };
        if !before.contains(&is.hotkey) {
            changes.push(Change::Registered {
                uid: is.uid,
                hotkey: is.hotkey,
            });
        }
        // Permit and axon belong to the hotkey, wherever it was before.
        let was = was
            .filter(|was| was.hotkey == is.hotkey)
            .or_else(|| old.find(&is.hotkey));
        if was.is_some_and(|was| was.validator_permit) != is.validator_permit {
            changes.push(Change::PermitChanged {
                uid: is.uid,
                hotkey: is.hotkey,
                permit: is.validator_permit,
            });
        }
        let old_axon = was.and_then(|was| was.axon);
        if old_axon != is.axon {
            changes.push(Change::AxonChanged {
                uid: is.uid,
                hotkey: is.hotkey,
                old: old_axon,
                new: is.axon,
            });
        }
    }
    changes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use axoneme_chain::Neuron;

    pub(crate) fn neuron(uid: u16, key: u8) -> Neuron {
        Neuron {
            uid,
            hotkey: AccountId([key; 32]),
            coldkey: AccountId([key ^ 0xff; 32]),
            axon: None,
            active: true,
            validator_permit: false,
            total_stake: 0,
            alpha_stake: 0,
            tao_stake: 0,
            last_update: 0,
            block_at_registration: 0,
            emission: 0,
            incentive: 0.25,
            consensus: 0.0,
            trust: 0.0,
            validator_trust: 0.0,
            dividends: 0.0,
            rank: 0.0,
        }
    }

    pub(crate) fn metagraph(block: u64, keys: &[u8]) -> Metagraph {
        let neurons = keys.iter().enumerate().map(|(uid, key)| neuron(uid as u16, *key));
        Metagraph {
            netuid: 1,
            block,
            tempo: 360,
            last_step: block,
            neurons: neurons.collect(),
        }
    }

    fn id(key: u8) -> AccountId {
        AccountId([key; 32])
    }

    #[test]
    fn a_place_that_went_to_another_hotkey_is_said_in_three_ways() {
        let all = changes(&metagraph(1, &[1, 2, 3]), &metagraph(2, &[1, 9, 3]));
        let expected = [
            Change::HotkeyReplaced {
                uid: 1,
                old: id(2),
                new: id(9),
            },
            Change::Deregistered { uid: 1, hotkey: id(2) },
            Change::Registered { uid: 1, hotkey: id(9) },
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_hotkey_that_moved_is_still_registered_and_keeps_what_is_its_own() {
        let (mut old, mut new) = (metagraph(1, &[1, 2]), metagraph(2, &[2, 1, 3]));
        old.neurons[1].validator_permit = true;
        new.neurons[0].validator_permit = true;
        let all = changes(&old, &new);
        assert!(all.contains(&Change::HotkeyReplaced {
            uid: 0,
            old: id(1),
            new: id(2)
        }));
        assert!(all.contains(&Change::Registered { uid: 2, hotkey: id(3) }));
        let others = all
            .iter()
            .filter(|change| matches!(change, Change::Deregistered { .. } | Change::PermitChanged { .. }));
        assert_eq!(others.count(), 0, "{all:?}");
    }

    #[test]
    fn permits_and_axons_that_change_are_said_once() {
        let (old, mut new) = (metagraph(1, &[1, 2]), metagraph(2, &[1, 2]));
        assert!(changes(&old, &new).is_empty());
        let axon = AxonEndpoint::new("203.0.113.7".parse().expect("an address"), 8091, 1);
        new.neurons[0].validator_permit = true;
        new.neurons[1].axon = Some(axon);
        let expected = [
            Change::PermitChanged {
                uid: 0,
                hotkey: id(1),
                permit: true,
            },
            Change::AxonChanged {
                uid: 1,
                hotkey: id(2),
                old: None,
                new: Some(axon),
            },
        ];
        assert_eq!(changes(&old, &new), expected);
        assert!(changes(&new, &new.clone()).is_empty());
    }

    #[test]
    fn a_subnet_that_was_trimmed_deregisters_its_last() {
        let all = changes(&metagraph(1, &[1, 2, 3]), &metagraph(2, &[1]));
        let gone = [2, 3].map(|key| Change::Deregistered {
            uid: u16::from(key) - 1,
            hotkey: id(key),
        });
        assert_eq!(all, gone);
    }
}
