//! Weights committed by hash and revealed epochs later.

use crate::chain::*;
use node_subtensor_runtime::{Runtime, SubtensorModule, System};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::*;
use serde_json::Value;
use sp_core::{crypto::Ss58Codec, H256};
use sp_runtime::DispatchError;

const SALT: [u16; 4] = [1, 2, 3, 4];

/// A subnet with commit-reveal, a miner and a validator that may commit at once; netuid and both uids.
fn subnet_with_commit_reveal() -> (u16, u16, u16) {
    let netuid = subnet();
    let miner = register(netuid, "miner");
    let validator = validator(netuid, "validator");
    root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: true }).unwrap();
    to_next_epoch(netuid);
    (netuid, miner, validator)
}

fn hash(index: u16, row: &[(u16, u16)]) -> H256 {
    let (uids, values): (Vec<u16>, Vec<u16>) = row.iter().copied().unzip();
    SubtensorModule::commit_hash(&account("validator"), index, &uids, &values, &SALT, 0)
}

fn commit(netuid: u16, commit_hash: H256) -> Result<(), DispatchError> {
    call("validator", Call::commit_weights { netuid, commit_hash })
}

fn reveal(netuid: u16, row: &[(u16, u16)]) -> Result<(), DispatchError> {
    let (uids, values) = row.iter().copied().unzip();
    let salt = SALT.to_vec();
    call(
        "validator",
        Call::reveal_weights {
            netuid,
            uids,
            values,
            salt,
            version_key: 0,
        },
    )
}

fn unlimited(netuid: u16) {
    root(Admin::sudo_set_weights_set_rate_limit {
        netuid,
        weights_set_rate_limit: 0,
    })
    .unwrap();
}

#[test]
fn the_hash_is_the_one_that_clients_compute() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/commit_hash.json")).expect("valid JSON");
    let cases = vectors["cases"].as_array().expect("cases");
    assert!(cases.len() >= 4);
    for case in cases {
        let list = |name: &str| -> Vec<u16> {
            let numbers = case[name].as_array().expect("a list").iter();
            numbers
                .map(|x| x.as_u64().and_then(|x| u16::try_from(x).ok()).expect("16 bits"))
                .collect()
        };
        let hotkey = Ss58Codec::from_ss58check(case["hotkey"].as_str().expect("text")).expect("an address");
        let index = u16::try_from(case["netuid_index"].as_u64().expect("a number")).expect("16 bits");
        let version_key = case["version_key"].as_u64().expect("a number");
        let hash = SubtensorModule::commit_hash(
            &hotkey,
            index,
            &list("uids"),
            &list("values"),
            &list("salt"),
            version_key,
        );
        assert_eq!(Some(format!("{hash:?}").as_str()), case["hash"].as_str());
    }
}

#[test]
fn committed_weights_count_once_they_are_revealed() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        let row = [(miner, 2), (0, 1)];
        let epoch = SubtensorModule::current_epoch(netuid);
        let block = u64::from(System::block_number());
        assert_eq!(commit(netuid, hash(netuid, &row)), Ok(()));
        happened(Event::WeightsCommitted(
            account("validator"),
            netuid,
            hash(netuid, &row),
        ));
        assert_eq!(
            WeightCommits::<Runtime>::get(netuid, account("validator")),
            Some(vec![(hash(netuid, &row), epoch, block, 0)])
        );
        assert_eq!(LastUpdate::<Runtime>::get(netuid)[usize::from(uid)], block);

        refused(reveal(netuid, &row), Error::RevealTooEarly);
        to_next_epoch(netuid);
        assert_eq!(reveal(netuid, &row), Ok(()));
        happened(Event::WeightsSet(netuid, uid));
        happened(Event::WeightsRevealed(account("validator"), netuid, hash(netuid, &row)));
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535), (0, 32_768)]);
        assert_eq!(WeightCommits::<Runtime>::get(netuid, account("validator")), None);
        assert_eq!(
            LastUpdate::<Runtime>::get(netuid)[usize::from(uid)],
            block,
            "a reveal is no update"
        );
        to_next_epoch(netuid);
        assert!(Incentive::<Runtime>::get(netuid)[usize::from(miner)] > 0);
    });
}

#[test]
fn the_reveal_period_decides_the_epoch() {
    on_chain(|| {
        let (netuid, miner, _) = subnet_with_commit_reveal();
        root(Admin::sudo_set_commit_reveal_weights_interval { netuid, interval: 3 }).unwrap();
        let row = [(miner, 1)];
        commit(netuid, hash(netuid, &row)).unwrap();
        for _ in 0..3 {
            refused(reveal(netuid, &row), Error::RevealTooEarly);
            to_next_epoch(netuid);
        }
        assert_eq!(reveal(netuid, &row), Ok(()));
    });
}

#[test]
fn what_cannot_be_revealed_is_named() {
    on_chain(|| {
        let (netuid, miner, _) = subnet_with_commit_reveal();
        unlimited(netuid);
        let (row, other) = ([(miner, 1)], [(0, 1)]);
        refused(reveal(netuid, &row), Error::NoWeightsCommitFound);
        commit(netuid, hash(netuid, &row)).unwrap();
        to_next_epoch(netuid);
        refused(reveal(netuid, &other), Error::InvalidRevealCommitHashNotMatch);
        refused(reveal(77, &row), Error::SubnetNotExists);
        to_next_epoch(netuid);
        refused(reveal(netuid, &row), Error::ExpiredWeightCommit);
        refused(reveal(netuid, &other), Error::NoWeightsCommitFound);
        root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: false }).unwrap();
        refused(reveal(netuid, &row), Error::CommitRevealDisabled);
    });
}

#[test]
fn a_reveal_is_checked_like_weights_sent_openly() {
    on_chain(|| {
        let (netuid, _, _) = subnet_with_commit_reveal();
        let row = [(9, 1)];
        commit(netuid, hash(netuid, &row)).unwrap();
        to_next_epoch(netuid);
        refused(reveal(netuid, &row), Error::UidVecContainInvalidOne);
        assert!(
            WeightCommits::<Runtime>::contains_key(netuid, account("validator")),
            "a call that fails changes nothing"
        );
    });
}

#[test]
fn a_reveal_gives_up_what_was_committed_before() {
    on_chain(|| {
        let (netuid, miner, _) = subnet_with_commit_reveal();
        unlimited(netuid);
        let rows = [[(miner, 1)], [(0, 1)], [(1, 2)]];
        rows.iter()
            .for_each(|row| commit(netuid, hash(netuid, row)).expect("the limit is off"));
        to_next_epoch(netuid);
        assert_eq!(reveal(netuid, &rows[1]), Ok(()));
        refused(reveal(netuid, &rows[0]), Error::InvalidRevealCommitHashNotMatch);
        assert_eq!(reveal(netuid, &rows[2]), Ok(()));
    });
}

#[test]
fn what_forbids_a_commit_is_named() {
    on_chain(|| {
        let (netuid, _, _) = subnet_with_commit_reveal();
        let commit_hash = H256::repeat_byte(1);
        refused(commit(77, commit_hash), Error::SubnetNotExists);
        refused(
            call(
                "validator",
                Call::commit_mechanism_weights {
                    netuid,
                    mecid: 1,
                    commit_hash,
                },
            ),
            Error::MechanismDoesNotExist,
        );
        refused(
            call("stranger", Call::commit_weights { netuid, commit_hash }),
            Error::HotKeyNotRegisteredInSubNet,
        );
        commit(netuid, commit_hash).unwrap();
        next_blocks(99);
        refused(commit(netuid, commit_hash), Error::CommittingWeightsTooFast);
        next_blocks(1);
        assert_eq!(commit(netuid, commit_hash), Ok(()));
        refused(set_weights(netuid, "validator", &[(0, 1)]), Error::CommitRevealEnabled);
        root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: false }).unwrap();
        refused(commit(netuid, commit_hash), Error::CommitRevealDisabled);
    });
}

#[test]
fn ten_commits_wait_at_most_and_expired_ones_make_room() {
    on_chain(|| {
        let (netuid, _, _) = subnet_with_commit_reveal();
        unlimited(netuid);
        for byte in 0..10 {
            assert_eq!(commit(netuid, H256::repeat_byte(byte)), Ok(()));
        }
        refused(commit(netuid, H256::repeat_byte(10)), Error::TooManyUnrevealedCommits);
        to_next_epoch(netuid);
        refused(commit(netuid, H256::repeat_byte(10)), Error::TooManyUnrevealedCommits);
        to_next_epoch(netuid);
        assert_eq!(commit(netuid, H256::repeat_byte(10)), Ok(()));
        let left = WeightCommits::<Runtime>::get(netuid, account("validator")).expect("one is left");
        assert_eq!(left.len(), 1);
    });
}

#[test]
fn several_rows_are_revealed_at_once_or_not_at_all() {
    on_chain(|| {
        let (netuid, miner, uid) = subnet_with_commit_reveal();
        unlimited(netuid);
        let rows = [[(miner, 1)], [(0, 1)]];
        rows.iter()
            .for_each(|row| commit(netuid, hash(netuid, row)).expect("the limit is off"));
        to_next_epoch(netuid);
        let all = |second_salt: &[u16]| Call::batch_reveal_weights {
            netuid,
            uids_list: vec![vec![miner], vec![0]],
            values_list: vec![vec![1], vec![1]],
            salts_list: vec![SALT.to_vec(), second_salt.to_vec()],
            version_keys: vec![0, 0],
        };
        refused(call("validator", all(&[9])), Error::InvalidRevealCommitHashNotMatch);
        assert!(Weights::<Runtime>::get(netuid, uid).is_empty());
        assert_eq!(call("validator", all(&SALT)), Ok(()));
        happened(Event::WeightsBatchRevealed(
            account("validator"),
            netuid,
            rows.iter().map(|row| hash(netuid, row)).collect(),
        ));
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(0, 65_535)]);
        let unequal = Call::batch_reveal_weights {
            netuid,
            uids_list: vec![vec![0]],
            values_list: vec![],
            salts_list: vec![],
            version_keys: vec![],
        };
        refused(call("validator", unequal), Error::InputLengthsUnequal);
    });
}

#[test]
fn a_batch_goes_on_after_what_fails() {
    on_chain(|| {
        let (netuid, _, uid) = subnet_with_commit_reveal();
        let commit = |netuids: &[u16], hashes: usize| Call::batch_commit_weights {
            netuids: netuids.iter().copied().map(codec::Compact).collect(),
            commit_hashes: vec![H256::zero(); hashes],
        };
        refused(call("validator", commit(&[netuid], 2)), Error::InputLengthsUnequal);
        assert_eq!(call("validator", commit(&[77, netuid], 2)), Ok(()));
        happened(Event::WeightsCommitted(account("validator"), netuid, H256::zero()));
        happened(Event::BatchWeightItemFailed(Error::<Runtime>::SubnetNotExists.into()));
        happened(Event::BatchCompletedWithErrors());

        let set = || Call::batch_set_weights {
            netuids: vec![codec::Compact(netuid)],
            weights: vec![vec![(codec::Compact(0), codec::Compact(1))]],
            version_keys: vec![codec::Compact(0)],
        };
        next_blocks(100);
        assert_eq!(call("validator", set()), Ok(()));
        happened(Event::BatchWeightItemFailed(
            Error::<Runtime>::CommitRevealEnabled.into(),
        ));
        root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: false }).unwrap();
        assert_eq!(call("validator", set()), Ok(()));
        happened(Event::BatchWeightsCompleted(
            vec![codec::Compact(netuid)],
            account("validator"),
        ));
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(0, 65_535)]);
    });
}

#[test]
fn mechanisms_have_their_own_commits() {
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
        next_blocks(100);
        let index = netuid_index(netuid, 1);
        let commit_hash = hash(index, &[(miner, 1)]);
        let commit = Call::commit_mechanism_weights {
            netuid,
            mecid: 1,
            commit_hash,
        };
        assert_eq!(call("validator", commit), Ok(()));
        happened(Event::WeightsCommitted(account("validator"), index, commit_hash));
        to_next_epoch(netuid);
        refused(reveal(netuid, &[(miner, 1)]), Error::NoWeightsCommitFound);
        let reveal = Call::reveal_mechanism_weights {
            netuid,
            mecid: 1,
            uids: vec![miner],
            values: vec![1],
            salt: SALT.to_vec(),
            version_key: 0,
        };
        assert_eq!(call("validator", reveal), Ok(()));
        assert_eq!(Weights::<Runtime>::get(index, uid), vec![(miner, 65_535)]);
        assert!(Weights::<Runtime>::get(netuid, uid).is_empty());
    });
}

#[test]
fn a_commit_from_before_a_registration_does_not_reward_the_new_neuron() {
    on_chain(|| {
        let (netuid, miner, _) = subnet_with_commit_reveal();
        unlimited(netuid);
        let row = [(miner, 1)];
        commit(netuid, hash(netuid, &row)).unwrap();
        to_next_epoch(netuid);
        reveal(netuid, &row).unwrap();
        // Committed to, but not known: it may be about the neuron that had the uid before.
        commit(netuid, H256::repeat_byte(7)).unwrap();
        next_blocks(1);
        let late = u64::from(System::block_number());
        BlockAtRegistration::<Runtime>::insert(netuid, miner, late);
        to_next_epoch(netuid);
        assert_eq!(Incentive::<Runtime>::get(netuid)[usize::from(miner)], 0);
    });
}
