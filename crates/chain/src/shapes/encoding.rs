//! Calls as bytes, against vectors that two other implementations agree on.

use super::runtime::{built_from, hex, metadata, recorded, unhex};
use crate::call::{Call, Submittable, encode};
use crate::calls::{CommitmentField, PriceLimit, StakeMove};
use crate::{AxonEndpoint, ChainError};
use axoneme_wallet::AccountId;
use serde_json::Value as Json;
use subxt::metadata::Metadata;

const HOTKEY: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

fn account(address: &str) -> AccountId {
    address.parse().expect("an address")
}

fn bytes(call: &impl Submittable, metadata: &Metadata) -> String {
    let built = call.build(metadata).unwrap_or_else(|error| panic!("{error}"));
    hex(&encode(metadata, &built.0).unwrap_or_else(|error| panic!("{error}")))
}

/// Bytes of the vectors' calls by name; those with the same name in their order.
fn samples(name: &str) -> Vec<String> {
    let samples: Json = serde_json::from_str(include_str!("../../tests/vectors/scale_samples.json")).expect("JSON");
    let calls: Json = serde_json::from_str(include_str!("../../tests/vectors/extrinsics.json")).expect("JSON");
    let both = [(&samples["calls"], "hex"), (&calls["cases"], "call_data")];
    both.iter()
        .flat_map(|(list, field)| {
            let list = list.as_array().expect("a list").iter();
            list.filter(|case| case["call"] == name && case["label"].as_str().is_none_or(|label| label == "immortal"))
                .map(|case| case[*field].as_str().expect("hex").trim_start_matches("0x").to_owned())
        })
        .collect()
}

#[test]
fn calls_are_byte_for_byte_those_of_other_implementations() {
    let metadata = metadata();
    let hotkey = account(HOTKEY);
    let v6 = AxonEndpoint {
        ip: "2001:db8::1".parse().expect("an address"),
        port: 443,
        version: 1,
        protocol: 4,
    };
    let v4 = AxonEndpoint::new("192.168.1.1".parse().expect("an address"), 8091, 100_500);
    let limit = PriceLimit {
        rao_per_alpha: 10_000_000,
        allow_partial: true,
    };
    let commitment = |fields: &[CommitmentField]| Call::set_commitment(1, fields).expect("fits");
    let tao = 1_000_000_000;
    let cases: Vec<(&str, usize, Call)> = vec![
        (
            "set_mechanism_weights",
            0,
            Call::set_mechanism_weights(1, 0, &[(0, 65535), (1, 1)], 0),
        ),
        (
            "commit_timelocked_mechanism_weights",
            0,
            Call::commit_timelocked_weights(1, 0, &[1, 2, 3], 17_000_000, 4),
        ),
        (
            "batch_set_weights",
            0,
            Call::batch_set_weights(&[(1, vec![(0, 1), (1, 2)], 0), (2, vec![(300, 65535)], 1_099_511_627_776)]),
        ),
        ("serve_axon_tls", 0, Call::serve_axon_tls(1, &v6, &[0, 0, 0])),
        ("serve_axon", 0, Call::serve_axon(1, &v4)),
        (
            "serve_prometheus",
            0,
            Call::serve_prometheus(1, "8.8.8.8:9090".parse().expect("an address"), 1),
        ),
        ("register_network", 0, Call::register_network(&hotkey)),
        ("root_register", 0, Call::root_register(&hotkey)),
        ("burned_register", 0, Call::burned_register(1, &hotkey)),
        ("remove_stake", 0, Call::remove_stake(1, &hotkey, tao, None)),
        ("add_stake", 0, Call::add_stake(1, &hotkey, 1_500_000_000, None)),
        ("add_stake_limit", 0, Call::add_stake(1, &hotkey, tao, Some(limit))),
        ("start_call", 0, Call::start_call(1)),
        (
            "set_commitment",
            0,
            commitment(&[CommitmentField::Raw(b"hello".to_vec())]),
        ),
        (
            "set_commitment",
            1,
            commitment(&[CommitmentField::Timelocked {
                encrypted: vec![1, 2],
                reveal_round: 5,
            }]),
        ),
        ("set_commitment", 2, commitment(&[CommitmentField::ResetBonds])),
        ("transfer_all", 0, Call::transfer_all(&hotkey, true)),
        ("transfer_keep_alive", 0, Call::transfer(&hotkey, 1_000_000)),
        ("sudo_set_tempo", 0, Call::sudo_set_tempo(1, 10)),
    ];
    for (name, index, call) in cases {
        assert_eq!(bytes(&call, &metadata), samples(name)[index], "{name}");
    }
    assert_eq!(
        bytes(&Call::sudo_set_tempo(1, 10).as_root(), &metadata),
        samples("sudo")[0]
    );
    let real = account("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
    assert_eq!(
        bytes(&Call::start_call(1).as_proxy_of(&real, None), &metadata),
        samples("proxy")[0]
    );
    let batch = Call::batch_all(vec![Call::start_call(1), Call::start_call(2)]);
    assert_eq!(bytes(&batch, &metadata), samples("batch_all")[0]);
}

#[test]
fn a_long_field_goes_as_one_that_may_be_long() {
    let metadata = metadata();
    let long = Call::set_commitment(1, &[CommitmentField::Raw(vec![7; 200])]).expect("fits");
    let encoded = unhex(&bytes(&long, &metadata));
    // Pallet, call, netuid, one field, the variant for long ones, its length.
    assert_eq!(encoded[..8], [18, 0, 1, 0, 4, 136, 0x21, 0x03]);
    assert!(Call::set_commitment(1, &[CommitmentField::Raw(vec![0; 513])]).is_err());
    assert!(Call::set_commitment(1, &vec![CommitmentField::ResetBonds; 4]).is_err());
}

#[test]
fn reveals_commits_and_moves_encode_as_the_pallet_declares_them() {
    let metadata = metadata();
    let hotkey = account(HOTKEY);
    let reveal = Call::reveal_weights(1, 0, &[0, 1], &[65535, 1], &[1, 2, 3, 4, 5, 6, 7, 8], 0);
    // The vector has the plain call 97; the one for mechanisms is 116, with the mechanism after the netuid.
    let plain = &samples("reveal_weights")[0];
    assert_eq!(
        bytes(&reveal, &metadata),
        format!("0774{}00{}", &plain[4..8], &plain[8..])
    );
    let commit = bytes(&Call::commit_weights(1, 0, [0xab; 32]), &metadata);
    let plain = &samples("commit_weights")[0];
    assert_eq!(commit, format!("0773{}00{}", &plain[4..8], &plain[8..]));
    let moved = StakeMove {
        from_netuid: 1,
        to_netuid: 2,
        alpha: 5,
    };
    for call in [
        Call::move_stake(&hotkey, &hotkey, moved),
        Call::transfer_stake(&hotkey, &hotkey, moved),
        Call::swap_stake(&hotkey, moved, None),
        Call::set_children(1, &hotkey, &[(u64::MAX, hotkey)]),
        Call::swap_hotkey(&hotkey, &hotkey, Some(3)),
        Call::remove_all_stake(1, &hotkey, None),
        Call::batch_reveal_weights(1, &[(vec![1], vec![2], vec![3], 4)]),
        Call::batch_commit_weights(&[(1, [1; 32])]),
        Call::sudo_set_mechanism_emission_split(1, Some(vec![32768, 32767])),
        Call::add_proxy(&hotkey, "Staking", 0),
    ] {
        assert!(!bytes(&call, &metadata).is_empty());
    }
}

#[test]
fn timelocked_commits_are_the_same_bytes_for_both_recorded_runtimes() {
    let metadata = metadata();
    let pallet = metadata.pallet_by_name("SubtensorModule").expect("the pallet");
    let storage = pallet.storage().expect("storage");
    // The bytes below are those of spec 393; equal hashes say that the older runtime takes and keeps the same.
    for name in ["commit_timelocked_weights", "commit_timelocked_mechanism_weights"] {
        let own = format!("0x{}", hex(&pallet.call_hash(name).expect("the call")));
        for runtime in ["2025-12", "393"] {
            let real = &super::recorded()[runtime]["calls"][format!("SubtensorModule.{name}")];
            assert_eq!(real, &own, "{name} of {runtime}");
        }
    }
    for name in [
        "TimelockedWeightCommits",
        "CommitRevealWeightsVersion",
        "RevealPeriodEpochs",
    ] {
        assert!(storage.entry_by_name(name).is_some(), "{name}");
        let own = format!("0x{}", hex(&pallet.storage_hash(name).expect("the item")));
        for runtime in ["2025-12", "393"] {
            let real = &super::recorded()[runtime]["storage"][format!("SubtensorModule.{name}")];
            assert_eq!(real, &own, "{name} of {runtime}");
        }
    }
    // Pallet 7, call 118, netuid 1, the mechanism, three bytes, the round, the version.
    for (mecid, byte) in [(0, "00"), (3, "03")] {
        let call = Call::commit_timelocked_weights(1, mecid, &[1, 2, 3], 17_000_000, 4);
        let vector = &samples("commit_timelocked_mechanism_weights")[0];
        let expected = format!("{}{byte}{}", &vector[..8], &vector[10..]);
        assert_eq!(bytes(&call, &metadata), expected, "mechanism {mecid}");
        assert!(expected.ends_with("0c01020340660301000000000400"), "{expected}");
    }
}

#[test]
fn a_runtime_without_mechanisms_gets_the_plain_call() {
    let mut older = recorded();
    let calls = older["pallets"]["SubtensorModule"]["calls"]
        .as_array_mut()
        .expect("calls");
    calls.retain(|call| !call["name"].as_str().is_some_and(|name| name.contains("mechanism")));
    let older = built_from(&older);
    let set = Call::set_mechanism_weights(1, 0, &[(0, 65535), (1, 32768), (2, 1)], 1030);
    assert_eq!(bytes(&set, &older), samples("set_weights")[0]);
    let commit = Call::commit_timelocked_weights(1, 0, &[1, 2, 3, 4, 5], 17_000_000, 4);
    assert_eq!(bytes(&commit, &older), samples("commit_timelocked_weights")[0]);
    // There is no plain form for another mechanism.
    let error = Call::set_mechanism_weights(1, 1, &[(0, 1)], 0)
        .encoded(&older)
        .expect_err("no mechanisms");
    assert!(error.to_string().contains("set_mechanism_weights"), "{error}");
}

#[test]
fn a_runtime_that_changed_a_call_is_told_apart_by_the_name_of_what_changed() {
    let mut newer = recorded();
    let calls = newer["pallets"]["SubtensorModule"]["calls"]
        .as_array_mut()
        .expect("calls");
    for call in calls.iter_mut().filter(|call| call["name"] == "burned_register") {
        let args = call["args"].as_array_mut().expect("arguments");
        args.push(serde_json::json!(["collateral", "u64"]));
    }
    calls.retain(|call| call["name"] != "root_register");
    for call in calls.iter_mut().filter(|call| call["name"] == "start_call") {
        call["args"][0][0] = "net".into();
    }
    let newer = built_from(&newer);
    let added = Call::burned_register(1, &account(HOTKEY))
        .encoded(&newer)
        .expect_err("an argument more");
    assert!(
        matches!(added, ChainError::Encode { .. }) && added.to_string().contains("`collateral`"),
        "{added}"
    );
    let gone = Call::root_register(&account(HOTKEY)).encoded(&newer).expect_err("gone");
    assert!(
        matches!(gone, ChainError::Missing { .. }) && gone.to_string().contains("root_register"),
        "{gone}"
    );
    let renamed = Call::start_call(1).encoded(&newer).expect_err("renamed");
    assert!(renamed.to_string().contains("`net`"), "{renamed}");
    // Inside of another call too.
    let batch = Call::batch_all(vec![Call::start_call(1)]).build(&newer);
    assert!(batch.is_err_and(|error| error.to_string().contains("`net`")));
    // What a newer chain has beside is of no matter.
    assert!(
        Call::serve_prometheus(1, "8.8.8.8:1".parse().expect("an address"), 1)
            .encoded(&newer)
            .is_ok()
    );
}
