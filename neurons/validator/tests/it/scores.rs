use std::collections::BTreeMap;

use axoneme_chain::Metagraph;
use axoneme_neuron::StateStore;
use axoneme_reward::pipeline::PipelineState;
use axoneme_wallet::AccountId;
use tokio::sync::watch;
use validator::book::{Book, JudgedRun, OpenError, Recorded, Scale, ScoreRule};
use validator::memory::{Piece, Remember};
use validator::schedule::crossed;
use validator::scores::{Unasked, softmax_where, update};
use validator::state::{NeuronState, ValidatorState};
use validator::stats::ValidatorStats;

use crate::support::{all_close, hotkey, list, metagraph, neuron, numbers, text, uids, vectors};

#[test]
fn scores_move_as_in_the_network_and_as_in_the_template() {
    for case in list(&vectors("moving_average")["cases"]) {
        let variant = text(&case["variant"]);
        let unasked = match variant {
            name if name.starts_with("text-prompting") => Unasked::Keep,
            name if name.starts_with("subnet template") => Unasked::Decay,
            _ => continue, // the oldest generation's rule is not offered
        };
        let mut scores: BTreeMap<AccountId, f64> = (0..5).map(|uid| (hotkey(uid), 0.0)).collect();
        for step in list(&case["steps"]) {
            let asked: Vec<AccountId> = uids(&step["uids"]).into_iter().map(hotkey).collect();
            let result = update(
                &mut scores,
                &asked,
                &numbers(&step["rewards"]),
                case["alpha"].as_f64().unwrap(),
                unasked,
            );
            assert_eq!(result.is_err(), step["error"].is_string(), "{step}");
            let got: Vec<f64> = scores.values().copied().collect();
            all_close(&got, &numbers(&step["scores"]), 1e-6, variant);
        }
    }
}

#[test]
fn a_boundary_is_never_missed() {
    for case in list(&vectors("schedule")["modulo_rule"]) {
        let number = |field: &str| case[field].as_u64().unwrap();
        let due = crossed(number("prev_block"), number("block"), number("length"));
        let reference = case["should_set_weights"].as_bool().unwrap();
        // Whatever the old rule finds is found, and these four that it missed as well.
        let missed = [(150, 260), (100, 200), (0, 100), (50, 155)];
        let crossed_too = missed.contains(&(number("prev_block"), number("block")));
        assert_eq!(due, reference || crossed_too, "{case}");
    }
    assert!(crossed(100, 200, 100));
    assert!(!crossed(100, 199, 100));
    assert!(!crossed(5, 500, 0));
}

fn state(scores: &[(u16, f64)]) -> ValidatorState {
    let entry = |&(number, score): &(u16, f64)| {
        (
            hotkey(number),
            NeuronState {
                score,
                ..NeuronState::default()
            },
        )
    };
    ValidatorState {
        neurons: scores.iter().map(entry).collect(),
        ..ValidatorState::default()
    }
}

/// The hotkeys of the vector files are short names.
fn named(name: &str) -> AccountId {
    hotkey(u16::from(name.bytes().last().unwrap()))
}

#[test]
fn a_changed_metagraph_resets_exactly_the_hotkeys_that_went() {
    for case in list(&vectors("state")["resync"]) {
        let names = |field: &str| {
            list(&case[field])
                .iter()
                .map(|name| named(text(name)))
                .collect::<Vec<_>>()
        };
        let (old, new) = (names("own_hotkeys"), names("new_hotkeys"));
        let saved = numbers(&case["scores"]);
        let mut state = ValidatorState::default();
        for (hotkey, score) in old.iter().zip(&saved) {
            state.neurons.insert(
                *hotkey,
                NeuronState {
                    score: *score,
                    ..NeuronState::default()
                },
            );
        }
        state.forget_all_but(|hotkey| new.contains(hotkey));
        let got = state.scores_of(&new);
        for ((hotkey, got), position) in new.iter().zip(&got).zip(0..) {
            let kept = old.get(position) == Some(hotkey);
            let expected = if kept {
                saved.get(position).copied().unwrap_or(0.0)
            } else {
                0.0
            };
            assert_eq!(*got, expected, "{}: position {position}", case["name"]);
        }
    }
}

#[test]
fn scores_move_as_in_the_core_validator() {
    let file = vectors("moving_average");
    let case = list(&file["cases"])
        .iter()
        .find(|case| text(&case["variant"]).starts_with("core validator"));
    let mut scores: BTreeMap<AccountId, f64> = (0..5).map(|uid| (hotkey(uid), 0.0)).collect();
    for step in list(&case.expect("there is one")["steps"]) {
        let (answered, silent) = (uids(&step["successful_uids"]), uids(&step["unsuccessful_uids"]));
        let mut rewards = numbers(&step["rewards"]);
        // What a silent miner would have earned must not matter.
        rewards.extend(silent.iter().map(|_| 9.0));
        let counted: Vec<bool> = (0..rewards.len()).map(|index| index < answered.len()).collect();
        let shares = softmax_where(&rewards, &counted);
        all_close(&shares[..answered.len()], &numbers(&step["softmaxed"]), 1e-6, "softmax");
        let asked: Vec<AccountId> = answered.into_iter().chain(silent).map(hotkey).collect();
        update(&mut scores, &asked, &shares, 0.01, Unasked::Keep).unwrap();
        let got: Vec<f64> = scores.values().copied().collect();
        all_close(&got, &numbers(&step["scores"]), 1e-6, "scores");
    }
    assert_eq!(softmax_where(&[f64::NAN, 1.0], &[true, true]), [0.0, 1.0]);
    assert_eq!(softmax_where(&[1.0], &[false]), [0.0]);
}

#[test]
fn saved_scores_come_back_by_hotkey_and_undefined_ones_as_zero() {
    for case in list(&vectors("state")["load"]) {
        if case["saved"].is_null() {
            continue;
        }
        let neurons: serde_json::Map<String, serde_json::Value> = list(&case["saved"])
            .iter()
            .zip(0..)
            .map(|(score, uid)| {
                let score = score.as_f64().map_or(serde_json::Value::Null, Into::into);
                let neuron = serde_json::json!({"score": score, "requests": 1, "reward_sum": null, "weight": 0.0});
                (hotkey(uid).to_string(), neuron)
            })
            .collect();
        let file = serde_json::json!({
            "genesis": "", "steps": 1, "forwards": 1, "weights_block": null, "neurons": neurons, "pipeline": {"norms": {}}
        });
        let state: ValidatorState = serde_json::from_value(file).unwrap();
        let present: Vec<AccountId> = (0..case["metagraph_n"].as_u64().unwrap() as u16).map(hotkey).collect();
        for (position, got) in state.scores_of(&present).into_iter().enumerate() {
            let saved = list(&case["saved"])
                .get(position)
                .and_then(serde_json::Value::as_f64)
                .unwrap_or(0.0);
            assert_eq!(got, saved, "{}", case["name"]);
        }
    }
}

const RULE: ScoreRule = ScoreRule {
    alpha: 0.5,
    unasked: Unasked::Keep,
    scale: Scale::Rewards,
};

fn open(folder: &tempfile::TempDir) -> Result<Book, OpenError> {
    let store = StateStore::open(folder.path().join("state.json"))?;
    Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default()))
}

fn step(book: &Book, hotkeys: &[AccountId], rewards: &[f64], graph: &Metagraph) -> Recorded {
    step_leaving(book, hotkeys, rewards, graph, Remember::Additions(vec![]))
}

fn step_leaving(book: &Book, hotkeys: &[AccountId], rewards: &[f64], graph: &Metagraph, left: Remember) -> Recorded {
    let run = JudgedRun {
        hotkeys,
        rewards,
        answered: &vec![true; rewards.len()],
        zero: &[],
        pipeline: &PipelineState::default(),
    };
    book.record_step(run, left, RULE, graph).unwrap()
}

#[test]
fn memories_are_on_disk_with_the_state_that_goes_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let graph = metagraph(vec![neuron(1, true, false, 0)]);
    let book = open(&folder).unwrap();
    assert!(book.wants_whole(), "nothing is remembered yet");
    let piece = |text: &str| vec![Piece::new("blacklist_filter", text.as_bytes().to_vec())];
    step_leaving(&book, &[hotkey(1)], &[1.0], &graph, Remember::Whole(piece("one")));
    assert!(!book.wants_whole());
    step_leaving(&book, &[hotkey(1)], &[1.0], &graph, Remember::Additions(piece("two")));
    book.save_now().unwrap();
    step_leaving(&book, &[hotkey(1)], &[1.0], &graph, Remember::Additions(piece("three")));
    drop(book);
    let book = open(&folder).unwrap();
    assert_eq!(book.state().steps, 2, "the third run was never saved");
    let memories = book.take_memories();
    assert_eq!(
        (memories.snapshot, memories.additions),
        (piece("one"), vec![piece("two")])
    );
}

#[test]
fn a_state_of_version_one_is_read_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let neurons =
        serde_json::json!({ hotkey(1).to_string(): {"score": 0.25, "requests": 4, "reward_sum": 2.0, "weight": 1.0} });
    let old = serde_json::json!({"version": 1, "data": {
        "genesis": "genesis", "steps": 7, "forwards": 2, "weights_block": 90, "neurons": neurons,
        "pipeline": {"norms": {"dpo_reward_model": {"count": 12.0, "mean": -3.5, "var": 0.75}}},
    }});
    std::fs::write(&path, old.to_string()).unwrap();
    let book = open(&folder).unwrap();
    let state = book.state();
    assert_eq!((state.steps, state.forwards, state.weights_block), (7, 2, Some(90)));
    assert_eq!(state.scores_of(&[hotkey(1)]), [0.25]);
    assert_eq!(state.pipeline.norms["dpo_reward_model"].mean, -3.5);
    book.save_now().unwrap();
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["version"], 2);
    drop(book);
    assert_eq!(open(&folder).unwrap().state(), state);
}

#[test]
fn a_book_that_is_opened_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let graph = metagraph((0..3).map(|uid| neuron(uid, true, false, 0)).collect());
    let book = open(&folder).unwrap();
    assert_eq!(book.begin_forward(), 0);
    let hotkeys = [hotkey(1), hotkey(2)];
    let recorded = step(&book, &hotkeys, &[0.8, f64::NAN], &graph);
    assert_eq!((recorded.step, recorded.scores), (1, vec![0.4, 0.0]));
    book.record_weights(90, &[(hotkey(1), 1.0)]);
    book.save_now().unwrap();
    let before = book.state();
    drop(book);

    let book = open(&folder).unwrap();
    assert_eq!(book.state(), before);
    assert_eq!(
        book.begin_forward(),
        1,
        "a restart does not repeat the draws of the first pass"
    );
    let stats = ValidatorStats::from(&book.state());
    assert_eq!(stats.steps, 1);
    let first = stats.neurons[&hotkey(1)];
    assert_eq!(
        (first.requests, first.mean_reward, first.score, first.weight),
        (1, 0.8, 0.4, 1.0)
    );
    assert_eq!(stats.neurons[&hotkey(2)].score, 0.0, "an undefined reward never enters");
}

#[test]
fn a_replaced_hotkey_starts_from_zero_even_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let book = open(&folder).unwrap();
    let with = |numbers: &[u16]| metagraph(numbers.iter().map(|n| neuron(*n, true, false, 0)).collect());
    step(&book, &[hotkey(1), hotkey(2)], &[1.0, 1.0], &with(&[1, 2]));
    // Hotkey 2 has been replaced between the question and the answer: its reward finds no place.
    let recorded = step(&book, &[hotkey(1), hotkey(2)], &[1.0, 1.0], &with(&[1, 3]));
    assert_eq!(recorded.forgotten, [hotkey(2)]);
    assert_eq!(
        book.state().scores_of(&[hotkey(1), hotkey(2), hotkey(3)]),
        [0.75, 0.0, 0.0]
    );
    step(&book, &[hotkey(1)], &[1.0], &with(&[1, 2]));
    assert_eq!(book.state().scores_of(&[hotkey(2)]), [0.0]);
}

#[test]
fn a_damaged_file_and_one_of_another_chain_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::fs::write(&path, b"{\"version\":1,\"data\":{\"steps\":").unwrap();
    assert!(matches!(open(&folder), Err(OpenError::State(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"{\"version\":1,\"data\":{\"steps\":");

    std::fs::remove_file(&path).unwrap();
    open(&folder).unwrap().save_now().unwrap();
    let store = StateStore::open(&path).unwrap();
    let other = Book::open(store, "another", watch::Sender::new(ValidatorStats::default()));
    let message = other.err().expect("refused").to_string();
    assert!(message.contains("--neuron.name"), "{message}");
}

#[test]
fn a_write_that_is_cut_short_leaves_the_old_state() {
    let folder = tempfile::tempdir().unwrap();
    let book = open(&folder).unwrap();
    let graph = metagraph(vec![neuron(1, true, false, 0)]);
    step(&book, &[hotkey(1)], &[1.0], &graph);
    book.save_now().unwrap();
    // What a kill in the middle of the next write leaves behind: half a temporary file beside the old state.
    std::fs::write(folder.path().join(".state-half"), b"{\"version\":1,\"da").unwrap();
    let before = book.state();
    drop(book);
    assert_eq!(open(&folder).unwrap().state(), before);
}

#[test]
fn a_score_for_each_neuron_in_order_of_the_metagraph() {
    let state = state(&[(1, 0.25), (3, 0.5)]);
    assert_eq!(state.scores_of(&[hotkey(3), hotkey(2), hotkey(1)]), [0.5, 0.0, 0.25]);
}
