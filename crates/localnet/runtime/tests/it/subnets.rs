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

#[test]
fn an_identity_is_the_owners_to_set_and_must_be_short() {
    on_chain(|| {
        let netuid = subnet();
        let set = |signer: &str, name: &str, url: Vec<u8>| {
            call(
                signer,
                Call::set_subnet_identity {
                    netuid,
                    subnet_name: name.into(),
                    github_repo: vec![],
                    subnet_contact: vec![],
                    subnet_url: url,
                    discord: vec![],
                    description: vec![],
                    logo_url: vec![],
                    additional: vec![],
                },
            )
        };
        refused(set("Bob", "mine", vec![]), Error::NotSubnetOwner);
        refused(set("Alice", &"x".repeat(257), vec![]), Error::InvalidIdentity);
        refused(set("Alice", "mine", vec![b'x'; 1_025]), Error::InvalidIdentity);
        assert_eq!(set("Alice", "mine", vec![b'x'; 1_024]), Ok(()));
        happened(Event::SubnetIdentitySet(netuid));
        let stored = SubnetIdentitiesV3::<Runtime>::get(netuid).expect("set");
        assert_eq!(stored.subnet_name, b"mine");
        let shown = SubtensorModule::dynamic_info(netuid).expect("the subnet exists");
        assert_eq!(shown.subnet_identity, Some(stored));
    });
}

#[test]
fn a_coldkey_says_who_it_is_once_a_hotkey_of_its_is_registered() {
    on_chain(|| {
        let netuid = subnet();
        let set = |signer: &str| {
            call(
                signer,
                Call::set_identity {
                    name: b"me".to_vec(),
                    url: vec![],
                    github_repo: vec![],
                    image: vec![],
                    discord: vec![],
                    description: vec![],
                    additional: vec![],
                },
            )
        };
        refused(set("Bob"), Error::HotKeyNotRegisteredInNetwork);
        register(netuid, "miner");
        assert_eq!(set("Bob"), Ok(()));
        happened(Event::ChainIdentitySet(account("Bob")));
        let stored = IdentitiesV2::<Runtime>::get(account("Bob")).expect("set");
        assert_eq!(stored.name, b"me");
    });
}
