use axoneme_chain::Hyperparameters;
use axoneme_chain::weights::{WeightLimits, clip_to_max, normalise, process_weights, to_u16};
use axoneme_timelock::Beacon;
use serde_json::Value;
use validator::state::{NeuronState, ValidatorState};
use validator::weights::{beacon, check_subnet, plan};

use crate::support::{all_close, hotkey, list, metagraph, neuron, numbers, text, uids, vectors};

fn emitted(value: &Value) -> Vec<(u16, u16)> {
    uids(&value[0]).into_iter().zip(uids(&value[1])).collect()
}

#[test]
fn raw_weights_processing_clipping_and_integers_are_those_of_the_network() {
    let file = vectors("process_weights");
    for case in list(&file["raw_weights"]) {
        let scores: Vec<f32> = numbers(&case["scores"]).into_iter().map(|score| score as f32).collect();
        if scores.iter().any(|score| score.is_nan()) {
            continue; // undefined scores count as zero here
        }
        let got: Vec<f64> = normalise(&scores).into_iter().map(f64::from).collect();
        all_close(&got, &numbers(&case["text_prompting"]), 1e-6, &case.to_string());
    }
    for case in list(&file["normalize_max_weight"]) {
        let got = clip_to_max(&numbers(&case["x"]), case["limit"].as_f64().unwrap());
        all_close(&got, &numbers(&case["torch"]), 1e-5, &case.to_string());
    }
    for case in list(&file["emit"]) {
        let got = to_u16(&uids(&case["uids"]), &numbers(&case["weights"])).unwrap();
        assert_eq!(got, emitted(&case["result"]), "{case}");
    }
    for case in list(&file["process"]) {
        let limit = case["max_weight_limit"].as_f64().unwrap() * 65535.0;
        if (limit - limit.round()).abs() > 1e-6 {
            continue; // the chain states its limit in 65535ths; the clipping itself is covered above
        }
        let limits = WeightLimits {
            min_allowed: case["min_allowed_weights"].as_u64().unwrap() as u16,
            max_weight: limit.round() as u16,
            exclude_quantile: case["exclude_quantile"].as_u64().unwrap() as u16,
        };
        let weights: Vec<f32> = numbers(&case["weights"])
            .into_iter()
            .map(|weight| weight as f32)
            .collect();
        let all: Vec<u16> = (0..weights.len() as u16).collect();
        let got = process_weights(&all, &weights, all.len() as u16, limits).unwrap();
        assert_eq!(got.uids, uids(&case["torch"]["uids"]), "{}", case["name"]);
        all_close(
            &got.values,
            &numbers(&case["torch"]["weights"]),
            1e-5,
            text(&case["name"]),
        );
    }
}

fn state(scores: &[f64]) -> ValidatorState {
    let mut state = ValidatorState::default();
    for (score, number) in scores.iter().zip(0..) {
        state.neurons.insert(
            hotkey(number),
            NeuronState {
                score: *score,
                ..NeuronState::default()
            },
        );
    }
    state
}

#[test]
fn weights_follow_the_scores_of_the_hotkeys_that_are_there_now() {
    let mut graph = metagraph((0..4).map(|uid| neuron(uid, true, false, 0)).collect());
    // The place of hotkey 3 was given to somebody else.
    graph.neurons[3].hotkey = hotkey(77);
    let plan = plan(&state(&[0.0, 0.1, 0.3, 0.9]), &graph, WeightLimits::default())
        .unwrap()
        .unwrap();
    assert_eq!(plan.weights, [(1, 21845), (2, 65535)]);
    let shares: Vec<f64> = plan.shares.iter().map(|(_, share)| *share).collect();
    all_close(&shares, &[0.25, 0.75], 1e-4, "shares");
}

#[test]
fn nothing_is_sent_while_nobody_has_earned_anything() {
    let graph = metagraph((0..4).map(|uid| neuron(uid, true, false, 0)).collect());
    assert_eq!(
        plan(&state(&[0.0, 0.0]), &graph, WeightLimits::default()).unwrap(),
        None
    );
}

#[test]
fn the_beacon_is_quicknet_unless_the_chain_is_here_or_the_operator_says_so() {
    let dev = Beacon::dev();
    let announced = Some(&dev.public_key[..]);
    assert_eq!(beacon("auto", false, announced).unwrap(), Beacon::quicknet());
    assert_eq!(beacon("auto", true, announced).unwrap(), dev);
    assert_eq!(
        beacon("auto", true, Some(&Beacon::quicknet().public_key)).unwrap(),
        Beacon::quicknet()
    );
    assert_eq!(beacon("auto", true, None).unwrap(), dev);
    assert_eq!(beacon("quicknet", true, announced).unwrap(), Beacon::quicknet());
    assert_eq!(beacon("dev", false, None).unwrap(), dev);
    let hex: String = dev.public_key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(beacon(&hex, false, None).unwrap(), dev);
    for wrong in ["quick", "00ff", &"00".repeat(96)] {
        let message = beacon(wrong, false, None).unwrap_err().to_string();
        assert!(
            message.contains("--neuron.drand_beacon") && message.contains("quicknet"),
            "{message}"
        );
    }
}

fn hyperparameters() -> Hyperparameters {
    Hyperparameters {
        tempo: 20,
        immunity_period: 0,
        min_allowed_weights: 1,
        max_weights_limit: u16::MAX,
        weights_version: 0,
        weights_rate_limit: 0,
        commit_reveal_weights_enabled: false,
        commit_reveal_period: 1,
        activity_cutoff: 5000,
        registration_allowed: true,
        min_burn: 0,
        max_burn: 0,
        serving_rate_limit: 0,
        max_validators: 64,
        kappa: 32767,
        all: Default::default(),
    }
}

#[test]
fn subnets_that_would_refuse_the_weights_are_refused_with_advice() {
    check_subnet(5, &hyperparameters(), 10).unwrap();
    let hidden = Hyperparameters {
        commit_reveal_weights_enabled: true,
        ..hyperparameters()
    };
    check_subnet(5, &hidden, 10).expect("commit-reveal is no reason to refuse");
    let newer = Hyperparameters {
        weights_version: 2016,
        ..hyperparameters()
    };
    let message = check_subnet(5, &newer, 10).unwrap_err().to_string();
    assert!(message.contains("--neuron.weights_version_key 2016"), "{message}");
    check_subnet(5, &newer, 2016).unwrap();
}
