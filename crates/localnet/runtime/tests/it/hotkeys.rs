//! What owners of hotkeys may do to them: takes, children, swaps.

use crate::chain::*;
use node_subtensor_runtime::{Runtime, SubtensorModule};
use pallet_subtensor::*;

const HALF: u64 = u64::MAX / 2;

fn take(hotkey: &str, take: u16, up: bool) -> Call<Runtime> {
    let hotkey = account(hotkey);
    if up {
        Call::increase_take { hotkey, take }
    } else {
        Call::decrease_take { hotkey, take }
    }
}

fn children(netuid: u16, hotkey: &str, children: &[(u64, &str)]) -> Call<Runtime> {
    Call::set_children {
        hotkey: account(hotkey),
        netuid,
        children: children.iter().map(|(part, child)| (*part, account(child))).collect(),
    }
}

#[test]
fn a_take_falls_at_any_time_and_rises_now_and_then() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "hot");
        refused(call("Alice", take("hot", 1, false)), Error::NonAssociatedColdKey);
        refused(call("Bob", take("nobody", 1, false)), Error::HotKeyAccountNotExists);
        assert_eq!(call("Bob", take("hot", 5_000, false)), Ok(()));
        happened(Event::TakeDecreased(account("Bob"), account("hot"), 5_000));
        refused(call("Bob", take("hot", 5_000, false)), Error::DelegateTakeTooLow);
        refused(call("Bob", take("hot", 5_000, true)), Error::DelegateTakeTooLow);
        refused(call("Bob", take("hot", 20_000, true)), Error::DelegateTakeTooHigh);
        assert_eq!(call("Bob", take("hot", 6_000, true)), Ok(()));
        refused(
            call("Bob", take("hot", 7_000, true)),
            Error::DelegateTxRateLimitExceeded,
        );
        assert_eq!(Delegates::<Runtime>::get(account("hot")), 6_000);
        MinDelegateTake::<Runtime>::put(3_000);
        refused(call("Bob", take("hot", 2_000, false)), Error::DelegateTakeTooLow);
    });
}

#[test]
fn a_take_from_parents_has_bounds() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "hot");
        let set = |take| Call::set_childkey_take {
            hotkey: account("hot"),
            netuid,
            take,
        };
        refused(call("Alice", set(1)), Error::NonAssociatedColdKey);
        refused(call("Bob", set(u16::MAX)), Error::InvalidChildkeyTake);
        assert_eq!(call("Bob", set(1_000)), Ok(()));
        happened(Event::ChildKeyTakeSet(account("hot"), 1_000));
        refused(call("Bob", set(2_000)), Error::TxChildkeyTakeRateLimitExceeded);
        assert_eq!(call("Bob", set(500)), Ok(()));
    });
}

#[test]
fn children_take_over_after_a_while_and_their_parents_share_what_they_earn() {
    on_chain(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        let child = register(netuid, "child");
        register(netuid, "parent");
        stake(netuid, "parent", 1_000);
        assert_eq!(call("Bob", children(netuid, "parent", &[(HALF, "child")])), Ok(()));
        let due = u64::from(node_subtensor_runtime::System::block_number()) + 15;
        let planned = vec![(HALF, account("child"))];
        happened(Event::SetChildrenScheduled(
            account("parent"),
            netuid,
            due,
            planned.clone(),
        ));
        next_blocks(14);
        assert!(ChildKeys::<Runtime>::get(account("parent"), netuid).is_empty());
        next_blocks(1);
        happened(Event::SetChildren(account("parent"), netuid, planned.clone()));
        assert_eq!(ChildKeys::<Runtime>::get(account("parent"), netuid), planned);
        assert_eq!(
            ParentKeys::<Runtime>::get(account("child"), netuid),
            vec![(HALF, account("parent"))]
        );
        let staked = TotalHotkeyAlpha::<Runtime>::get(account("parent"), netuid);
        let weight = |hotkey: &str| SubtensorModule::stake_weight(&account(hotkey), netuid);
        assert!(weight("child").abs_diff(staked / 2) <= 1);
        assert!(weight("parent").abs_diff(staked / 2) <= 1);

        // The child validates with it, and all it earns goes to its parent.
        next_blocks(100);
        assert!(SubtensorModule::has_permit(netuid, child));
        set_weights(netuid, "child", &[(miner, 1)]).unwrap();
        let before = TotalHotkeyAlpha::<Runtime>::get(account("parent"), netuid);
        next_blocks(20);
        assert!(Emission::<Runtime>::get(netuid)[usize::from(child)] > 0);
        assert!(TotalHotkeyAlpha::<Runtime>::get(account("parent"), netuid) > before);
        assert!(TotalHotkeyAlpha::<Runtime>::get(account("child"), netuid) < TAO / 1_000);

        // With a take it keeps a part.
        let hotkey = account("child");
        let take = 11_796;
        call("Bob", Call::set_childkey_take { hotkey, netuid, take }).unwrap();
        next_blocks(10);
        let kept = AlphaDividendsPerSubnet::<Runtime>::get(netuid, account("child"));
        let earned = Emission::<Runtime>::get(netuid)[usize::from(child)];
        assert!(
            kept.abs_diff(earned / 65_535 * 11_796) < earned / 1_000,
            "{kept} of {earned}"
        );

        next_blocks(150);
        assert_eq!(call("Bob", children(netuid, "parent", &[])), Ok(()));
        next_blocks(15);
        assert!(ParentKeys::<Runtime>::get(account("child"), netuid).is_empty());
        assert!(weight("child") < TAO * 100);
    });
}

#[test]
fn what_forbids_children_is_named() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "parent");
        let set = |list: &[(u64, &str)]| call("Bob", children(netuid, "parent", list));
        refused(
            call("Bob", children(ROOT, "parent", &[])),
            Error::RegistrationNotPermittedOnRootSubnet,
        );
        refused(call("Bob", children(77, "parent", &[])), Error::SubnetNotExists);
        refused(
            call("Alice", children(netuid, "parent", &[])),
            Error::NonAssociatedColdKey,
        );
        let six: Vec<(u64, &str)> = ["a", "b", "c", "d", "e", "f"]
            .into_iter()
            .map(|name| (1, name))
            .collect();
        refused(set(&six), Error::TooManyChildren);
        refused(set(&[(1, "parent")]), Error::InvalidChild);
        refused(set(&[(1, "a"), (1, "a")]), Error::DuplicateChild);
        refused(set(&[(u64::MAX, "a"), (1, "b")]), Error::ProportionOverflow);
        StakeThreshold::<Runtime>::put(1);
        refused(set(&[(1, "a")]), Error::NotEnoughStakeToSetChildkeys);
        StakeThreshold::<Runtime>::put(0);
        assert_eq!(set(&[(1, "a")]), Ok(()));
        refused(set(&[(1, "a")]), Error::TxRateLimitExceeded);
        next_blocks(15);
        register(netuid, "a");
        refused(
            call("Bob", children(netuid, "a", &[(1, "b")])),
            Error::ChildParentInconsistency,
        );
    });
}

#[test]
fn a_neuron_goes_on_under_another_hotkey() {
    on_chain(|| {
        let netuid = subnet();
        let uid = register(netuid, "old");
        stake(netuid, "old", 100);
        let serve = Call::serve_axon {
            netuid,
            version: 1,
            ip: 0x0808_0808,
            port: 9,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
        };
        call("old", serve).unwrap();
        let staked = TotalHotkeyAlpha::<Runtime>::get(account("old"), netuid);
        let swap = |old: &str, new: &str, netuid, keep_stake| Call::swap_hotkey_v2 {
            hotkey: account(old),
            new_hotkey: account(new),
            netuid,
            keep_stake,
        };
        refused(
            call("Alice", swap("old", "new", None, false)),
            Error::NonAssociatedColdKey,
        );
        refused(
            call("Bob", swap("old", "old", None, false)),
            Error::NewHotKeyIsSameWithOld,
        );
        refused(call("Bob", swap("old", "new", Some(77), false)), Error::SubnetNotExists);
        refused(
            call("Bob", swap("old", "owner-hot", None, false)),
            Error::NonAssociatedColdKey,
        );
        let before = balance("Bob");
        let plain = Call::swap_hotkey {
            hotkey: account("old"),
            new_hotkey: account("new"),
            netuid: None,
        };
        assert_eq!(call("Bob", plain), Ok(()));
        happened(Event::HotkeySwapped {
            coldkey: account("Bob"),
            old_hotkey: account("old"),
            new_hotkey: account("new"),
        });
        assert_eq!(before - balance("Bob"), TAO / 10);
        assert_eq!(SubtensorModule::uid_of(netuid, &account("new")), Some(uid));
        assert_eq!(SubtensorModule::uid_of(netuid, &account("old")), None);
        assert_eq!(Keys::<Runtime>::get(netuid, uid), account("new"));
        assert!(Axons::<Runtime>::contains_key(netuid, account("new")));
        assert_eq!(TotalHotkeyAlpha::<Runtime>::get(account("new"), netuid), staked);

        assert_eq!(call("Bob", swap("new", "third", Some(netuid), true)), Ok(()));
        happened(Event::HotkeySwappedOnSubnet {
            coldkey: account("Bob"),
            old_hotkey: account("new"),
            new_hotkey: account("third"),
            netuid,
        });
        assert_eq!(TotalHotkeyAlpha::<Runtime>::get(account("new"), netuid), staked);
        refused(
            call("Bob", swap("third", "fourth", Some(netuid), true)),
            Error::HotKeySwapOnSubnetIntervalNotPassed,
        );
        // The epoch still finds every hotkey under its uid.
        next_blocks(20);
        assert!(BlocksSinceLastStep::<Runtime>::get(netuid) < 10);
    });
}
