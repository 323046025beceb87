use crate::chain::*;
use node_subtensor_runtime::{genesis::DevGenesis, pallet_aura, Runtime, SubtensorModule, System};
use pallet_subtensor::{Burn, MaxAllowedUids, SubnetTAO, SubnetworkN, Tempo, TAO};

#[test]
fn the_well_known_accounts_are_funded_and_alice_is_sudo() {
    on_chain(|| {
        for name in ["Alice", "Bob", "Charlie"] {
            assert_eq!(balance(name), 1_000_000 * TAO, "{name}");
        }
        for name in ["Dave", "Eve", "Ferdie", "One", "Two", "Three"] {
            assert_eq!(balance(name), 2_000 * TAO, "{name}");
        }
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(account("Alice")));
    });
}

#[test]
fn root_and_netuid_one_exist() {
    on_chain(|| {
        assert_eq!(SubtensorModule::netuids(), [0, 1]);
        assert_eq!((Tempo::<Runtime>::get(0), MaxAllowedUids::<Runtime>::get(0)), (100, 64));
        assert_eq!(
            (Tempo::<Runtime>::get(1), MaxAllowedUids::<Runtime>::get(1)),
            (100, 256)
        );
        assert_eq!((SubnetworkN::<Runtime>::get(0), SubnetworkN::<Runtime>::get(1)), (0, 1));
        assert_eq!(SubnetTAO::<Runtime>::get(1), 10 * TAO);
        // One block of decay.
        assert!(Burn::<Runtime>::get(1) <= TAO / 10);
        assert_eq!(SubtensorModule::alpha_price(1), TAO);
    });
}

#[test]
fn the_default_wallet_and_the_block_time_can_be_chosen() {
    for wallet in ["somebody", "Dave", "Alice"] {
        let genesis = DevGenesis {
            block_time_ms: 12_000,
            default_wallet: Some(account(wallet)),
        };
        let storage = genesis.storage().expect("the genesis builds");
        sp_io::TestExternalities::new(storage).execute_with(|| {
            assert_eq!(balance(wallet), 1_000_000 * TAO);
            assert_eq!(pallet_aura::Pallet::<Runtime>::slot_duration(), 12_000);
            assert_eq!(System::block_number(), 0);
        });
    }
}
