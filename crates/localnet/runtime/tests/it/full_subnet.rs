//! A subnet as large as they get: 256 neurons, 64 of them validators that weigh everybody.

use crate::chain::*;
use node_subtensor_runtime::{AccountId, Runtime, SubtensorModule, System};
use pallet_subtensor::*;
use std::time::Instant;

const NEURONS: u16 = 256;
const VALIDATORS: u16 = 64;

fn key(uid: u16) -> AccountId {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&uid.to_le_bytes());
    AccountId::new(bytes)
}

fn full_subnet() -> u16 {
    let netuid = subnet();
    let coldkey = account("Bob");
    for uid in 1..NEURONS {
        SubtensorModule::associate(&coldkey, &key(uid)).expect("nobody has it");
        assert_eq!(SubtensorModule::place_neuron(netuid, &key(uid)), Some(uid));
        if uid <= VALIDATORS {
            SubtensorModule::increase_stake(&key(uid), &coldkey, netuid, u64::from(uid) * TAO);
        }
    }
    next_blocks(20);
    for uid in 1..=VALIDATORS {
        let row: Vec<(u16, u16)> = (0..NEURONS).map(|to| (to, 1 + (to + uid) % 100)).collect();
        Weights::<Runtime>::insert(netuid, uid, row);
        let block = u64::from(System::block_number());
        LastUpdate::<Runtime>::mutate(netuid, |blocks| blocks[usize::from(uid)] = block);
    }
    netuid
}

#[test]
fn an_epoch_of_a_full_subnet_pays_everybody() {
    on_chain(|| {
        let netuid = full_subnet();
        to_next_epoch(netuid);
        let started = Instant::now();
        to_next_epoch(netuid);
        eprintln!("ten blocks with one epoch of 256 neurons: {:?}", started.elapsed());
        let permits = ValidatorPermit::<Runtime>::get(netuid);
        let permitted = permits.iter().filter(|permit| **permit).count();
        assert_eq!(permitted, usize::from(VALIDATORS));
        let emission = Emission::<Runtime>::get(netuid);
        let unpaid: Vec<usize> = (1..usize::from(NEURONS)).filter(|uid| emission[*uid] == 0).collect();
        assert!(unpaid.is_empty(), "{unpaid:?} earned nothing");
        let paid: u64 = emission.iter().sum();
        assert!(
            paid.abs_diff(10 * (TAO / 65_535 * (65_535 - 11_796))) < TAO / 100,
            "{paid}"
        );
        // To everybody but itself.
        let bonds = Bonds::<Runtime>::get(netuid, VALIDATORS);
        assert_eq!(bonds.len(), usize::from(NEURONS) - 1);
    });
}

#[test]
fn a_full_subnet_shows_itself() {
    on_chain(|| {
        let netuid = full_subnet();
        next_blocks(10);
        let started = Instant::now();
        let metagraph = SubtensorModule::neurons(netuid);
        eprintln!("all neurons with weights and bonds: {:?}", started.elapsed());
        assert_eq!(metagraph.len(), usize::from(NEURONS));
        assert_eq!(metagraph[1].weights.len(), usize::from(NEURONS));
    });
}
