//! Stake that moves: to other hotkeys, coldkeys and subnets, or out at once.

use crate::chain::*;
use node_subtensor_runtime::{Runtime, SubtensorModule};
use pallet_subtensor::*;

/// Two subnets with a hotkey of `//Bob` on each, and its stake on the first.
fn two_subnets() -> (u16, u16, u64) {
    let first = subnet();
    let hotkey = account("other-owner");
    call("Charlie", Call::register_network { hotkey }).expect("Charlie can pay");
    let second = 3;
    call("Charlie", Call::start_call { netuid: second }).expect("the delay is zero");
    register(first, "here");
    register(second, "there");
    stake(first, "here", 100);
    let staked = alpha("here", "Bob", first);
    assert!(staked > 0);
    (first, second, staked)
}

fn alpha(hotkey: &str, coldkey: &str, netuid: u16) -> u64 {
    SubtensorModule::stake_of(&account(hotkey), &account(coldkey), netuid)
}

fn move_stake(from: (&str, u16), to: (&str, u16), alpha_amount: u64) -> Call<Runtime> {
    Call::move_stake {
        origin_hotkey: account(from.0),
        destination_hotkey: account(to.0),
        origin_netuid: from.1,
        destination_netuid: to.1,
        alpha_amount,
    }
}

#[test]
fn within_a_subnet_alpha_changes_hands_as_it_is() {
    on_chain(|| {
        let (first, _, staked) = two_subnets();
        let pool = SubtensorModule::pool(first);
        assert_eq!(
            call("Bob", move_stake(("here", first), ("there", first), staked / 2)),
            Ok(())
        );
        assert_eq!(SubtensorModule::pool(first), pool);
        assert!(alpha("there", "Bob", first).abs_diff(staked / 2) <= 1);
        assert!(alpha("here", "Bob", first).abs_diff(staked - staked / 2) <= 1);
    });
}

#[test]
fn between_subnets_alpha_is_sold_and_bought() {
    on_chain(|| {
        let (first, second, staked) = two_subnets();
        let worth = SubtensorModule::quote_sell(first, staked)
            .expect("the pool is deep")
            .received;
        assert_eq!(
            call("Bob", move_stake(("here", first), ("there", second), staked)),
            Ok(())
        );
        happened(Event::StakeMoved(
            account("Bob"),
            account("here"),
            first,
            account("there"),
            second,
            worth,
        ));
        assert_eq!(alpha("here", "Bob", first), 0);
        assert!(alpha("there", "Bob", second) > 0);
        assert_eq!(
            TotalHotkeyAlpha::<Runtime>::get(account("there"), second),
            alpha("there", "Bob", second)
        );
    });
}

#[test]
fn what_forbids_a_move_is_named() {
    on_chain(|| {
        let (first, second, staked) = two_subnets();
        let moved = |from, to, amount| call("Bob", move_stake(from, to, amount));
        refused(moved(("here", first), ("here", first), staked), Error::SameNetuid);
        refused(moved(("here", first), ("here", 77), staked), Error::SubnetNotExists);
        refused(
            moved(("here", first), ("nobody", second), staked),
            Error::HotKeyAccountNotExists,
        );
        refused(
            moved(("here", first), ("there", second), staked + 1),
            Error::NotEnoughStakeToWithdraw,
        );
        refused(moved(("here", first), ("there", second), 1_000), Error::AmountTooLow);
        SubtokenEnabled::<Runtime>::insert(second, false);
        refused(
            moved(("here", first), ("there", second), staked),
            Error::SubtokenDisabled,
        );
    });
}

#[test]
fn stake_is_given_away_where_the_subnet_allows_it() {
    on_chain(|| {
        let (first, second, staked) = two_subnets();
        let transfer = |to: u16| Call::transfer_stake {
            destination_coldkey: account("Dave"),
            hotkey: account("here"),
            origin_netuid: first,
            destination_netuid: to,
            alpha_amount: staked / 2,
        };
        assert_eq!(call("Bob", transfer(first)), Ok(()));
        assert!(alpha("here", "Dave", first).abs_diff(staked / 2) <= 1);
        TransferToggle::<Runtime>::insert(second, false);
        refused(call("Bob", transfer(second)), Error::TransferDisallowed);
    });
}

#[test]
fn a_swap_stops_at_its_price() {
    on_chain(|| {
        let (first, second, staked) = two_subnets();
        let swap = |limit_price: u64, allow_partial: bool| Call::swap_stake_limit {
            hotkey: account("here"),
            origin_netuid: first,
            destination_netuid: second,
            alpha_amount: staked,
            limit_price,
            allow_partial,
        };
        let price = SubtensorModule::alpha_price(first) * TAO / SubtensorModule::alpha_price(second);
        refused(call("Bob", swap(price, false)), Error::SlippageTooHigh);
        refused(call("Bob", swap(price * 2, true)), Error::SlippageTooHigh);
        let limit = price - price / 20;
        assert_eq!(call("Bob", swap(limit, true)), Ok(()));
        let left = alpha("here", "Bob", first);
        assert!(left > 0 && left < staked, "{left} of {staked}");
        let now = SubtensorModule::alpha_price(first) * TAO / SubtensorModule::alpha_price(second);
        assert!(now.abs_diff(limit) < limit / 1_000, "{now}, asked for {limit}");
        let same = Call::swap_stake {
            hotkey: account("here"),
            origin_netuid: first,
            destination_netuid: first,
            alpha_amount: left,
        };
        refused(call("Bob", same), Error::SameNetuid);
        let rest = Call::swap_stake {
            hotkey: account("here"),
            origin_netuid: first,
            destination_netuid: second,
            alpha_amount: left,
        };
        assert_eq!(call("Bob", rest), Ok(()));
        assert_eq!(alpha("here", "Bob", first), 0);
    });
}

#[test]
fn everything_is_taken_out_at_once() {
    on_chain(|| {
        let (first, second, _) = two_subnets();
        stake(second, "here", 50);
        SubtokenEnabled::<Runtime>::insert(second, false);
        let before = balance("Bob");
        let hotkey = account("here");
        assert_eq!(call("Bob", Call::unstake_all { hotkey }), Ok(()));
        assert_eq!(alpha("here", "Bob", first), 0);
        assert!(alpha("here", "Bob", second) > 0, "what cannot be sold stays");
        assert!(balance("Bob") > before + 90 * TAO);
        let hotkey = account("nobody");
        refused(call("Bob", Call::unstake_all { hotkey }), Error::HotKeyAccountNotExists);
    });
}

#[test]
fn alpha_becomes_stake_on_root() {
    on_chain(|| {
        let (first, _, _) = two_subnets();
        let (hotkey, before) = (account("here"), balance("Bob"));
        assert_eq!(call("Bob", Call::unstake_all_alpha { hotkey }), Ok(()));
        assert_eq!(alpha("here", "Bob", first), 0);
        assert!(alpha("here", "Bob", ROOT) > 90 * TAO);
        assert_eq!(balance("Bob"), before);
    });
}

#[test]
fn a_whole_position_is_sold_within_a_price() {
    on_chain(|| {
        let (netuid, _, _) = two_subnets();
        let sell = |limit_price| Call::remove_stake_full_limit {
            hotkey: account("here"),
            netuid,
            limit_price,
        };
        let price = SubtensorModule::alpha_price(netuid);
        refused(call("Bob", sell(Some(price))), Error::SlippageTooHigh);
        assert_eq!(call("Bob", sell(Some(price / 2))), Ok(()));
        assert_eq!(alpha("here", "Bob", netuid), 0);
        refused(call("Bob", sell(None)), Error::AmountTooLow);
    });
}

#[test]
fn incentive_is_staked_where_its_owner_wants_it() {
    on_chain(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        register(netuid, "safe");
        validator(netuid, "validator");
        let choose = |hotkey| Call::set_coldkey_auto_stake_hotkey {
            netuid,
            hotkey: account(hotkey),
        };
        refused(call("Bob", choose("nobody")), Error::HotKeyNotRegisteredInSubNet);
        assert_eq!(call("Bob", choose("validator")), Ok(()));
        assert_eq!(call("Bob", choose("safe")), Ok(()));
        happened(Event::AutoStakeDestinationSet {
            coldkey: account("Bob"),
            netuid,
            hotkey: account("safe"),
        });
        refused(call("Bob", choose("safe")), Error::SameAutoStakeHotkeyAlreadySet);
        let choosers = |hotkey: &str| AutoStakeDestinationColdkeys::<Runtime>::get(account(hotkey), netuid);
        assert_eq!(
            (choosers("validator"), choosers("safe")),
            (vec![], vec![account("Bob")])
        );
        set_weights(netuid, "validator", &[(miner, 1)]).unwrap();
        next_blocks(20);
        assert!(Emission::<Runtime>::get(netuid)[usize::from(miner)] > 0);
        assert_eq!(alpha("miner", "Bob", netuid), 0);
        assert!(alpha("safe", "Bob", netuid) > 0);
    });
}
