//! Answers and stored values of the main chain's shapes, and of shapes that newer runtimes may have.

use super::runtime::{built_from, metadata, recorded, unhex};
use crate::calls::{CommitmentField, StoredSubnetIdentity, SubnetIdentity};
use crate::items::{ApiItem, StorageItem, apis, storage};
use crate::metagraph::Selected;
use crate::reads::{Commitment, Registration, SwapPreview};
use crate::{PartialMetagraph, axon};
use serde_json::Value as Json;
use subxt::ext::scale_decode::DecodeAsType;
use subxt::metadata::Metadata;
use subxt::utils::AccountId32;

fn samples() -> Json {
    serde_json::from_str(include_str!("../../tests/vectors/scale_samples.json")).expect("valid JSON")
}

/// Answers of an interface: the value that other implementations read, and the bytes.
fn answers(api: &ApiItem) -> Vec<(Json, Vec<u8>)> {
    let samples = samples();
    let all = samples["runtime_api"].as_array().expect("a list").iter();
    all.filter(|sample| sample["api"] == api.interface && sample["method"] == api.method)
        .map(|sample| {
            (
                sample["value"].clone(),
                unhex(sample["result_hex"].as_str().expect("hex")),
            )
        })
        .collect()
}

fn stored(item: &StorageItem) -> Vec<(Json, Vec<u8>)> {
    let samples = samples();
    let all = samples["storage"].as_array().expect("a list").iter();
    all.filter(|sample| sample["pallet"] == item.pallet && sample["item"] == item.name)
        .map(|sample| (sample["value"].clone(), unhex(sample["hex"].as_str().expect("hex"))))
        .collect()
}

fn answer<T: DecodeAsType>(metadata: &Metadata, api: &ApiItem, bytes: &[u8]) -> T {
    let found = metadata
        .runtime_api_trait_by_name(api.interface)
        .expect("the interface");
    let method = found.method_by_name(api.method).expect("the method");
    T::decode_as_type(&mut &*bytes, method.output_ty(), metadata.types())
        .unwrap_or_else(|error| panic!("{}: {error}", api.method))
}

fn value<T: DecodeAsType>(metadata: &Metadata, item: &StorageItem, bytes: &[u8]) -> T {
    let pallet = metadata.pallet_by_name(item.pallet).expect("the pallet");
    let entry = pallet
        .storage()
        .and_then(|storage| storage.entry_by_name(item.name))
        .expect("the item");
    T::decode_as_type(&mut &*bytes, entry.value_ty(), metadata.types())
        .unwrap_or_else(|error| panic!("{}: {error}", item.name))
}

#[test]
fn metagraphs_are_read_as_others_read_them() {
    let metadata = metadata();
    for (expected, bytes) in answers(&apis::GET_METAGRAPH) {
        let found = crate::metagraph::tests::from_answer(&metadata, &bytes);
        if expected.is_null() {
            assert!(found.is_none());
            continue;
        }
        let found = found.expect("a subnet");
        assert_eq!(Some(u64::from(found.tempo)), expected["tempo"].as_u64());
        assert_eq!(found.len(), expected["hotkeys"].as_array().expect("a list").len());
        for neuron in &found.neurons {
            let uid = usize::from(neuron.uid);
            assert_eq!(neuron.hotkey.to_string(), expected["hotkeys"][uid]);
            assert_eq!(neuron.coldkey.to_string(), expected["coldkeys"][uid]);
            assert_eq!(expected["total_stake"][uid], neuron.total_stake);
            assert_eq!(expected["emission"][uid], neuron.emission);
            assert_eq!(expected["validator_permit"][uid], neuron.validator_permit);
            let incentive = expected["incentives"][uid].as_f64().expect("a number") / 65535.0;
            assert!((neuron.incentive - incentive).abs() < 1e-9);
        }
    }
}

#[test]
fn chosen_columns_leave_the_others_empty() {
    let metadata = metadata();
    let mut read = 0;
    for (expected, bytes) in answers(&apis::GET_SELECTIVE_METAGRAPH) {
        let found: Option<Selected> = answer(&metadata, &apis::GET_SELECTIVE_METAGRAPH, &bytes);
        let found = PartialMetagraph::from(found.expect("a subnet"));
        assert_eq!(found.hotkeys.is_some(), !expected["hotkeys"].is_null());
        assert_eq!(found.incentives.is_some(), !expected["incentives"].is_null());
        assert_eq!(found.burn, expected["burn"].as_u64());
        if let Some(incentives) = found.incentives {
            assert_eq!(serde_json::json!(incentives), expected["incentives"]);
            read += 1;
        }
    }
    assert!(read > 0);
}

#[test]
fn fields_that_a_newer_runtime_adds_or_widens_are_no_obstacle() {
    // Later runtimes declare this field with 64 bits, and append columns.
    let mut newer = recorded();
    let fields = newer["types"]["Metagraph"]["struct"].as_array_mut().expect("fields");
    for field in fields.iter_mut().filter(|field| field[0] == "activity_cutoff") {
        field[1] = "Compact<u64>".into();
    }
    fields.push(serde_json::json!(["collateral", "Vec<Compact<u64>>"]));
    let axon_fields = newer["types"]["AxonInfo"]["struct"].as_array_mut().expect("fields");
    let before: Vec<Json> = axon_fields.clone();
    axon_fields.insert(1, serde_json::json!(["added", "u8"]));
    let newer_metadata = built_from(&newer);

    let (_, bytes) = stored(&storage::AXONS).swap_remove(0);
    let plain: axon::AxonRecord = value(&metadata(), &storage::AXONS, &bytes);
    let mut longer = bytes.clone();
    longer.insert(8, 99);
    let read: axon::AxonRecord = value(&newer_metadata, &storage::AXONS, &longer);
    assert_eq!(
        (read.ip, read.port, read.version),
        (plain.ip, plain.port, plain.version)
    );

    newer["types"]["AxonInfo"]["struct"] = before.into();
    let newer_metadata = built_from(&newer);
    for (expected, mut bytes) in answers(&apis::GET_METAGRAPH) {
        if expected.is_null() {
            continue;
        }
        // One more column at the end, empty.
        bytes.push(0);
        let found = crate::metagraph::tests::from_answer(&newer_metadata, &bytes).expect("a subnet");
        assert_eq!(found.len(), expected["hotkeys"].as_array().expect("a list").len());
    }
}

#[test]
fn columns_that_a_newer_runtime_removed_count_as_zero() {
    let mut newer = recorded();
    let fields = newer["types"]["Metagraph"]["struct"].as_array_mut().expect("fields");
    fields.retain(|field| field[0] != "rank" && field[0] != "trust");
    let newer = built_from(&newer);
    // A subnet without neurons: the removed columns are two bytes of zero in the older answer.
    let (_, bytes) = answers(&apis::GET_METAGRAPH).swap_remove(0);
    let full = crate::metagraph::tests::from_answer(&metadata(), &bytes).expect("a subnet");
    let shorter = without_columns(&bytes, full.len());
    let found = crate::metagraph::tests::from_answer(&newer, &shorter).expect("a subnet");
    assert_eq!(found.len(), full.len());
    assert!(
        found
            .neurons
            .iter()
            .all(|neuron| neuron.rank == 0.0 && neuron.trust == 0.0)
    );
    assert_eq!(found.neurons[0].incentive, full.neurons[0].incentive);
    assert_eq!(found.neurons[0].total_stake, full.neurons[0].total_stake);
}

/// Cuts the columns trust and rank out of an encoded metagraph, found by decoding up to each.
fn without_columns(bytes: &[u8], _count: usize) -> Vec<u8> {
    let upto = |field: &str| {
        let mut shorter = recorded();
        let fields = shorter["types"]["Metagraph"]["struct"].as_array_mut().expect("fields");
        let end = fields.iter().position(|found| found[0] == field).expect("the field");
        fields.truncate(end);
        let metadata = built_from(&shorter);
        let found = metadata
            .runtime_api_trait_by_name("SubnetInfoRuntimeApi")
            .expect("the interface");
        let method = found.method_by_name("get_metagraph").expect("the method");
        let mut cursor = bytes;
        subxt::dynamic::Value::decode_as_type(&mut cursor, method.output_ty(), metadata.types()).expect("a prefix");
        bytes.len() - cursor.len()
    };
    // `trust` is followed by `rank`, and that by `block_at_registration`.
    [&bytes[..upto("trust")], &bytes[upto("block_at_registration")..]].concat()
}

#[test]
fn hyperparameters_are_read_from_the_structs_and_from_the_list() {
    let metadata = metadata();
    for api in [&apis::GET_HYPERPARAMS, &apis::GET_HYPERPARAMS_V2] {
        for (expected, bytes) in answers(api) {
            let found: Option<subxt::dynamic::Value> = answer(&metadata, api, &bytes);
            let settings = crate::hyperparameters::tests::from_struct(found.expect("a subnet"));
            compare(&settings, &|name| expected[name].clone());
        }
    }
    let mut newer = recorded();
    let method = serde_json::json!({
        "name": "get_subnet_hyperparams_v3",
        "inputs": [["netuid", "u16"]],
        "output": "Option<Vec<HyperparamEntry>>"
    });
    newer["apis"]["SubnetInfoRuntimeApi"]
        .as_array_mut()
        .expect("methods")
        .push(method);
    newer["types"]["HyperparamEntry"] =
        serde_json::json!({"struct": [["name", "Vec<u8>"], ["value", "HyperparamValue"]]});
    newer["types"]["HyperparamValue"] = serde_json::json!({"enum": [
        [0, "Bool", [[null, "bool"]]], [1, "U16", [[null, "Compact<u16>"]]], [2, "U32", [[null, "Compact<u32>"]]],
        [3, "U64", [[null, "Compact<u64>"]]], [4, "U128", [[null, "Compact<u128>"]]],
        [5, "TaoBalance", [[null, "Compact<u64>"]]], [6, "I32F32", [[null, "FixedI64"]]],
        [7, "U64F64", [[null, "FixedU128"]]]
    ]});
    let newer = built_from(&newer);
    let mut seen = 0;
    for (expected, bytes) in answers(&apis::GET_HYPERPARAMS_V3) {
        let entries = answer(&newer, &apis::GET_HYPERPARAMS_V3, &bytes);
        let settings = crate::hyperparameters::tests::from_entries(entries);
        let list = expected.as_array().expect("a list");
        compare(&settings, &|name| {
            let entry = list.iter().find(|entry| entry["name"] == name);
            let value = entry.and_then(|entry| entry["value"].as_object()?.values().next().cloned());
            value.unwrap_or(Json::Null)
        });
        seen += 1;
    }
    assert!(seen > 0);
}

fn compare(settings: &crate::Hyperparameters, expected: &dyn Fn(&str) -> Json) {
    assert_eq!(expected("tempo"), settings.tempo);
    assert_eq!(expected("immunity_period"), settings.immunity_period);
    assert_eq!(expected("weights_rate_limit"), settings.weights_rate_limit);
    assert_eq!(expected("commit_reveal_period"), settings.commit_reveal_period);
    assert_eq!(
        expected("commit_reveal_weights_enabled"),
        settings.commit_reveal_weights_enabled
    );
    assert_eq!(expected("activity_cutoff"), settings.activity_cutoff);
    assert_eq!(expected("min_burn"), settings.min_burn);
}

#[test]
fn stored_values_are_read_as_others_read_them() {
    let metadata = metadata();
    for (expected, bytes) in stored(&storage::WEIGHTS) {
        let row: Vec<(u16, u16)> = value(&metadata, &storage::WEIGHTS, &bytes);
        assert_eq!(serde_json::json!(row), expected);
    }
    for (expected, bytes) in stored(&storage::WEIGHT_COMMITS) {
        let commits: Vec<([u8; 32], u64, u64, u64)> = value(&metadata, &storage::WEIGHT_COMMITS, &bytes);
        assert_eq!(
            (commits[0].0, commits[0].1),
            ([0xab; 32], expected[0][1].as_u64().expect("a number"))
        );
    }
    for (expected, bytes) in stored(&storage::TIMELOCKED_WEIGHT_COMMITS) {
        let commits: Vec<(AccountId32, u64, Vec<u8>, u64)> =
            value(&metadata, &storage::TIMELOCKED_WEIGHT_COMMITS, &bytes);
        let (who, block, commit, round) = &commits[0];
        assert_eq!(
            (expected[0][0].as_str(), commit.as_slice()),
            (Some(who.to_string().as_str()), [1, 2, 3].as_slice())
        );
        assert_eq!(
            (expected[0][1].as_u64(), expected[0][3].as_u64()),
            (Some(*block), Some(*round))
        );
    }
    let (_, bytes) = stored(&storage::PROMETHEUS).swap_remove(0);
    let record: axon::PrometheusRecord = value(&metadata, &storage::PROMETHEUS, &bytes);
    assert_eq!((record.ip, record.port, record.ip_type), (134_744_072, 9090, 4));
    let (_, bytes) = stored(&storage::SUBNET_IDENTITIES).swap_remove(0);
    let identity: StoredSubnetIdentity = value(&metadata, &storage::SUBNET_IDENTITIES, &bytes);
    let identity = SubnetIdentity::from(identity);
    assert_eq!(
        (identity.subnet_name.as_str(), identity.additional.as_str()),
        ("n".into(), "a".into())
    );
}

#[test]
fn commitments_in_the_open_and_timelocked_are_told_apart() {
    let metadata = metadata();
    let found: Vec<Commitment> = stored(&storage::COMMITMENT_OF)
        .iter()
        .map(|(_, bytes)| value::<Registration>(&metadata, &storage::COMMITMENT_OF, bytes).into())
        .collect();
    assert_eq!(found[0].block, 8_000_000);
    assert_eq!(found[0].fields, [CommitmentField::Raw(b"hello".to_vec())]);
    let CommitmentField::Timelocked {
        encrypted,
        reveal_round,
    } = &found[1].fields[0]
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        (encrypted[..3].to_vec(), *reveal_round > 0),
        (vec![0x99, 0x61, 0x07], true)
    );
    let (expected, bytes) = stored(&storage::REVEALED_COMMITMENTS).swap_remove(0);
    let revealed: Vec<(Vec<u8>, u64)> = value(&metadata, &storage::REVEALED_COMMITMENTS, &bytes);
    assert_eq!(
        (revealed[0].0.as_slice(), expected[0][1].as_u64()),
        (b"\x14hello".as_slice(), Some(revealed[0].1))
    );
}

#[test]
fn previews_of_trades_do_without_what_the_older_runtime_lacks() {
    let (expected, bytes) = answers(&apis::SIM_SWAP_TAO_FOR_ALPHA).swap_remove(0);
    let found: SwapPreview = answer(&metadata(), &apis::SIM_SWAP_TAO_FOR_ALPHA, &bytes);
    assert_eq!(expected["alpha_amount"], found.alpha_amount);
    let mut older = recorded();
    older["types"]["SimSwapResult"]["struct"]
        .as_array_mut()
        .expect("fields")
        .truncate(4);
    let found: SwapPreview = answer(&built_from(&older), &apis::SIM_SWAP_TAO_FOR_ALPHA, &bytes[..32]);
    assert_eq!(expected["tao_fee"], found.tao_fee);
}
