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

/// The earlier rule: for the rows after the completion's first, used tokens' logits are scaled by 1.2 for each use.
#[test]
fn the_earlier_repetition_rule_scales_the_logits_of_used_tokens() {
    let formula = Formula {
        limit: 64,
        silent: None,
    };
    let (prompt, completion) = ("abc ", "abab cdab ");
    let joined = ids(&format!("{prompt}{completion}"));
    let start = prompt.len();
    let rows = formula.rows(joined.len());
    let mut sum = 0.0;
    for position in start..joined.len() {
        let row = position - 1;
        let mut logits: Vec<f64> = rows[row].iter().map(|logit| f64::from(*logit)).collect();
        if row > start && row + 2 <= joined.len() {
            for token in 0..16u32 {
                let uses = joined[start..row].iter().filter(|used| **used == token).count() as i32;
                let factor = 1.2f64.powi(uses);
                let logit = &mut logits[token as usize];
                *logit = if *logit < 0.0 { *logit * factor } else { *logit / factor };
            }
        }
        let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
        sum += logits[joined[position] as usize] - total;
    }
    let expected = sum / (joined.len() - start) as f64;
    let got = dpo_score(&rows, &joined, start, RepeatPenalty::Scaled.into());
    close(f64::from(got), expected, "scaled");
    let off = dpo_score(&rows, &joined, start, RepeatPenalty::Off.into());
    assert!((got - off).abs() > 1e-3, "the rule makes a difference here");
}
