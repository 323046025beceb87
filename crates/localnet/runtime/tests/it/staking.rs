use crate::chain::*;
use node_subtensor_runtime::{Runtime, SubtensorModule};
use pallet_subtensor::*;

fn add(netuid: u16, hotkey: &str, amount: u64) -> Result<(), sp_runtime::DispatchError> {
    call(
        "Bob",
        Call::add_stake {
            hotkey: account(hotkey),
            netuid,
            amount_staked: amount,
        },
    )
}

fn remove(netuid: u16, hotkey: &str, amount: u64) -> Result<(), sp_runtime::DispatchError> {
    call(
        "Bob",
        Call::remove_stake {
            hotkey: account(hotkey),
            netuid,
            amount_unstaked: amount,
        },
    )
}

fn staked(netuid: u16, hotkey: &str, coldkey: &str) -> u64 {
    SubtensorModule::stake_of(&account(hotkey), &account(coldkey), netuid)
}

#[test]
fn tao_buys_alpha_at_the_price_of_the_pool() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        let (tao, alpha) = SubtensorModule::pool(netuid);
        let price = SubtensorModule::alpha_price(netuid);
        let amount = 10 * TAO;
        let fee = amount * 33 / 65_535;
        let expected = (u128::from(alpha) * u128::from(amount - fee) / u128::from(tao + amount - fee)) as u64;
        assert_eq!(add(netuid, "miner", amount), Ok(()));
        happened(Event::StakeAdded(
            account("Bob"),
            account("miner"),
            amount,
            expected,
            netuid,
            fee,
        ));
        assert_eq!(staked(netuid, "miner", "Bob"), expected);
        assert_eq!(SubtensorModule::pool(netuid), (tao + amount, alpha - expected));
        assert!(SubtensorModule::alpha_price(netuid) > price);
    });
}

#[test]
fn a_round_trip_loses_only_the_fees() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        let before = balance("Bob");
        assert_eq!(add(netuid, "miner", 100 * TAO), Ok(()));
        assert_eq!(remove(netuid, "miner", staked(netuid, "miner", "Bob")), Ok(()));
        assert_eq!(staked(netuid, "miner", "Bob"), 0);
        let lost = before - balance("Bob");
        assert!((90_000_000..120_000_000).contains(&lost), "{lost}");
        assert_eq!(Alpha::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn dividends_reach_everybody_in_proportion() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        assert_eq!(add(netuid, "miner", 30 * TAO), Ok(()));
        let amount_staked = 10 * TAO;
        call(
            "Charlie",
            Call::add_stake {
                hotkey: account("miner"),
                netuid,
                amount_staked,
            },
        )
        .unwrap();
        let (bob, charlie) = (staked(netuid, "miner", "Bob"), staked(netuid, "miner", "Charlie"));
        SubtensorModule::reward_stakers(&account("miner"), netuid, bob + charlie);
        assert!(staked(netuid, "miner", "Bob").abs_diff(2 * bob) <= 1);
        assert!(staked(netuid, "miner", "Charlie").abs_diff(2 * charlie) <= 1);
        // What has been added can be taken out again to the last rao, whatever the price of a share.
        SubtensorModule::reward_stakers(&account("miner"), netuid, 7);
        let before = staked(netuid, "miner", "Charlie");
        SubtensorModule::increase_stake(&account("miner"), &account("Charlie"), netuid, 1_234_567);
        assert!(staked(netuid, "miner", "Charlie") >= before + 1_234_567);
    });
}

#[test]
fn what_forbids_a_trade_is_named() {
    on_chain(|| {
        call(
            "Alice",
            Call::register_network {
                hotkey: account("owner-hot"),
            },
        )
        .unwrap();
        refused(add(2, "owner-hot", TAO), Error::SubtokenDisabled);
        call("Alice", Call::start_call { netuid: 2 }).unwrap();
        refused(add(77, "owner-hot", TAO), Error::SubnetNotExists);
        refused(add(2, "owner-hot", 2_000_000), Error::AmountTooLow);
        refused(add(2, "stranger", TAO), Error::HotKeyAccountNotExists);
        refused(add(2, "owner-hot", 2_000_000 * TAO), Error::NotEnoughBalanceToStake);
        refused(remove(2, "owner-hot", 2 * TAO), Error::NotEnoughStakeToWithdraw);
        SubnetTAO::<Runtime>::insert(2, 1);
        refused(add(2, "owner-hot", TAO), Error::InsufficientLiquidity);
    });
}

#[test]
fn a_price_limit_stops_or_shortens_a_trade() {
    on_chain(|| {
        let netuid = subnet();
        let limit_price = SubtensorModule::alpha_price(netuid) / 100 * 101;
        let with = |amount_staked, allow_partial| {
            let hotkey = account("owner-hot");
            call(
                "Bob",
                Call::add_stake_limit {
                    hotkey,
                    netuid,
                    amount_staked,
                    limit_price,
                    allow_partial,
                },
            )
        };
        refused(with(100_000 * TAO, false), Error::SlippageTooHigh);
        assert_eq!(with(100_000 * TAO, true), Ok(()));
        let price = SubtensorModule::alpha_price(netuid);
        assert!(
            price <= limit_price && price > limit_price / 1_000 * 999,
            "{price} {limit_price}"
        );
        refused(with(TAO, true), Error::AmountTooLow);
    });
}
