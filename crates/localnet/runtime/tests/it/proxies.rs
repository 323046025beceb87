//! Calls in another account's name.

use crate::chain::*;
use frame_support::traits::InstanceFilter;
use node_subtensor_runtime::{Balances, ProxyType, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, System};
use pallet_proxy::{Call, Error, Event};
use pallet_subtensor::{Call as Subtensor, TAO};
use sp_runtime::DispatchError;

fn proxy(signer: &str, call: Call<Runtime>) -> Result<(), DispatchError> {
    dispatch(RuntimeOrigin::signed(account(signer)), RuntimeCall::Proxy(call))
}

fn add(kind: ProxyType) {
    let delegate = account("Charlie").into();
    let added = proxy(
        "Bob",
        Call::add_proxy {
            delegate,
            proxy_type: kind,
            delay: 0,
        },
    );
    assert_eq!(added, Ok(()));
}

/// What came of Charlie's call in Bob's name.
fn for_bob(call: impl Into<RuntimeCall>) -> Result<(), DispatchError> {
    let call = Call::proxy {
        real: account("Bob").into(),
        force_proxy_type: None,
        call: Box::new(call.into()),
    };
    proxy("Charlie", call)?;
    let executed = System::events()
        .into_iter()
        .rev()
        .find_map(|record| match record.event {
            RuntimeEvent::Proxy(Event::ProxyExecuted { result }) => Some(result),
            _ => None,
        });
    executed.expect("a proxied call tells its result in an event")
}

fn transfer(value: u64) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: account("Ferdie").into(),
        value,
    })
}

#[test]
fn a_staking_proxy_stakes_and_does_nothing_else() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        let filtered: DispatchError = frame_system::Error::<Runtime>::CallFiltered.into();
        add(ProxyType::Staking);
        assert_eq!(Balances::reserved_balance(account("Bob")), 93_000_000);
        let (bob, charlie) = (balance("Bob"), balance("Charlie"));
        let stake = Subtensor::add_stake {
            hotkey: account("miner"),
            netuid,
            amount_staked: 10 * TAO,
        };
        assert_eq!(for_bob(stake), Ok(()));
        assert_eq!((bob - balance("Bob"), balance("Charlie")), (10 * TAO, charlie));
        assert_eq!(for_bob(transfer(1)), Err(filtered));
        let register = Subtensor::burned_register {
            netuid,
            hotkey: account("another"),
        };
        assert_eq!(for_bob(register), Err(filtered));
    });
}

#[test]
fn who_is_no_proxy_is_refused_and_one_that_was_removed_too() {
    on_chain(|| {
        let none: DispatchError = Error::<Runtime>::NotProxy.into();
        assert_eq!(for_bob(transfer(1)), Err(none));
        add(ProxyType::Any);
        assert_eq!(for_bob(transfer(1)), Ok(()));
        let removed = proxy(
            "Bob",
            Call::remove_proxy {
                delegate: account("Charlie").into(),
                proxy_type: ProxyType::Any,
                delay: 0,
            },
        );
        assert_eq!(removed, Ok(()));
        assert_eq!(Balances::reserved_balance(account("Bob")), 0);
        assert_eq!(for_bob(transfer(1)), Err(none));
    });
}

#[test]
fn small_transfers_stay_small_and_retired_kinds_allow_nothing() {
    on_chain(|| {
        add(ProxyType::SmallTransfer);
        assert_eq!(for_bob(transfer(499_999_999)), Ok(()));
        assert!(for_bob(transfer(500_000_000)).is_err());
        for retired in [ProxyType::Senate, ProxyType::Triumvirate, ProxyType::Governance] {
            assert!(!retired.filter(&transfer(1)), "{retired:?}");
        }
        assert!(!ProxyType::NonTransfer.filter(&transfer(1)));
        assert!(ProxyType::Any.is_superset(&ProxyType::Transfer));
        assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Transfer));
    });
}
