//! Recorded bytes of the main chain's codecs, read and written by this runtime's types.

use crate::chain::*;
use codec::{Decode, DecodeAll, Encode};
use node_subtensor_runtime::{api, genesis::DevGenesis, AccountId, RuntimeCall};
use pallet_subtensor::{info::*, *};
use serde_json::Value;

fn load(text: &str) -> Value {
    serde_json::from_str(text).expect("valid JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    hex::decode(text.trim_start_matches("0x")).expect("hex")
}

fn same<V: Decode + Encode>(what: &str, encoded: &[u8]) {
    let value = V::decode_all(&mut &encoded[..]).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(value.encode(), encoded, "{what}");
}

#[test]
fn runtime_api_answers_have_the_main_chains_layout() {
    let vectors = load(include_str!("../vectors/scale_samples.json"));
    let samples = vectors["runtime_api"].as_array().expect("samples");
    assert!(samples.len() >= 26);
    for sample in samples {
        let method = sample["method"].as_str().expect("a method");
        let encoded = bytes(&sample["result_hex"]);
        type A = AccountId;
        match method {
            "get_neurons_lite" => same::<Vec<neuron::NeuronInfoLite<A>>>(method, &encoded),
            "get_neurons" => same::<Vec<neuron::NeuronInfo<A>>>(method, &encoded),
            "get_neuron" => same::<Option<neuron::NeuronInfo<A>>>(method, &encoded),
            "get_neuron_lite" => same::<Option<neuron::NeuronInfoLite<A>>>(method, &encoded),
            "get_selective_metagraph" | "get_selective_mechagraph" => {
                same::<Option<metagraph::SelectiveMetagraph<A>>>(method, &encoded)
            }
            "get_metagraph" => same::<Option<metagraph::Metagraph<A>>>(method, &encoded),
            "get_subnet_hyperparams" => same::<Option<hyperparams::SubnetHyperparams>>(method, &encoded),
            "get_subnet_hyperparams_v2" => same::<Option<hyperparams::SubnetHyperparamsV2>>(method, &encoded),
            "get_subnet_hyperparams_v3" => same::<Option<Vec<hyperparams::HyperparamEntry>>>(method, &encoded),
            "get_next_epoch_start_block" => same::<Option<u64>>(method, &encoded),
            "get_dynamic_info" => same::<Option<dynamic::DynamicInfo<A>>>(method, &encoded),
            "get_all_dynamic_info" => same::<Vec<Option<dynamic::DynamicInfo<A>>>>(method, &encoded),
            "get_subnet_state" => same::<Option<dynamic::SubnetState<A>>>(method, &encoded),
            "get_stake_info_for_hotkey_coldkey_netuid" => same::<Option<stake::StakeInfo<A>>>(method, &encoded),
            "get_stake_info_for_coldkey" => same::<Vec<stake::StakeInfo<A>>>(method, &encoded),
            "get_stake_info_for_coldkeys" => same::<Vec<(A, Vec<stake::StakeInfo<A>>)>>(method, &encoded),
            "get_network_registration_cost" | "current_alpha_price" => same::<u64>(method, &encoded),
            "current_alpha_price_all" => same::<Vec<swap::SubnetPrice>>(method, &encoded),
            "sim_swap_tao_for_alpha" => same::<swap::SimSwapResult>(method, &encoded),
            other => panic!("a sample of {other} has no type here"),
        }
    }
}

#[test]
fn stored_values_have_the_main_chains_layout() {
    let vectors = load(include_str!("../vectors/scale_samples.json"));
    for sample in vectors["storage"].as_array().expect("samples") {
        let item = sample["item"].as_str().expect("an item");
        let encoded = bytes(&sample["hex"]);
        match item {
            "Weights" | "Bonds" => same::<Vec<(u16, u16)>>(item, &encoded),
            "LastUpdate" | "Emission" => same::<Vec<u64>>(item, &encoded),
            "ValidatorPermit" => same::<Vec<bool>>(item, &encoded),
            "Incentive" => same::<Vec<u16>>(item, &encoded),
            "Axons" => same::<AxonInfo>(item, &encoded),
            "Prometheus" => same::<PrometheusInfo>(item, &encoded),
            "SubnetIdentitiesV3" => same::<SubnetIdentityV3>(item, &encoded),
            "Account" => {
                same::<frame_system::AccountInfo<u32, pallet_balances::AccountData<u64>>>(item, &encoded);
            }
            "CommitmentOf" => same::<pallet_commitments::Registration<u64, u32>>(item, &encoded),
            "RevealedCommitments" => same::<Vec<(Vec<u8>, u64)>>(item, &encoded),
            "WeightCommits" => same::<Vec<(sp_core::H256, u64, u64, u64)>>(item, &encoded),
            "TimelockedWeightCommits" => same::<Vec<(AccountId, u64, Vec<u8>, u64)>>(item, &encoded),
            // There is no beacon here.
            "Pulses" => {}
            other => panic!("a sample of {other} has no type here"),
        }
    }
}

#[test]
fn calls_have_the_main_chains_bytes() {
    let vectors = load(include_str!("../vectors/scale_samples.json"));
    let here = [
        "set_mechanism_weights",
        "serve_axon_tls",
        "serve_prometheus",
        "register_network",
        "root_register",
        "remove_stake",
        "add_stake_limit",
        "start_call",
        "register_limit",
        "set_commitment",
        "transfer_all",
        "sudo_set_tempo",
        "sudo",
    ];
    let mut seen = 0;
    for sample in vectors["calls"].as_array().expect("samples") {
        let call = sample["call"].as_str().expect("a call");
        if here.contains(&call) {
            same::<RuntimeCall>(call, &bytes(&sample["hex"]));
            seen += 1;
        }
    }
    assert!(seen >= here.len());
}

#[test]
fn storage_keys_are_the_main_chains() {
    type R = node_subtensor_runtime::Runtime;
    let vectors = load(include_str!("../vectors/storage_keys.json"));
    let recorded = |item: &str, first: Option<u64>| -> Vec<u8> {
        let keys = vectors["keys"].as_array().expect("keys");
        // Of several keys of an item, the longest has all of its parameters.
        let matching = keys
            .iter()
            .filter(|key| key["item"] == item && first.is_none_or(|first| key["params"][0].as_u64() == Some(first)));
        let longest = matching.map(|key| bytes(&key["key"])).max_by_key(Vec::len);
        longest.unwrap_or_else(|| panic!("no key of {item}"))
    };
    let (cold, hot) = (account("Alice"), account("Bob"));
    for (item, key) in [
        ("Tempo", Tempo::<R>::hashed_key_for(1)),
        ("NetworksAdded", NetworksAdded::<R>::hashed_key_for(1)),
        ("SubnetworkN", SubnetworkN::<R>::hashed_key_for(1)),
        ("Uids", Uids::<R>::hashed_key_for(1, &hot)),
        ("Keys", Keys::<R>::hashed_key_for(1, 0)),
        ("Axons", Axons::<R>::hashed_key_for(1, &hot)),
        ("Prometheus", Prometheus::<R>::hashed_key_for(1, &hot)),
        ("Bonds", Bonds::<R>::hashed_key_for(1, 0)),
        ("LastUpdate", LastUpdate::<R>::hashed_key_for(1)),
        ("ValidatorPermit", ValidatorPermit::<R>::hashed_key_for(1)),
        ("Owner", Owner::<R>::hashed_key_for(&hot)),
        ("OwnedHotkeys", OwnedHotkeys::<R>::hashed_key_for(&cold)),
        ("StakingHotkeys", StakingHotkeys::<R>::hashed_key_for(&cold)),
        ("IsNetworkMember", IsNetworkMember::<R>::hashed_key_for(&hot, 1)),
        ("TotalHotkeyAlpha", TotalHotkeyAlpha::<R>::hashed_key_for(&hot, 1)),
        ("Alpha", Alpha::<R>::hashed_key_for((&hot, &cold, 1))),
        (
            "CommitRevealWeightsEnabled",
            CommitRevealWeightsEnabled::<R>::hashed_key_for(1),
        ),
        ("RevealPeriodEpochs", RevealPeriodEpochs::<R>::hashed_key_for(1)),
        ("MechanismCountCurrent", MechanismCountCurrent::<R>::hashed_key_for(1)),
        (
            "TimelockedWeightCommits",
            TimelockedWeightCommits::<R>::hashed_key_for(1, 8),
        ),
        ("WeightCommits", WeightCommits::<R>::hashed_key_for(1, &hot)),
        ("LiquidAlphaOn", LiquidAlphaOn::<R>::hashed_key_for(1)),
        ("Yuma3On", Yuma3On::<R>::hashed_key_for(1)),
        ("LastEpochBlock", LastEpochBlock::<R>::hashed_key_for(1)),
        ("PendingEpochAt", PendingEpochAt::<R>::hashed_key_for(1)),
        ("SubnetEpochIndex", SubnetEpochIndex::<R>::hashed_key_for(1)),
        ("BlocksSinceLastStep", BlocksSinceLastStep::<R>::hashed_key_for(1)),
        ("Burn", Burn::<R>::hashed_key_for(1)),
        ("TotalNetworks", TotalNetworks::<R>::hashed_key().to_vec()),
        ("SubnetIdentitiesV3", SubnetIdentitiesV3::<R>::hashed_key_for(1)),
        ("IdentitiesV2", IdentitiesV2::<R>::hashed_key_for(&cold)),
    ] {
        assert_eq!(key, recorded(item, None), "{item}");
    }
    for (item, key) in [
        (
            "CommitmentOf",
            pallet_commitments::CommitmentOf::<R>::hashed_key_for(1, &hot),
        ),
        (
            "LastCommitment",
            pallet_commitments::LastCommitment::<R>::hashed_key_for(1, &hot),
        ),
        (
            "RevealedCommitments",
            pallet_commitments::RevealedCommitments::<R>::hashed_key_for(1, &hot),
        ),
    ] {
        assert_eq!(key, recorded(item, None), "{item}");
    }
    let mechanism_one = netuid_index(1, 1);
    assert_eq!(
        Weights::<R>::hashed_key_for(mechanism_one, 0),
        recorded("Weights", Some(mechanism_one.into()))
    );
}

#[test]
fn every_runtime_api_answers_through_the_nodes_door() {
    let storage = DevGenesis::default().storage().expect("the genesis builds");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        let ask = |method: &str, arguments: &[u8]| {
            api::dispatch(method, arguments).unwrap_or_else(|| panic!("{method} does not exist"))
        };
        let neurons = ask("NeuronInfoRuntimeApi_get_neurons_lite", &netuid.encode());
        let neurons = Vec::<neuron::NeuronInfoLite<AccountId>>::decode_all(&mut &neurons[..]).expect("neurons");
        assert_eq!(neurons[usize::from(miner)].hotkey, account("miner"));
        assert_eq!(neurons[usize::from(miner)].coldkey, account("Bob"));

        let all: Vec<u16> = (0..74).collect();
        let answer = ask(
            "SubnetInfoRuntimeApi_get_selective_mechagraph",
            &(netuid, 0u8, all).encode(),
        );
        let selected = Option::<metagraph::SelectiveMetagraph<AccountId>>::decode_all(&mut &answer[..]);
        let selected = selected.expect("a metagraph").expect("the subnet exists");
        assert!(selected.burn.is_some() && selected.validators.is_some() && selected.commitments.is_some());
        assert_eq!(selected.hotkeys.expect("asked for").len(), 2);

        let missing = ask("SubnetInfoRuntimeApi_get_metagraph", &77u16.encode());
        assert_eq!(missing, [0]);
        for (method, arguments) in [
            ("SubnetInfoRuntimeApi_get_metagraph", netuid.encode()),
            ("SubnetInfoRuntimeApi_get_all_metagraphs", vec![]),
            ("SubnetInfoRuntimeApi_get_subnet_info", netuid.encode()),
            ("SubnetInfoRuntimeApi_get_subnets_info_v2", vec![]),
            ("SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", netuid.encode()),
            ("SubnetInfoRuntimeApi_get_all_dynamic_info", vec![]),
            ("SubnetInfoRuntimeApi_get_subnet_state", netuid.encode()),
            ("SubnetInfoRuntimeApi_get_next_epoch_start_block", netuid.encode()),
            (
                "StakeInfoRuntimeApi_get_stake_info_for_coldkey",
                account("Bob").encode(),
            ),
            (
                "StakeInfoRuntimeApi_get_stake_availability_for_coldkeys",
                (vec![account("Bob")], Some(vec![netuid])).encode(),
            ),
            ("AuraApi_slot_duration", vec![]),
            ("DelegateInfoRuntimeApi_get_delegates", vec![]),
            ("DelegateInfoRuntimeApi_get_delegated", account("Bob").encode()),
            ("SubnetRegistrationRuntimeApi_get_network_registration_cost", vec![]),
            ("SwapRuntimeApi_current_alpha_price_all", vec![]),
            ("SwapRuntimeApi_sim_swap_alpha_for_tao", (netuid, TAO).encode()),
            ("Metadata_metadata_at_version", 15u32.encode()),
        ] {
            assert!(!ask(method, &arguments).is_empty(), "{method}");
        }
    });
}
