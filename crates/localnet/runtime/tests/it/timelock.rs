//! Weights under a timelock, and the pulses that open it.

use crate::chain::*;
use axoneme_timelock::{encrypt, Beacon, LegacyPayload, WeightsPayload};
use codec::Encode;
use node_subtensor_runtime::{api, Drand, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SubtensorModule, System};
use pallet_admin_utils::Call as Admin;
use pallet_drand::{beacon, Event as Beat, LastStoredRound, OldestStoredRound, Pulses, PulsesPayload};
use pallet_subtensor::*;
use rand::{rngs::StdRng, SeedableRng};
use sp_core::H256;
use sp_runtime::{
    traits::{BlakeTwo256, Hash},
    DispatchError, MultiSigner,
};

/// A round of the present, so that `LastStoredRound` looks as on a running chain.
const NOW: u64 = 30_000_000;

/// A subnet with commit-reveal, a miner and a validator that may commit at once; netuid and both uids.
fn subnet_with_commit_reveal() -> (u16, u16, u16) {
    let netuid = subnet();
    let miner = register(netuid, "miner");
    let validator = validator(netuid, "validator");
    root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: true }).unwrap();
    root(Admin::sudo_set_weights_set_rate_limit {
        netuid,
        weights_set_rate_limit: 0,
    })
    .unwrap();
    to_next_epoch(netuid);
    write(&[NOW]).expect("a genuine pulse");
    (netuid, miner, validator)
}

fn write(rounds: &[u64]) -> Result<(), DispatchError> {
    let pulses = rounds.iter().copied().map(beacon::dev_pulse).collect();
    write_pulses(RuntimeOrigin::none(), pulses)
}

fn write_pulses(origin: RuntimeOrigin, pulses: Vec<pallet_drand::Pulse>) -> Result<(), DispatchError> {
    let pulses_payload = PulsesPayload {
        block_number: System::block_number(),
        pulses,
        public: MultiSigner::Sr25519(Default::default()),
    };
    let call = pallet_drand::Call::write_pulse {
        pulses_payload,
        signature: None,
    };
    dispatch(origin, RuntimeCall::Drand(call))
}

fn payload(hotkey: &str, row: &[(u16, u16)]) -> Vec<u8> {
    let (uids, values) = row.iter().copied().unzip();
    let hotkey = account(hotkey).into();
    WeightsPayload {
        hotkey,
        uids,
        values,
        version_key: 0,
    }
    .encode()
}

fn locked(beacon: &Beacon, round: u64, plaintext: &[u8]) -> Vec<u8> {
    encrypt(beacon, round, plaintext, &mut StdRng::seed_from_u64(round)).expect("it can be encrypted")
}

fn commit(netuid: u16, ciphertext: Vec<u8>, reveal_round: u64) -> Result<(), DispatchError> {
    call(
        "validator",
        Call::commit_timelocked_weights {
            netuid,
            commit: ciphertext.try_into().expect("it is short enough"),
            reveal_round,
            commit_reveal_version: 4,
        },
    )
}

fn commit_row(netuid: u16, row: &[(u16, u16)], round: u64) -> Result<(), DispatchError> {
    commit(netuid, locked(&Beacon::dev(), round, &payload("validator", row)), round)
}

fn stored(index: u16) -> usize {
    TimelockedWeightCommits::<Runtime>::iter_prefix_values(index)
        .map(|commits| commits.len())
        .sum()
}

#[test]
fn timelocked_weights_show_when_their_epoch_and_their_round_have_come() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let round = NOW + 2;
        let ciphertext = locked(&Beacon::dev(), round, &payload("validator", &[(miner, 2), (0, 1)]));
        let hash = BlakeTwo256::hash(&ciphertext);
        let (epoch, block) = (
            SubtensorModule::current_epoch(netuid),
            u64::from(System::block_number()),
        );
        assert_eq!(commit(netuid, ciphertext.clone(), round), Ok(()));
        happened(Event::TimelockedWeightsCommitted(
            account("validator"),
            netuid,
            hash,
            round,
        ));
        let commits = TimelockedWeightCommits::<Runtime>::get(netuid, epoch);
        assert_eq!(commits.len(), 1);
        assert_eq!(
            (&commits[0].0, commits[0].1, commits[0].3),
            (&account("validator"), block, round)
        );
        assert_eq!(commits[0].2.as_slice(), ciphertext);
        assert_eq!(LastUpdate::<Runtime>::get(netuid)[usize::from(uid)], block);

        // The round is out before the epoch has come: nothing shows.
        write(&[NOW + 1, round]).unwrap();
        next_blocks(1);
        assert!(Weights::<Runtime>::get(netuid, uid).is_empty());
        to_next_epoch(netuid);
        happened(Event::TimelockedWeightsRevealed(netuid, account("validator")));
        happened(Event::WeightsSet(netuid, uid));
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535), (0, 32_768)]);
        assert_eq!(stored(netuid), 0);
        assert_eq!(LastUpdate::<Runtime>::get(netuid)[usize::from(uid)], block);
        // They were opened before the epoch of the same block ran.
        assert!(Incentive::<Runtime>::get(netuid)[usize::from(miner)] > 0);
    });
}

#[test]
fn a_late_pulse_opens_within_the_epoch_and_a_later_one_never() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        commit_row(netuid, &[(miner, 1)], NOW + 1).unwrap();
        to_next_epoch(netuid);
        next_blocks(2);
        assert_eq!(stored(netuid), 1);
        write(&[NOW + 1]).unwrap();
        next_blocks(1);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535)]);

        commit_row(netuid, &[(0, 1)], NOW + 2).unwrap();
        to_next_epoch(netuid);
        next_blocks(9);
        assert_eq!(stored(netuid), 1, "the last block of the epoch");
        next_blocks(1);
        assert_eq!(stored(netuid), 0);
        write(&[NOW + 2]).unwrap();
        to_next_epoch(netuid);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535)]);
    });
}

#[test]
fn the_reveal_period_counts_in_epochs() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        root(Admin::sudo_set_commit_reveal_weights_interval { netuid, interval: 2 }).unwrap();
        commit_row(netuid, &[(miner, 1)], NOW).unwrap();
        to_next_epoch(netuid);
        assert_eq!(stored(netuid), 1);
        to_next_epoch(netuid);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535)]);
    });
}

#[test]
fn what_another_beacon_locks_is_accepted_and_expires_unrevealed() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let ciphertext = locked(&Beacon::quicknet(), NOW + 1, &payload("validator", &[(miner, 1)]));
        assert_eq!(commit(netuid, ciphertext, NOW + 1), Ok(()));
        // Dropped as soon as its round is out, whether or not anything could be read.
        write(&[NOW + 1]).unwrap();
        to_next_epoch(netuid);
        assert_eq!(stored(netuid), 0);
        assert!(Weights::<Runtime>::get(netuid, uid).is_empty());
        let shown = System::events().into_iter().any(|record| {
            matches!(
                record.event,
                RuntimeEvent::SubtensorModule(Event::TimelockedWeightsRevealed(..))
            )
        });
        assert!(!shown);
    });
}

#[test]
fn weights_that_would_be_refused_are_dropped() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let dev = Beacon::dev();
        commit_row(netuid, &[(99, 1)], NOW).unwrap();
        commit(netuid, locked(&dev, NOW, b"no weights"), NOW).unwrap();
        commit(netuid, vec![1, 2, 3], NOW).unwrap();
        commit(netuid, locked(&dev, NOW, &payload("miner", &[(miner, 1)])), NOW).unwrap();
        to_next_epoch(netuid);
        assert_eq!(stored(netuid), 0);
        assert!(Weights::<Runtime>::get(netuid, uid).is_empty());
    });
}

#[test]
fn the_payload_of_older_clients_is_read() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let legacy = LegacyPayload {
            uids: vec![miner],
            values: vec![5],
            version_key: 0,
        };
        commit(netuid, locked(&Beacon::dev(), NOW, &legacy.encode()), NOW).unwrap();
        to_next_epoch(netuid);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535)]);
    });
}

#[test]
fn mechanisms_are_opened_each_by_itself() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        root(Admin::sudo_set_max_allowed_uids {
            netuid,
            max_allowed_uids: 64,
        })
        .unwrap();
        root(Admin::sudo_set_mechanism_count {
            netuid,
            mechanism_count: 2,
        })
        .unwrap();
        let ciphertext = |row: &[(u16, u16)]| {
            let bytes = locked(&Beacon::dev(), NOW, &payload("validator", row));
            bytes.try_into().expect("it is short enough")
        };
        let versioned = Call::commit_timelocked_mechanism_weights {
            netuid,
            mecid: 0,
            commit: ciphertext(&[(0, 1)]),
            reveal_round: NOW,
            commit_reveal_version: 4,
        };
        let unversioned = Call::commit_crv3_mechanism_weights {
            netuid,
            mecid: 1,
            commit: ciphertext(&[(miner, 1)]),
            reveal_round: NOW,
        };
        assert_eq!(call("validator", versioned), Ok(()));
        assert_eq!(call("validator", unversioned), Ok(()));
        let index = netuid_index(netuid, 1);
        assert_eq!((stored(netuid), stored(index)), (1, 1));
        to_next_epoch(netuid);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(0, 65_535)]);
        assert_eq!(Weights::<Runtime>::get(index, uid), vec![(miner, 65_535)]);
    });
}

#[test]
fn what_forbids_a_timelocked_commit_is_named() {
    on_chain(|| {
        let (netuid, _, _) = subnet_with_commit_reveal();
        let with = |signer: &str, netuid, mecid, reveal_round, commit_reveal_version| {
            let commit = vec![0; 300].try_into().expect("it is short enough");
            call(
                signer,
                Call::commit_timelocked_mechanism_weights {
                    netuid,
                    mecid,
                    commit,
                    reveal_round,
                    commit_reveal_version,
                },
            )
        };
        refused(with("validator", 77, 0, NOW, 4), Error::SubnetNotExists);
        refused(with("validator", netuid, 1, NOW, 4), Error::MechanismDoesNotExist);
        refused(
            with("validator", netuid, 0, NOW, 3),
            Error::IncorrectCommitRevealVersion,
        );
        refused(with("stranger", netuid, 0, NOW, 4), Error::HotKeyNotRegisteredInSubNet);
        refused(with("validator", netuid, 0, NOW - 1, 4), Error::InvalidRevealRound);
        for _ in 0..10 {
            assert_eq!(with("validator", netuid, 0, NOW + 50, 4), Ok(()));
        }
        refused(
            with("validator", netuid, 0, NOW + 50, 4),
            Error::TooManyUnrevealedCommits,
        );
        WeightsSetRateLimit::<Runtime>::insert(netuid, 100);
        refused(with("validator", netuid, 0, NOW, 4), Error::CommittingWeightsTooFast);
        root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: false }).unwrap();
        refused(with("validator", netuid, 0, NOW, 4), Error::CommitRevealDisabled);
    });
}

#[test]
fn nothing_is_opened_while_the_epoch_is_put_off() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        root(Admin::sudo_set_max_epochs_per_block {
            max_epochs_per_block: 1,
        })
        .unwrap();
        root(Admin::sudo_set_tempo { netuid: 1, tempo: 10 }).unwrap();
        root(Admin::sudo_set_tempo { netuid, tempo: 10 }).unwrap();
        commit_row(netuid, &[(miner, 1)], NOW).unwrap();
        to_next_epoch(netuid);
        assert!(PendingEpochAt::<Runtime>::get(netuid) != 0);
        assert!(Weights::<Runtime>::get(netuid, uid).is_empty());
        next_blocks(1);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535)]);
    });
}

#[test]
fn only_genuine_pulses_of_later_rounds_are_stored() {
    on_chain(|| {
        assert_eq!(write(&[5, 6]), Ok(()));
        assert!(System::events()
            .iter()
            .any(|record| record.event == RuntimeEvent::Drand(Beat::NewPulse { rounds: vec![5, 6] })));
        assert_eq!(
            (OldestStoredRound::<Runtime>::get(), LastStoredRound::<Runtime>::get()),
            (5, 6)
        );
        assert_eq!(Drand::signature(6), Some(beacon::dev_beacon().sign(6)));
        let error = |error: pallet_drand::Error<Runtime>| Err(error.into());
        assert_eq!(write(&[6]), error(pallet_drand::Error::InvalidRoundNumber));
        let mut forged = beacon::dev_pulse(7);
        forged.round = 8;
        assert_eq!(
            write_pulses(RuntimeOrigin::none(), vec![forged]),
            error(pallet_drand::Error::PulseVerificationError)
        );
        let mut chosen = beacon::dev_pulse(7);
        chosen.randomness = vec![0; 32].try_into().expect("32 bytes");
        assert_eq!(
            write_pulses(RuntimeOrigin::none(), vec![chosen]),
            error(pallet_drand::Error::PulseVerificationError)
        );
        let signed = RuntimeOrigin::signed(account("Alice"));
        assert_eq!(
            write_pulses(signed, vec![beacon::dev_pulse(7)]),
            Err(DispatchError::BadOrigin)
        );
        assert_eq!(LastStoredRound::<Runtime>::get(), 6);
    });
}

#[test]
fn old_pulses_are_forgotten() {
    on_chain(|| {
        write(&[10, 11]).unwrap();
        write(&[10 + pallet_drand::KEPT_PULSES]).unwrap();
        assert!(Pulses::<Runtime>::contains_key(10));
        write(&[11 + pallet_drand::KEPT_PULSES]).unwrap();
        assert_eq!(OldestStoredRound::<Runtime>::get(), 11);
        assert!(!Pulses::<Runtime>::contains_key(10) && Pulses::<Runtime>::contains_key(11));
        write(&[NOW]).unwrap();
        assert_eq!(OldestStoredRound::<Runtime>::get(), NOW);
        assert_eq!(Pulses::<Runtime>::iter_keys().count(), 1);
    });
}

/// What the author of a block at a time adds to it, applied.
fn pulses_at(now_ms: u64) -> Vec<u64> {
    let mut data = sp_inherents::InherentData::new();
    data.put_data(*b"timstap0", &now_ms).expect("new");
    let inherents = api::dispatch("BlockBuilder_inherent_extrinsics", &data.encode()).expect("it exists");
    let inherents: Vec<node_subtensor_runtime::UncheckedExtrinsic> =
        codec::DecodeAll::decode_all(&mut inherents.as_slice()).expect("extrinsics");
    let before = LastStoredRound::<Runtime>::get();
    for inherent in inherents {
        if matches!(inherent.function, RuntimeCall::Drand(_)) {
            assert_eq!(node_subtensor_runtime::Executive::apply_extrinsic(inherent), Ok(Ok(())));
        }
    }
    let mut rounds: Vec<u64> = Pulses::<Runtime>::iter_keys().filter(|round| *round > before).collect();
    rounds.sort_unstable();
    rounds
}

#[test]
fn each_block_brings_the_rounds_that_are_out_by_its_clock() {
    on_chain(|| {
        let beacon = Beacon::dev();
        // A round comes one period late.
        let at = |round: u64| (beacon.time_of(round) + beacon.period) * 1_000;
        assert_eq!(pulses_at(at(NOW)), vec![NOW]);
        assert_eq!(pulses_at(at(NOW) + 2_999), Vec::<u64>::new());
        assert_eq!(pulses_at(at(NOW + 1)), vec![NOW + 1]);
        assert_eq!(pulses_at(at(NOW + 4)), vec![NOW + 2, NOW + 3, NOW + 4]);
    });
}

#[test]
fn after_a_stop_no_round_is_skipped_that_a_commit_waits_for() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let round = NOW + 7;
        commit_row(netuid, &[(miner, 1)], round).unwrap();
        let beacon = Beacon::dev();
        let rounds = pulses_at((beacon.time_of(NOW + 5_000) + beacon.period) * 1_000);
        assert_eq!(rounds.len(), pallet_drand::MOST_PULSES);
        assert_eq!((rounds[0], rounds.last()), (round, Some(&(NOW + 5_000))));
        to_next_epoch(netuid);
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535)]);
    });
}

#[test]
fn a_chain_that_listens_to_another_beacon_makes_no_pulses() {
    on_chain(|| {
        let config_payload = pallet_drand::BeaconConfigurationPayload {
            block_number: 1,
            config: beacon::quicknet(),
            public: MultiSigner::Sr25519(Default::default()),
        };
        let call = RuntimeCall::Drand(pallet_drand::Call::set_beacon_config {
            config_payload,
            signature: None,
        });
        let signed = RuntimeOrigin::signed(account("Bob"));
        assert_eq!(dispatch(signed, call.clone()), Err(DispatchError::BadOrigin));
        assert_eq!(dispatch(RuntimeOrigin::root(), call), Ok(()));
        assert_eq!(pulses_at(1_800_000_000_000), Vec::<u64>::new());
    });
}

#[test]
fn the_rounds_that_clients_compute_are_accepted_and_opened_in_time() {
    use axoneme_timelock::reveal::{reveal_block, reveal_round, EpochState};
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let block_time = std::time::Duration::from_millis(250);
        let start = std::time::Duration::from_millis(1_900_000_000_000);
        let first = System::block_number();
        let clock = || start + block_time * (System::block_number() - first);
        let mut revealed = 0;
        for step in 0..120u32 {
            if step % 10 == 3 {
                let schedule = SubtensorModule::schedule(netuid);
                let state = EpochState {
                    last_epoch_block: schedule.last_epoch_block,
                    pending_epoch_at: schedule.pending_epoch_at,
                    subnet_epoch_index: schedule.subnet_epoch_index,
                    tempo: schedule.tempo,
                    blocks_since_last_step: schedule.blocks_since_last_step,
                    block: u64::from(System::block_number()),
                };
                let ahead = reveal_block(&state, 1).expect("epochs run") - state.block;
                let round = reveal_round(&Beacon::dev(), clock(), ahead, block_time);
                // It takes two blocks until the transaction is in.
                step_block(clock() + block_time);
                step_block(clock() + block_time);
                let row = [(if step % 20 == 3 { miner } else { 0 }, 1)];
                assert_eq!(commit_row(netuid, &row, round), Ok(()), "step {step}");
            }
            step_block(clock() + block_time);
            let shown = RuntimeEvent::SubtensorModule(Event::TimelockedWeightsRevealed(netuid, account("validator")));
            revealed += System::events().iter().filter(|record| record.event == shown).count();
        }
        assert!((11..=12).contains(&revealed), "{revealed} of 12 were revealed");
        assert_eq!(Weights::<Runtime>::get(netuid, uid).len(), 1);
    });
}

/// One block with its pulses, which come after what happens at its start.
fn step_block(now: std::time::Duration) {
    next_blocks(1);
    pulses_at(u64::try_from(now.as_millis()).expect("a time of this age"));
}

#[test]
fn the_default_beacon_is_the_main_chains_and_the_genesis_takes_the_chains_own() {
    let config = pallet_drand::BeaconConfig::<Runtime>::get;
    sp_io::TestExternalities::default().execute_with(|| {
        let quicknet = config();
        assert_eq!(quicknet.public_key.as_slice(), Beacon::quicknet().public_key);
        assert_eq!((quicknet.period, quicknet.genesis_time), (3, 1_692_803_367));
    });
    on_chain(|| {
        let dev = config();
        assert_eq!(dev.public_key.as_slice(), Beacon::dev().public_key);
        assert_eq!((dev.period, dev.genesis_time), (3, 1_692_803_367));
        assert_ne!(H256::from_slice(&dev.hash), H256::zero());
    });
}
