//! Subnets that end, and what people give up or say about themselves.

use crate::chain::*;
use codec::Decode;
use node_subtensor_runtime::{api, Runtime, RuntimeCall, RuntimeOrigin, SubtensorModule};
use pallet_subtensor::*;
use sp_runtime::DispatchError;

fn as_root(call: Call<Runtime>) -> Result<(), DispatchError> {
    dispatch(RuntimeOrigin::root(), RuntimeCall::SubtensorModule(call))
}

#[test]
fn a_dissolved_subnet_pays_back_and_leaves_nothing() {
    on_chain(|| {
        let netuid = subnet();
        let uid = register(netuid, "miner");
        stake(netuid, "miner", 500);
        Weights::<Runtime>::insert(netuid, uid, vec![(uid, 1)]);
        let pot = SubnetTAO::<Runtime>::get(netuid);
        let before = balance("Bob");
        let dissolve = |netuid| Call::root_dissolve_network { netuid };
        assert_eq!(call("Alice", dissolve(netuid)), Err(DispatchError::BadOrigin));
        refused(as_root(dissolve(77)), Error::SubnetNotExists);
        refused(as_root(dissolve(ROOT)), Error::SubnetNotExists);
        assert_eq!(as_root(dissolve(netuid)), Ok(()));
        happened(Event::NetworkRemoved(netuid));
        assert!((balance("Bob") - before).abs_diff(pot) < TAO, "Bob was the only staker");
        assert_eq!(SubtensorModule::stake_of(&account("miner"), &account("Bob"), netuid), 0);
        assert_eq!(SubtensorModule::uid_of(netuid, &account("miner")), None);
        assert!(!IsNetworkMember::<Runtime>::get(account("miner"), netuid));
        assert!(Weights::<Runtime>::iter_prefix(netuid).next().is_none());
        assert_eq!(SubtensorModule::netuids(), vec![0, 1]);
        // The next subnet starts afresh under the same number.
        next_blocks(20);
        assert_eq!(subnet(), netuid);
        assert_eq!(SubnetworkN::<Runtime>::get(netuid), 1);
        assert_eq!(SubnetEpochIndex::<Runtime>::get(netuid), 0);
    });
}

#[test]
fn a_new_subnet_takes_the_place_of_the_cheapest_one() {
    on_chain(|| {
        let netuid = subnet();
        SubnetLimit::<Runtime>::put(2);
        let create = |hotkey: &str| {
            let hotkey = account(hotkey);
            call("Charlie", Call::register_network { hotkey })
        };
        let to_prune = || {
            let answer = api::dispatch("SubnetInfoRuntimeApi_get_subnet_to_prune", &[]).expect("exists");
            Option::<u16>::decode(&mut &answer[..]).expect("a number or none")
        };
        refused(create("hot"), Error::SubnetLimitReached);
        assert_eq!(to_prune(), None, "all are immune");
        NetworkImmunityPeriod::<Runtime>::put(10);
        next_blocks(10);
        SubnetMovingPrice::<Runtime>::mutate(1, |price| price.bits += 1 << 40);
        assert_eq!(to_prune(), Some(netuid));
        assert_eq!(create("hot"), Ok(()));
        happened(Event::NetworkRemoved(netuid));
        happened(Event::NetworkAdded(netuid, 1));
        assert_eq!(SubnetOwner::<Runtime>::get(netuid), account("Charlie"));
    });
}

#[test]
fn alpha_is_given_up_by_its_owner() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "hot");
        stake(netuid, "hot", 100);
        let staked = || SubtensorModule::stake_of(&account("hot"), &account("Bob"), netuid);
        let recycle = |netuid, amount| Call::recycle_alpha {
            hotkey: account("hot"),
            amount,
            netuid,
        };
        refused(call("Bob", recycle(77, 1)), Error::SubnetNotExists);
        refused(call("Bob", recycle(ROOT, 1)), Error::CannotBurnOrRecycleOnRootSubnet);
        refused(call("Alice", recycle(netuid, 1)), Error::NonAssociatedColdKey);
        let (before, out) = (staked(), SubnetAlphaOut::<Runtime>::get(netuid));
        assert_eq!(call("Bob", recycle(netuid, TAO)), Ok(()));
        assert!((before - staked()).abs_diff(TAO) <= 1);
        assert_eq!(SubnetAlphaOut::<Runtime>::get(netuid), out - TAO);
        let burn = Call::burn_alpha {
            hotkey: account("hot"),
            amount: u64::MAX,
            netuid,
        };
        assert_eq!(call("Bob", burn), Ok(()));
        assert_eq!(staked(), 0);
        assert_eq!(SubnetAlphaOut::<Runtime>::get(netuid), out - TAO);
    });
}

#[test]
fn who_has_a_neuron_describes_itself_and_owners_their_subnets() {
    on_chain(|| {
        let netuid = subnet();
        let describe = |name: &[u8]| Call::set_identity {
            name: name.to_vec(),
            url: vec![],
            github_repo: vec![],
            image: vec![],
            discord: vec![],
            description: b"a miner".to_vec(),
            additional: vec![],
        };
        refused(call("Bob", describe(b"Bob")), Error::HotKeyNotRegisteredInNetwork);
        register(netuid, "hot");
        refused(call("Bob", describe(&[b'B'; 300])), Error::InvalidIdentity);
        assert_eq!(call("Bob", describe(b"Bob")), Ok(()));
        happened(Event::ChainIdentitySet(account("Bob")));
        let kept = IdentitiesV2::<Runtime>::get(account("Bob")).expect("it is kept");
        assert_eq!((kept.name, kept.description), (b"Bob".to_vec(), b"a miner".to_vec()));

        let describe = |name: &[u8]| Call::set_subnet_identity {
            netuid,
            subnet_name: name.to_vec(),
            github_repo: vec![],
            subnet_contact: vec![],
            subnet_url: vec![],
            discord: vec![],
            description: vec![],
            logo_url: vec![],
            additional: vec![],
        };
        refused(call("Bob", describe(b"ours")), Error::NotSubnetOwner);
        assert_eq!(call("Alice", describe(b"ours")), Ok(()));
        happened(Event::SubnetIdentitySet(netuid));
    });
}

#[test]
fn symbols_come_from_the_list_and_belong_to_one_subnet() {
    on_chain(|| {
        let netuid = subnet();
        let choose = |symbol: &str| Call::update_symbol {
            netuid,
            symbol: symbol.as_bytes().to_vec(),
        };
        assert_eq!(call("Bob", choose("ω")), Err(DispatchError::BadOrigin));
        refused(call("Alice", choose("x")), Error::SymbolDoesNotExist);
        refused(call("Alice", choose("α")), Error::SymbolAlreadyInUse);
        assert_eq!(call("Alice", choose("ω")), Ok(()));
        assert_eq!(TokenSymbol::<Runtime>::get(netuid), "ω".as_bytes());
    });
}
