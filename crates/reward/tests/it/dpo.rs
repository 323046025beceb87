use std::sync::Arc;

use async_trait::async_trait;
use axoneme_llm::dpo_score;
use axoneme_reward::functions::dpo::{Dpo, FLOOR};
use axoneme_reward::{LogProbScorer, ModelFault, RepeatPenalty, RewardFunction, Task};

use crate::support::{close, list, number, text, vectors};

/// One token per character, logits by the formula of the vector file.
struct Formula {
    limit: usize,
    silent: Option<u32>,
}

const ALPHABET: &str = "abcdefghijklmno ";

fn ids(text: &str) -> Vec<u32> {
    text.chars()
        .map(|c| ALPHABET.find(c).expect("a letter of the alphabet") as u32)
        .collect()
}

impl Formula {
    fn rows(&self, count: usize) -> Vec<Vec<f32>> {
        let logit = |t: usize, v: u32| {
            let logit = 3.0 * (0.7 * t as f64 + 1.3 * f64::from(v)).sin() + 0.1 * f64::from(v);
            if self.silent == Some(v) {
                f32::NEG_INFINITY
            } else {
                ((logit * 1e4).round() / 1e4) as f32
            }
        };
        (0..count).map(|t| (0..16).map(|v| logit(t, v)).collect()).collect()
    }
}

#[async_trait]
impl LogProbScorer for Formula {
    async fn mean_log_prob(
        &self,
        prompt: &str,
        completions: &[String],
        repeat: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault> {
        let start = ids(prompt).len();
        let score = |completion: &String| {
            let mut joined = ids(&format!("{prompt}{completion}"));
            joined.truncate(self.limit);
            let score = dpo_score(&self.rows(joined.len()), &joined, start, repeat.into());
            (start < self.limit).then_some(f64::from(score))
        };
        Ok(completions.iter().map(score).collect())
    }
}

#[tokio::test]
async fn rewards_are_those_of_the_network_with_and_without_the_repetition_rule() {
    for case in list(&vectors("dpo")["cases"]) {
        let name = text(&case["name"]);
        let silent = name.starts_with("-inf").then_some(4);
        let limit = case["model_max_length"].as_u64().unwrap() as usize;
        let task = Task::new("answer0", text(&case["prompt"]), vec![]);
        for (repeat, field) in [
            (RepeatPenalty::Reference, "reward"),
            (RepeatPenalty::Off, "reward_without_penalty"),
        ] {
            let dpo = Dpo::new(Arc::new(Formula { limit, silent }), repeat);
            let scores = dpo.score(&task, &[text(&case["completion"]).to_owned()]).await.unwrap();
            close(scores.raw[0], number(&case[field]), name);
        }
    }
}

#[tokio::test]
async fn nothing_is_asked_of_the_model_when_every_completion_is_too_short() {
    struct Refusing;
    #[async_trait]
    impl LogProbScorer for Refusing {
        async fn mean_log_prob(&self, _: &str, _: &[String], _: RepeatPenalty) -> Result<Vec<Option<f64>>, ModelFault> {
            Err("must not be asked".into())
        }
    }
    let dpo = Dpo::new(Arc::new(Refusing), RepeatPenalty::Reference);
    let task = Task::new("answer0", "text", vec![]);
    assert_eq!(
        dpo.score(&task, &["five!".into(), String::new()]).await.unwrap().raw,
        [FLOOR, FLOOR]
    );
    assert!(dpo.score(&task, &["sixth!".into()]).await.is_err());
}
