use crate::chain::*;
use node_subtensor_runtime::{Runtime, SubtensorModule, System};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::{schedule::Schedule, *};
use serde_json::Value;

/// A subnet with two validators and two miners, weights set. Returns netuid, validators, miners.
fn running_subnet() -> (u16, [u16; 2], [u16; 2]) {
    let netuid = subnet();
    let miners = [register(netuid, "good-miner"), register(netuid, "bad-miner")];
    let validators = [register(netuid, "validator"), validator(netuid, "second")];
    stake(netuid, "validator", 500);
    next_blocks(100);
    let weights = [(miners[0], 3), (miners[1], 1)];
    assert_eq!(set_weights(netuid, "validator", &weights), Ok(()));
    assert_eq!(set_weights(netuid, "second", &weights), Ok(()));
    (netuid, validators, miners)
}

#[test]
fn an_epoch_turns_weights_into_incentive() {
    on_chain(|| {
        let (netuid, validators, miners) = running_subnet();
        next_blocks(10);
        let of = |column: &[u16], uid: u16| column[usize::from(uid)];
        let incentive = Incentive::<Runtime>::get(netuid);
        assert!(of(&incentive, miners[0]).abs_diff(49_151) <= 2, "{incentive:?}");
        assert!(of(&incentive, miners[1]).abs_diff(16_383) <= 2, "{incentive:?}");
        let consensus = Consensus::<Runtime>::get(netuid);
        assert!(of(&consensus, miners[0]).abs_diff(49_151) <= 2, "{consensus:?}");
        let dividends = Dividends::<Runtime>::get(netuid);
        assert!(
            of(&dividends, validators[1]) > of(&dividends, validators[0]),
            "{dividends:?}"
        );
        assert!(of(&ValidatorTrust::<Runtime>::get(netuid), validators[0]) >= 65_530);
        assert!(!Bonds::<Runtime>::get(netuid, validators[0]).is_empty());
        assert_eq!(
            ValidatorPermit::<Runtime>::get(netuid),
            vec![true, false, false, true, true]
        );
        assert_eq!(
            LastMechansimStepBlock::<Runtime>::get(netuid),
            LastEpochBlock::<Runtime>::get(netuid)
        );
    });
}

#[test]
fn an_epoch_pays_owner_miners_and_validators() {
    on_chain(|| {
        let (netuid, validators, miners) = running_subnet();
        next_blocks(10);
        let stake_before: Vec<u64> = SubtensorModule::hotkeys(netuid)
            .iter()
            .map(|hotkey| TotalHotkeyAlpha::<Runtime>::get(hotkey, netuid))
            .collect();
        let epoch = LastEpochBlock::<Runtime>::get(netuid);
        next_blocks(10);
        assert_eq!(LastEpochBlock::<Runtime>::get(netuid), epoch + 10);

        // Ten blocks of one alpha: 18 % for the owner, the rest half and half.
        let emission = Emission::<Runtime>::get(netuid);
        let shared: u64 = emission.iter().sum();
        assert!(
            shared.abs_diff(10 * TAO / 65_535 * (65_535 - 11_796)) < 1_000_000,
            "{emission:?}"
        );
        let served: u64 = miners.iter().map(|uid| emission[usize::from(*uid)]).sum();
        let validated: u64 = validators.iter().map(|uid| emission[usize::from(*uid)]).sum();
        assert!(served.abs_diff(validated) < 100_000, "{emission:?}");

        // Bob owns all of these hotkeys and Alice the subnet: everything arrives as stake.
        let gained = |uid: usize| {
            let hotkey = Keys::<Runtime>::get(netuid, uid as u16);
            TotalHotkeyAlpha::<Runtime>::get(hotkey, netuid) - stake_before[uid]
        };
        for uid in miners.iter().chain(&validators).map(|uid| usize::from(*uid)) {
            assert_eq!(gained(uid), emission[uid], "uid {uid}");
        }
        assert_eq!(gained(0), 10 * (TAO * 11_796 / 65_535));
    });
}

#[test]
fn an_owner_cannot_mine_its_own_subnet() {
    on_chain(|| {
        let netuid = subnet();
        call(
            "Alice",
            Call::burned_register {
                netuid,
                hotkey: account("own-miner"),
            },
        )
        .unwrap();
        validator(netuid, "validator");
        assert_eq!(set_weights(netuid, "validator", &[(1, 1)]), Ok(()));
        next_blocks(20);
        assert!(Emission::<Runtime>::get(netuid)[1] > 0);
        assert_eq!(TotalHotkeyAlpha::<Runtime>::get(account("own-miner"), netuid), 0);
    });
}

#[test]
fn nothing_is_emitted_before_the_start() {
    on_chain(|| {
        call(
            "Alice",
            Call::register_network {
                hotkey: account("owner-hot"),
            },
        )
        .unwrap();
        next_blocks(30);
        assert_eq!(Emission::<Runtime>::get(2), vec![0]);
        assert_eq!(TotalHotkeyAlpha::<Runtime>::get(account("owner-hot"), 2), 0);
        assert!(SubnetEpochIndex::<Runtime>::get(2) >= 2, "epochs run all the same");
    });
}

#[test]
fn a_silent_validator_becomes_inactive() {
    on_chain(|| {
        let (netuid, validators, _) = running_subnet();
        // 13.889 tempos of ten blocks.
        next_blocks(138);
        assert!(Active::<Runtime>::get(netuid)[usize::from(validators[0])]);
        next_blocks(20);
        assert!(!Active::<Runtime>::get(netuid)[usize::from(validators[0])]);
    });
}

#[test]
fn epochs_beyond_the_cap_are_put_off_by_a_block() {
    on_chain(|| {
        let netuid = subnet();
        root(Admin::sudo_set_max_epochs_per_block {
            max_epochs_per_block: 1,
        })
        .unwrap();
        root(Admin::sudo_set_tempo { netuid: 1, tempo: 10 }).unwrap();
        root(Admin::sudo_set_tempo { netuid, tempo: 10 }).unwrap();
        next_blocks(10);
        let block = u64::from(System::block_number());
        happened(Event::EpochDeferred(netuid, block + 1));
        assert_eq!(
            (
                LastEpochBlock::<Runtime>::get(1),
                PendingEpochAt::<Runtime>::get(netuid)
            ),
            (block, block + 1)
        );
        next_blocks(1);
        assert_eq!(
            (
                LastEpochBlock::<Runtime>::get(netuid),
                PendingEpochAt::<Runtime>::get(netuid)
            ),
            (block + 1, 0)
        );
    });
}

#[test]
fn a_tempo_of_zero_stops_epochs() {
    on_chain(|| {
        let netuid = subnet();
        root(Admin::sudo_set_tempo { netuid, tempo: 0 }).unwrap();
        let before = SubnetEpochIndex::<Runtime>::get(netuid);
        next_blocks(50);
        assert_eq!(SubnetEpochIndex::<Runtime>::get(netuid), before);
        assert_eq!(SubtensorModule::schedule(netuid).next_start(), None);
    });
}

#[test]
fn the_schedule_agrees_with_the_chains() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../pallets/subtensor/tests/vectors/epoch.json")).expect("valid JSON");
    let cases = vectors["schedule_cases"].as_array().expect("cases");
    assert!(cases.len() >= 9);
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let state = |field: &str| {
            case["state"][field]
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {field}"))
        };
        let schedule = Schedule {
            last_epoch_block: state("last_epoch_block"),
            pending_epoch_at: state("pending_epoch_at"),
            subnet_epoch_index: state("subnet_epoch_index"),
            tempo: state("tempo") as u16,
            blocks_since_last_step: state("blocks_since_last_step"),
        };
        let block = state("current_block");
        let expected = |field: &str| case[field].as_bool().expect("a bool");
        assert_eq!(
            schedule.is_due(block),
            expected("should_run_epoch_at_current"),
            "{name}"
        );
        assert_eq!(
            schedule.is_due(block + 1),
            expected("should_run_epoch_at_next"),
            "{name}"
        );
        assert_eq!(schedule.next_start(), case["next_epoch_start_block"].as_u64(), "{name}");
        if let Some(epoch) = case["commit_epoch"].as_u64() {
            assert_eq!(schedule.index_at(block + 1), epoch, "{name}");
        }
    }
}

#[test]
fn mechanisms_share_the_emission_as_the_owner_says() {
    on_chain(|| {
        let netuid = subnet();
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
        let miners = [register(netuid, "miner-0"), register(netuid, "miner-1")];
        validator(netuid, "validator");
        for (mecid, miner) in (0u8..).zip(miners) {
            let weights = Call::set_mechanism_weights {
                netuid,
                mecid,
                dests: vec![miner],
                weights: vec![1],
                version_key: 0,
            };
            call("validator", weights).unwrap();
        }
        let emitted = || {
            next_blocks(10);
            let emission = Emission::<Runtime>::get(netuid);
            miners.map(|uid| emission[usize::from(uid)])
        };
        emitted();
        let [first, second] = emitted();
        assert!(first > 0 && first.abs_diff(second) < 1_000, "{first} {second}");
        root(Admin::sudo_set_mechanism_emission_split {
            netuid,
            maybe_split: Some(vec![49_151, 16_384]),
        })
        .unwrap();
        let [first, second] = emitted();
        assert!(first.abs_diff(3 * second) < first / 1_000, "{first} {second}");
        // Each mechanism ranks its own miner.
        let incentive = |mecid, uid: u16| Incentive::<Runtime>::get(netuid_index(netuid, mecid))[usize::from(uid)];
        assert_eq!(incentive(0, miners[0]), 65_535);
        assert_eq!(incentive(0, miners[1]), 0);
        assert_eq!(incentive(1, miners[1]), 65_535);
    });
}
