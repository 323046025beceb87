//! Runs every scenario of `vectors/yuma.json` and compares all outputs.
//!
//! The vectors come from an exact integer model of the main chain's arithmetic, which reproduces the chain's own
//! published test numbers. Everything has to be equal; only with liquid alpha `exp` may round differently, hence ±2.

use pallet_subtensor::yuma::{run_epoch, EpochInput, EpochOutput, StoredRow};
use serde_json::Value;

fn numbers<T: TryFrom<u64>>(value: &Value) -> Vec<T> {
    let number = |x: &Value| {
        x.as_u64()
            .and_then(|x| T::try_from(x).ok())
            .unwrap_or_else(|| panic!("not a number: {x}"))
    };
    value.as_array().expect("a list").iter().map(number).collect()
}

fn bools(value: &Value) -> Vec<bool> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|x| x.as_bool().expect("a bool"))
        .collect()
}

fn rows(value: &Value) -> Vec<StoredRow> {
    let row = |row: &Value| {
        row.as_array()
            .expect("a row")
            .iter()
            .map(numbers::<u16>)
            .map(|e| (e[0], e[1]))
            .collect()
    };
    value.as_array().expect("rows").iter().map(row).collect()
}

fn epoch_input(input: &Value) -> EpochInput {
    let number = |name: &str| input[name].as_u64().unwrap_or_else(|| panic!("{name} is missing"));
    let small = |name: &str| u16::try_from(number(name)).expect("16 bits");
    EpochInput {
        stake: numbers(&input["stake"]),
        stake_threshold: number("min_stake"),
        permits: bools(&input["permits"]),
        last_update: numbers(&input["last_update"]),
        registered_at: numbers(&input["reg_block"]),
        pending_commit: vec![],
        weights: rows(&input["weights"]),
        bonds: rows(&input["bonds"]),
        owner_uid: input["owner_uid"]
            .as_u64()
            .map(|uid| u16::try_from(uid).expect("16 bits")),
        block: number("block"),
        last_step: number("last_step"),
        tempo: small("tempo"),
        activity_cutoff: number("activity_cutoff"),
        max_validators: small("max_validators"),
        kappa: small("kappa"),
        bonds_penalty: small("bonds_penalty"),
        bonds_moving_average: number("bonds_moving_average"),
        yuma3: input["yuma3"].as_bool().expect("a bool"),
        liquid_alpha: input["liquid_alpha"].as_bool().expect("a bool"),
        alpha_values: (small("alpha_low"), small("alpha_high")),
        alpha_sigmoid_steepness: i16::try_from(number("steepness")).expect("16 bits"),
        emission: number("emission"),
    }
}

fn assert_close<T: Copy + Into<u64>>(what: &str, got: &[T], expected: &[T], tolerance: impl Fn(u64) -> u64) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let (got, expected): (u64, u64) = ((*got).into(), (*expected).into());
        assert!(
            got.abs_diff(expected) <= tolerance(expected),
            "{what}[{index}]: {got}, expected {expected}"
        );
    }
}

fn compare(what: &str, got: &EpochOutput, expected: &Value, liquid: bool) {
    let score = |_: u64| if liquid { 2 } else { 0 };
    let amount = |x: u64| if liquid { 1 + x / 1_000_000 } else { 0 };
    assert_eq!(got.active, bools(&expected["active"]), "{what}: active");
    assert_eq!(
        got.permits,
        bools(&expected["new_validator_permits"]),
        "{what}: permits"
    );
    for (name, scores) in [
        ("stake_weight", &got.stake_weight),
        ("consensus", &got.consensus),
        ("incentive", &got.incentive),
        ("dividends", &got.dividends),
        ("validator_trust", &got.validator_trust),
    ] {
        assert_close(
            &format!("{what}: {name}"),
            scores,
            &numbers::<u16>(&expected[name]),
            score,
        );
    }
    for (name, amounts) in [
        ("server_emission", &got.server_emission),
        ("validator_emission", &got.validator_emission),
        ("combined_emission", &got.combined_emission),
    ] {
        assert_close(
            &format!("{what}: {name}"),
            amounts,
            &numbers::<u64>(&expected[name]),
            amount,
        );
    }
    for (uid, (got, expected)) in got.bonds.iter().zip(rows(&expected["bonds"])).enumerate() {
        let split = |row: &StoredRow| -> (Vec<u16>, Vec<u16>) { row.iter().copied().unzip() };
        let ((uids, values), (expected_uids, expected_values)) = (split(got), split(&expected));
        assert_eq!(uids, expected_uids, "{what}: bonds of {uid}, columns");
        assert_close(&format!("{what}: bonds of {uid}"), &values, &expected_values, score);
    }
}

#[test]
fn every_scenario_gives_the_chains_numbers() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/yuma.json")).expect("valid JSON");
    let scenarios = vectors["scenarios"].as_array().expect("scenarios");
    let mut epochs = 0;
    for scenario in scenarios {
        for (number, epoch) in scenario["epochs"].as_array().expect("epochs").iter().enumerate() {
            let input = epoch_input(&epoch["input"]);
            let what = format!("{}, epoch {number}", scenario["name"].as_str().expect("a name"));
            compare(&what, &run_epoch(&input), &epoch["output"], input.liquid_alpha);
            epochs += 1;
        }
    }
    assert_eq!((scenarios.len(), epochs), (16, 31), "the file has been cut short");
}
