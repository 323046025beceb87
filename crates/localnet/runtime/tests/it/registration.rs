use crate::chain::*;
use node_subtensor_runtime::{Runtime, SubtensorModule};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::*;

fn burned_register(signer: &str, netuid: u16, hotkey: &str) -> Result<(), sp_runtime::DispatchError> {
    call(
        signer,
        Call::burned_register {
            netuid,
            hotkey: account(hotkey),
        },
    )
}

#[test]
fn a_registration_costs_the_price_and_raises_it() {
    on_chain(|| {
        let netuid = subnet();
        let price = Burn::<Runtime>::get(netuid);
        let before = balance("Bob");
        assert_eq!(register(netuid, "miner"), 1);
        assert_eq!(before - balance("Bob"), price);
        happened(Event::NeuronRegistered(netuid, 1, account("miner")));
        assert_eq!(Owner::<Runtime>::get(account("miner")), account("Bob"));
        assert!(IsNetworkMember::<Runtime>::get(account("miner"), netuid));
        let raised = Burn::<Runtime>::get(netuid);
        assert!(raised.abs_diff(price / 100 * 126) < 200, "{raised}");
        next_blocks(360);
        let halved = Burn::<Runtime>::get(netuid);
        assert!(halved.abs_diff(raised / 2) < raised / 10_000, "{halved}");
        next_blocks(20_000);
        assert_eq!(Burn::<Runtime>::get(netuid), MinBurn::<Runtime>::get(netuid));
    });
}

#[test]
fn what_forbids_a_registration_is_named() {
    on_chain(|| {
        let netuid = subnet();
        refused(
            burned_register("Bob", 0, "miner"),
            Error::RegistrationNotPermittedOnRootSubnet,
        );
        refused(burned_register("Bob", 77, "miner"), Error::SubnetNotExists);
        register(netuid, "miner");
        refused(
            burned_register("Bob", netuid, "miner"),
            Error::HotKeyAlreadyRegisteredInSubNet,
        );
        refused(
            burned_register("nobody", netuid, "other"),
            Error::NotEnoughBalanceToStake,
        );
        refused(burned_register("Charlie", 1, "miner"), Error::NonAssociatedColdKey);
        let hotkey = account("other");
        refused(
            call(
                "Bob",
                Call::register_limit {
                    netuid,
                    hotkey: hotkey.clone(),
                    limit_price: 1,
                },
            ),
            Error::RegistrationPriceLimitExceeded,
        );
        root(Admin::sudo_set_network_registration_allowed {
            netuid,
            registration_allowed: false,
        })
        .unwrap();
        refused(
            burned_register("Bob", netuid, "other"),
            Error::SubNetRegistrationDisabled,
        );
        root(Admin::sudo_set_network_registration_allowed {
            netuid,
            registration_allowed: true,
        })
        .unwrap();
        assert_eq!(
            call(
                "Bob",
                Call::register_limit {
                    netuid,
                    hotkey,
                    limit_price: 2 * TAO
                }
            ),
            Ok(())
        );
    });
}

#[test]
fn a_failed_registration_leaves_no_trace() {
    on_chain(|| {
        let netuid = subnet();
        refused(
            burned_register("nobody", netuid, "miner"),
            Error::NotEnoughBalanceToStake,
        );
        assert_eq!(SubnetworkN::<Runtime>::get(netuid), 1);
        assert!(!Owner::<Runtime>::contains_key(account("miner")));
    });
}

/// A full subnet of four: the owner, two miners and a validator.
fn full_subnet() -> u16 {
    let netuid = subnet();
    root(Admin::sudo_set_min_allowed_uids {
        netuid,
        min_allowed_uids: 1,
    })
    .unwrap();
    root(Admin::sudo_set_max_allowed_uids {
        netuid,
        max_allowed_uids: 4,
    })
    .unwrap();
    for hotkey in ["first", "second", "third"] {
        register(netuid, hotkey);
        next_blocks(1);
    }
    netuid
}

#[test]
fn nobody_is_pruned_while_too_few_are_prunable() {
    on_chain(|| {
        let netuid = full_subnet();
        root(Admin::sudo_set_immunity_period {
            netuid,
            immunity_period: 0,
        })
        .unwrap();
        // Nobody is immune, and ten have to stay.
        refused(burned_register("Bob", netuid, "fourth"), Error::NoNeuronIdAvailable);
    });
}

#[test]
fn a_full_subnet_replaces_the_oldest_of_the_weakest() {
    on_chain(|| {
        let netuid = full_subnet();
        // All are immune: the best candidate is still the oldest with the lowest emission, never the owner.
        assert_eq!(SubtensorModule::prune_candidate(netuid), Some(1));
        Emission::<Runtime>::insert(netuid, vec![0, 5, 5, 0]);
        assert_eq!(SubtensorModule::prune_candidate(netuid), Some(3));
        Emission::<Runtime>::insert(netuid, vec![0, 5, 5, 5]);
        assert_eq!(SubtensorModule::prune_candidate(netuid), Some(1));

        root(Admin::sudo_set_min_non_immune_uids { netuid, min: 0 }).unwrap();
        root(Admin::sudo_set_immunity_period {
            netuid,
            immunity_period: 4,
        })
        .unwrap();
        next_blocks(1);
        // Only the first miner has outlived its immunity, whatever the others earn.
        Emission::<Runtime>::insert(netuid, vec![0, 9, 1, 1]);
        assert_eq!(SubtensorModule::prune_candidate(netuid), Some(1));
    });
}

#[test]
fn a_successor_inherits_nothing() {
    on_chain(|| {
        let netuid = full_subnet();
        let served = Call::serve_axon {
            netuid,
            version: 1,
            ip: 0x0808_0808,
            port: 8091,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
        };
        assert_eq!(call("first", served), Ok(()));
        Weights::<Runtime>::insert(netuid, 1, vec![(2, 65_535)]);
        Weights::<Runtime>::insert(netuid, 3, vec![(1, 65_535), (2, 100)]);
        Bonds::<Runtime>::insert(netuid, 1, vec![(2, 65_535)]);
        for column in [1, 2, 3] {
            Emission::<Runtime>::mutate(netuid, |values| values[column] = column as u64);
        }
        next_blocks(2);
        Emission::<Runtime>::mutate(netuid, |values| values[1] = 0);
        assert_eq!(register(netuid, "fourth"), 1);

        let block = u64::from(node_subtensor_runtime::System::block_number());
        assert_eq!(SubtensorModule::uid_of(netuid, &account("first")), None);
        assert_eq!(Keys::<Runtime>::get(netuid, 1), account("fourth"));
        assert!(!IsNetworkMember::<Runtime>::get(account("first"), netuid));
        assert_eq!(Axons::<Runtime>::get(netuid, account("first")), None);
        assert_eq!(Weights::<Runtime>::get(netuid, 1), vec![]);
        assert_eq!(Bonds::<Runtime>::get(netuid, 1), vec![]);
        assert_eq!(Weights::<Runtime>::get(netuid, 3), vec![(1, 0), (2, 100)]);
        assert_eq!(BlockAtRegistration::<Runtime>::get(netuid, 1), block);
        assert_eq!(LastUpdate::<Runtime>::get(netuid)[1], block);
        assert_eq!(SubnetworkN::<Runtime>::get(netuid), 4);
        assert_eq!(Emission::<Runtime>::get(netuid), vec![0, 0, 2, 3]);
    });
}

#[test]
fn root_is_joined_by_hotkeys_that_are_known() {
    on_chain(|| {
        let netuid = subnet();
        refused(
            call(
                "Bob",
                Call::root_register {
                    hotkey: account("miner"),
                },
            ),
            Error::HotKeyAccountNotExists,
        );
        register(netuid, "miner");
        assert_eq!(
            call(
                "Bob",
                Call::root_register {
                    hotkey: account("miner")
                }
            ),
            Ok(())
        );
        assert_eq!(SubtensorModule::uid_of(0, &account("miner")), Some(0));
        // TAO on root counts on subnets by its weight.
        stake(0, "miner", 100);
        let weight = SubtensorModule::stake_weight(&account("miner"), netuid);
        let expected = (100.0 * TAO as f64 * TaoWeight::<Runtime>::get() as f64 / u64::MAX as f64) as u64;
        assert!(weight.abs_diff(expected) <= 1_000, "{weight} {expected}");
    });
}
