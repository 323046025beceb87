use axoneme_reward::{RunningNorm, check_weights};

use crate::support::{all_close, close, list, number, numbers, vectors};

#[test]
fn sequences_normalise_as_recommended() {
    for sequence in list(&vectors("reward_normalization")["recommended"]["sequences"]) {
        let mut norm = RunningNorm::default();
        for step in list(&sequence["steps"]) {
            let got = norm.normalise(&numbers(&step["rewards"]));
            all_close(&got, &numbers(&step["normalized"]), &sequence["name"].to_string());
            close(norm.count, number(&step["count"]), "count");
            close(norm.mean, number(&step["mean"]), "mean");
            close(norm.var, number(&step["var"]), "var");
        }
    }
}

#[test]
fn sound_input_normalises_as_on_the_running_network() {
    for sequence in list(&vectors("reward_normalization")["sequences"]) {
        let undefined = list(&sequence["steps"]).iter().any(|step| step["var"] == "nan");
        if undefined {
            continue; // the two repairs change these, on purpose
        }
        let mut norm = RunningNorm::default();
        for step in list(&sequence["steps"]) {
            let got = norm.normalise(&numbers(&step["rewards"]));
            all_close(&got, &numbers(&step["normalized"]), &sequence["name"].to_string());
        }
    }
}

#[test]
fn the_count_stops_at_its_limit_and_stays_the_weight_of_the_past() {
    let mut norm = RunningNorm::default();
    let file = vectors("reward_normalization");
    let mut expected = list(&file["count_cap"]["steps"]).iter().peekable();
    for i in 0..64u32 {
        let element = |j: u32| {
            let (i, j) = (f64::from(i), f64::from(j));
            ((2.0 * (0.37 * i + j).sin() + 0.01 * j) * 1e4).round() / 1e4
        };
        let got = norm.normalise(&(0..50).map(element).collect::<Vec<_>>());
        if expected.peek().is_some_and(|step| step["batch"] == i) {
            let step = expected.next().unwrap();
            close(norm.count, number(&step["count"]), "count");
            close(norm.mean, number(&step["mean"]), "mean");
            close(norm.var, number(&step["var"]), "var");
            all_close(&got[..3], &numbers(&step["first3"]), "first three");
        }
    }
    assert!(expected.next().is_none());
}

#[test]
fn weights_are_accepted_when_they_sum_to_one_within_the_tolerance() {
    for case in list(&vectors("reward_weights")["cases"]) {
        let names = [
            "reward.dpo_weight",
            "reward.rlhf_weight",
            "reward.reciprocate_weight",
            "d",
            "p",
        ];
        let weights: Vec<(&str, f64)> = names.into_iter().zip(numbers(&case["weights"])).collect();
        assert_eq!(
            check_weights(&weights).is_ok(),
            case["accepted_recommended"].as_bool().unwrap(),
            "{case}"
        );
    }
}
