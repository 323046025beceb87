use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_reward::Task;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use validator::ValidatorError;
use validator::forward::{Ended, ForwardConfig, forward};
use validator::step::{QueryStep, StepOutcome};

use crate::support::{list, rng, vectors};

/// Answers call `i` with the best completion `BEST{i}` of uids 3i, 3i+1 and 3i+2, and writes down what it was asked.
#[derive(Default)]
struct Script {
    calls: Mutex<Vec<serde_json::Value>>,
    /// The call that earns nobody anything.
    fruitless: Option<usize>,
    /// The call that finds nobody to ask.
    deserted: Option<usize>,
}

#[async_trait]
impl QueryStep for Script {
    async fn run(
        &self,
        task: &Task,
        count: usize,
        timeout: Duration,
        exclude: &BTreeSet<u16>,
        _: &mut ChaCha8Rng,
    ) -> Result<Option<StepOutcome>, ValidatorError> {
        let mut calls = self.calls.lock().unwrap();
        let i = calls.len();
        let base = if i == 0 {
            "(first sentences of the record)"
        } else {
            &task.base_text
        };
        calls.push(json!({
            "task_name": task.name,
            "task_type": task.kind.type_name(),
            "base_text": base,
            "k": count,
            "timeout": timeout.as_secs(),
            "exclude": exclude,
        }));
        if self.deserted == Some(i) {
            return Ok(None);
        }
        let first = 3 * i as u16;
        Ok(Some(StepOutcome {
            uids: vec![first, first + 1, first + 2],
            best: format!("BEST{i}"),
            any_positive: self.fruitless != Some(i),
        }))
    }
}

fn config(rounds: u32) -> ForwardConfig {
    ForwardConfig {
        rounds,
        followup_sample_size: 50,
        followup_timeout: Duration::from_secs(10),
        answer_sample_size: 40,
        answer_timeout: Duration::from_secs(12),
    }
}

#[tokio::test]
async fn order_inputs_and_exclusions_are_those_of_the_network() {
    for run in list(&vectors("flow")["runs"]) {
        let script = Script::default();
        let rounds = run["num_followup_steps"].as_u64().unwrap() as u32;
        let outcome = forward(&script, config(rounds), "text", &mut rng(1)).await.unwrap();
        assert_eq!(outcome.ended, Ended::Finished);
        assert_eq!(outcome.steps, 1 + 2 * rounds);
        assert_eq!(json!(*script.calls.lock().unwrap()), run["calls"]);
    }
}

/// A pass in which run number `fruitless` earns nobody anything: how many runs it has, and how it ends.
async fn with_fruitless(fruitless: usize) -> (u32, String, usize) {
    let script = Script {
        fruitless: Some(fruitless),
        ..Script::default()
    };
    let outcome = forward(&script, config(4), "text", &mut rng(1)).await.unwrap();
    let calls = script.calls.lock().unwrap().len();
    (outcome.steps, outcome.ended.to_string(), calls)
}

#[tokio::test]
async fn nothing_is_built_on_a_completion_that_earned_nothing() {
    let (steps, ended, _) = with_fruitless(0).await;
    assert_eq!((steps, ended.as_str()), (1, "no miner earned anything in augment"));
    // A question nobody earned anything for is not answered; the next round begins.
    assert_eq!(with_fruitless(1).await, (8, "finished".into(), 8));
    // An answer carries nothing, so nothing is left out.
    assert_eq!(with_fruitless(2).await, (9, "finished".into(), 9));
}

#[tokio::test]
async fn a_pass_without_anybody_to_ask_ends_at_once() {
    let script = Script {
        deserted: Some(0),
        ..Script::default()
    };
    let outcome = forward(&script, config(4), "text", &mut rng(1)).await.unwrap();
    assert_eq!((outcome.steps, outcome.ended), (0, Ended::NobodyToAsk));
}
