use crate::chain::*;
use node_subtensor_runtime::{Runtime, RuntimeOrigin, SubtensorModule};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::*;
use sp_runtime::DispatchError;

fn create(hotkey: &str) -> Result<(), DispatchError> {
    call(
        "Alice",
        Call::register_network {
            hotkey: account(hotkey),
        },
    )
}

#[test]
fn a_subnet_starts_with_its_owner_and_the_chains_parameters() {
    on_chain(|| {
        let price = SubtensorModule::network_lock_cost();
        assert_eq!(price, 1_000 * TAO);
        let before = balance("Alice");
        assert_eq!(create("owner-hot"), Ok(()));
        assert_eq!(before - balance("Alice"), price);
        happened(Event::NetworkAdded(2, 1));
        happened(Event::NeuronRegistered(2, 0, account("owner-hot")));
        assert_eq!((Tempo::<Runtime>::get(2), MaxAllowedUids::<Runtime>::get(2)), (10, 256));
        assert_eq!(
            (
                MaxAllowedValidators::<Runtime>::get(2),
                MinAllowedWeights::<Runtime>::get(2)
            ),
            (64, 1)
        );
        assert_eq!(
            (ImmunityPeriod::<Runtime>::get(2), Burn::<Runtime>::get(2)),
            (5_000, TAO)
        );
        assert!(Yuma3On::<Runtime>::get(2));
        assert!(
            !CommitRevealWeightsEnabled::<Runtime>::get(2),
            "the one difference to the main chain"
        );
        assert_eq!(
            (SubnetOwner::<Runtime>::get(2), SubnetOwnerHotkey::<Runtime>::get(2)),
            (account("Alice"), account("owner-hot"))
        );
        assert_eq!(SubtensorModule::pool(2), (price, price));
        assert_eq!(TokenSymbol::<Runtime>::get(2), "β".as_bytes());
    });
}

#[test]
fn the_price_doubles_and_falls_back() {
    on_chain(|| {
        assert_eq!(create("first"), Ok(()));
        assert_eq!(SubtensorModule::network_lock_cost(), 2_000 * TAO);
        next_blocks(1_000);
        let price = SubtensorModule::network_lock_cost();
        assert!(price < 2_000 * TAO && price > 1_000 * TAO, "{price}");
        assert_eq!(create("second"), Ok(()));
        assert_eq!(SubtensorModule::netuids(), [0, 1, 2, 3]);
    });
}

#[test]
fn what_forbids_a_subnet_is_named() {
    on_chain(|| {
        assert_eq!(create("first"), Ok(()));
        refused(
            call(
                "Bob",
                Call::register_network {
                    hotkey: account("first"),
                },
            ),
            Error::NonAssociatedColdKey,
        );
        refused(
            call(
                "Dave",
                Call::register_network {
                    hotkey: account("second"),
                },
            ),
            Error::CannotAffordLockCost,
        );
        root(Admin::sudo_set_network_rate_limit { rate_limit: 10 }).unwrap();
        refused(create("second"), Error::NetworkTxRateLimitExceeded);
        next_blocks(10);
        root(Admin::sudo_set_subnet_limit { max_subnets: 2 }).unwrap();
        refused(create("second"), Error::SubnetLimitReached);
    });
}

#[test]
fn only_the_owner_starts_a_subnet_and_only_once() {
    on_chain(|| {
        assert_eq!(create("owner-hot"), Ok(()));
        root(Admin::sudo_set_start_call_delay { delay: 5 }).unwrap();
        let start = |signer| call(signer, Call::start_call { netuid: 2 });
        assert_eq!(start("Bob"), Err(DispatchError::BadOrigin));
        refused(start("Alice"), Error::NeedWaitingMoreBlocksToStarCall);
        next_blocks(5);
        assert_eq!(start("Alice"), Ok(()));
        happened(Event::FirstEmissionBlockNumberSet(2, 7));
        refused(start("Alice"), Error::FirstEmissionBlockNumberAlreadySet);
    });
}

#[test]
fn an_identity_is_kept() {
    on_chain(|| {
        let identity = SubnetIdentityV3 {
            subnet_name: b"axoneme".to_vec(),
            ..Default::default()
        };
        let create = Call::register_network_with_identity {
            hotkey: account("hot"),
            identity: Some(identity),
        };
        assert_eq!(dispatch(RuntimeOrigin::signed(account("Alice")), create.into()), Ok(()));
        assert_eq!(SubtensorModule::subnet_name(2), b"axoneme");
        assert_eq!(SubtensorModule::subnet_name(0), b"root");
    });
}
