//! The conversion against vectors recorded from the reference implementations.

use super::*;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../tests/vectors/weights.json")).expect("valid JSON")
}

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_f64().unwrap_or(0.0))
        .collect()
}

fn singles(value: &Value) -> Vec<f32> {
    floats(value).into_iter().map(|v| v as f32).collect()
}

fn uids(value: &Value) -> Vec<u16> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_u64().expect("uid") as u16)
        .collect()
}

fn close(ours: &[f64], theirs: &[f64], tolerance: f64, name: &str) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= tolerance, "{name}: {a} and {b}");
    }
}

/// Uids exactly, values within one.
fn same_emission(ours: &[(u16, u16)], theirs: &Value, name: &str) {
    assert_eq!(
        ours.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(),
        uids(&theirs["uids"]),
        "{name}"
    );
    for ((uid, value), expected) in ours.iter().zip(uids(&theirs["values"])) {
        assert!(
            value.abs_diff(expected) <= 1,
            "{name}: uid {uid} is {value}, expected {expected}"
        );
    }
}

fn limits_of(case: &Value) -> WeightLimits {
    WeightLimits {
        min_allowed: case["min_allowed_weights"].as_u64().expect("minimum") as u16,
        max_weight: case["max_weight_limit_u16"].as_u64().expect("limit") as u16,
        exclude_quantile: case["exclude_quantile"].as_u64().expect("quantile") as u16,
    }
}

#[test]
fn every_recorded_case_gives_the_same_weights() {
    let all = vectors();
    let cases = all["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 26);
    for case in cases {
        let name = case["name"].as_str().expect("name");
        let neurons = case["num_neurons"].as_u64().expect("neurons") as u16;
        let processed = process_weights(
            &uids(&case["uids"]),
            &singles(&case["weights_f32"]),
            neurons,
            limits_of(case),
        )
        .expect(name);
        for reference in ["sdk10_process", "template_process"] {
            assert_eq!(processed.uids, uids(&case[reference]["uids"]), "{name} {reference}");
            close(&processed.values, &floats(&case[reference]["values"]), 2e-6, name);
        }
        let emitted = to_u16(&processed.uids, &processed.values).expect(name);
        same_emission(&emitted, &case["sdk10_emit"], name);
        same_emission(&emitted, &case["template_emit"], name);
    }
}

#[test]
fn the_strict_rule_gives_the_same_weights_or_refuses_too() {
    for case in vectors()["cases"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("name");
        let outcome = conform(
            &uids(&case["uids"]),
            &floats(&case["weights_f32"]),
            None,
            limits_of(case),
        );
        match case["sdk11_conform"].get("error") {
            Some(_) => assert!(outcome.is_err(), "{name}"),
            None => same_emission(&outcome.expect(name), &case["sdk11_conform"], name),
        }
    }
}

#[test]
fn scores_are_divided_by_the_sum_of_their_magnitudes() {
    for case in vectors()["template_l1"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("name");
        let ours: Vec<f64> = normalise(&singles(&case["scores"]))
            .into_iter()
            .map(f64::from)
            .collect();
        close(&ours, &floats(&case["raw_weights"]), 1e-7, name);
    }
    assert_eq!(normalise(&[f32::NAN, 2.0, f32::INFINITY]), vec![0.0, 1.0, 0.0]);
}

#[test]
fn clipping_agrees_in_both_precisions() {
    for case in vectors()["normalize_max_weight"].as_array().expect("cases") {
        let limit = case["limit"].as_f64().expect("limit");
        close(
            &clip_to_max(&floats(&case["x"]), limit),
            &floats(&case["out"]),
            1e-6,
            "single",
        );
    }
    for case in vectors()["sdk11_clip"].as_array().expect("cases") {
        let limit = case["limit"].as_f64().expect("limit");
        close(
            &clip_to_max(&floats(&case["weights"]), limit),
            &floats(&case["out"]),
            1e-12,
            "double",
        );
    }
}

#[test]
fn emission_agrees_and_drops_zeros() {
    let all = vectors();
    for list in ["sdk10_normalize", "sdk11_normalize"] {
        for case in all[list].as_array().expect("cases") {
            let ours = to_u16(&uids(&case["uids"]), &floats(&case["weights"])).expect("valid");
            let theirs = serde_json::json!({"uids": case["out_uids"], "values": case["out_values"]});
            same_emission(&ours, &theirs, list);
        }
    }
    assert_eq!(
        to_u16(&[1], &[-0.1]),
        Err(WeightsError::NotAWeight { uid: 1, value: -0.1 })
    );
    assert!(to_u16(&[1], &[f64::NAN]).is_err());
    assert_eq!(
        to_u16(&[1, 2], &[1.0]),
        Err(WeightsError::LengthMismatch { uids: 2, weights: 1 })
    );
}

#[test]
fn emission_is_idempotent() {
    let once = to_u16(&[0, 1, 2], &[0.1, 0.2, 0.7]).expect("valid");
    let values: Vec<f64> = once.iter().map(|(_, v)| f64::from(*v)).collect();
    assert_eq!(to_u16(&[0, 1, 2], &values).expect("valid"), once);
}

#[test]
fn rows_and_splits_agree() {
    let all = vectors();
    for case in all["row_to_tensor"].as_array().expect("cases") {
        let row: Vec<(u16, u16)> = uids(&case["uids"]).into_iter().zip(uids(&case["values"])).collect();
        let shares = row_to_shares(case["n"].as_u64().expect("n") as u16, &row);
        close(&shares, &floats(&case["row"]), 1e-6, "row");
    }
    for case in all["maybe_split_to_u16"].as_array().expect("cases") {
        assert_eq!(split_to_u16(&floats(&case["in"])), uids(&case["out"]), "{case}");
    }
    assert!(row_to_shares(3, &[]).iter().all(|share| *share == 0.0));
}

#[test]
fn a_lone_self_weight_is_exempt_from_the_limits() {
    let limits = WeightLimits {
        min_allowed: 8,
        max_weight: 100,
        exclude_quantile: 0,
    };
    assert_eq!(conform(&[7], &[5.0], Some(7), limits), Ok(vec![(7, 65535)]));
    assert!(matches!(
        conform(&[7], &[5.0], Some(6), limits),
        Err(WeightsError::TooFew { .. })
    ));
    assert_eq!(
        conform(&[7, 7], &[1.0, 1.0], None, limits),
        Err(WeightsError::Duplicate { uid: 7 })
    );
}

#[test]
fn scores_go_the_whole_way() {
    let sent = from_scores(&[0.0, 3.0, f32::NAN, 1.0], WeightLimits::default()).expect("valid");
    assert_eq!(sent, vec![(1, 65535), (3, 21845)]);
    let floor = WeightLimits {
        min_allowed: 4,
        ..WeightLimits::default()
    };
    assert_eq!(from_scores(&[0.0, 3.0, 0.0, 1.0], floor).expect("valid").len(), 4);
    assert_eq!(from_scores(&[], WeightLimits::default()), Ok(Vec::new()));
}

#[test]
fn the_rules_of_the_first_validator_give_the_same_weights() {
    let all: Value = serde_json::from_str(include_str!("../tests/vectors/process_weights.json")).expect("valid JSON");
    for case in all["process"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("name");
        let weights = singles(&case["weights"]);
        let neurons = weights.len() as u16;
        let everyone: Vec<u16> = (0..neurons).collect();
        let limits = WeightLimits {
            min_allowed: case["min_allowed_weights"].as_u64().expect("minimum") as u16,
            exclude_quantile: case["exclude_quantile"].as_u64().expect("quantile") as u16,
            ..WeightLimits::default()
        };
        let limit = case["max_weight_limit"].as_f64().expect("limit");
        let processed = fit(&everyone, &weights, neurons, limits, limit).expect(name);
        for edition in ["torch", "numpy"] {
            let expected = &case[edition];
            assert_eq!(processed.uids, uids(&expected["uids"]), "{name} {edition}");
            close(&processed.values, &floats(&expected["weights"]), 2e-6, name);
            let emitted = to_u16(&processed.uids, &processed.values).expect(name);
            let pair = serde_json::json!({"uids": expected["emit"][0], "values": expected["emit"][1]});
            same_emission(&emitted, &pair, name);
        }
    }
    for case in all["emit"].as_array().expect("cases") {
        let emitted = to_u16(&uids(&case["uids"]), &floats(&case["weights"])).expect("valid");
        let pair = serde_json::json!({"uids": case["result"][0], "values": case["result"][1]});
        same_emission(&emitted, &pair, "emit");
    }
    for case in all["normalize_max_weight"].as_array().expect("cases") {
        let ours = clip_to_max(&floats(&case["x"]), case["limit"].as_f64().expect("limit"));
        close(&ours, &floats(&case["numpy"]), 2e-6, "clip");
    }
}
