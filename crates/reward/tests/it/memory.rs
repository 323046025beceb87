//! What the pipeline remembers: saved, given back, and untouched by steps that fail.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_reward::masks::{Diversity, DiversityConfig, NgramBlacklist, NgramConfig};
use axoneme_reward::pipeline::PipelineState;
use axoneme_reward::task::{ContentMatch, Criterion, Layout, LengthUnit};
use axoneme_reward::{
    Judged, Mask, MemoryError, ModelFault, Outcome, Pipeline, Response, RewardError, RewardFunction, Scores,
    SentenceEmbedder, Task,
};

use crate::ngram::tokenizer;

/// The number of words, and something to set texts apart.
struct Length;

#[async_trait]
impl RewardFunction for Length {
    fn name(&self) -> &'static str {
        "length"
    }
    async fn score(&self, _: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        Ok(Scores {
            raw: completions.iter().map(|text| text.split(' ').count() as f64).collect(),
            extras: vec![],
        })
    }
}

/// A vector of letter counts.
struct Letters;

#[async_trait]
impl SentenceEmbedder for Letters {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        let count = |text: &String| -> Vec<f32> {
            if text == "undefined" {
                return vec![f32::NAN; 26];
            }
            ('a'..='z')
                .map(|letter| text.matches(letter).count() as f32 + 0.01)
                .collect()
        };
        Ok(texts.iter().map(count).collect())
    }
}

/// Fails, or never ends, when a completion says so.
struct Moody;

#[async_trait]
impl Mask for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }
    async fn judge(&self, _: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        if completions.iter().any(|text| text == "hang") {
            std::future::pending::<()>().await;
        }
        if completions.iter().any(|text| text == "fail") {
            return Err(RewardError::Model {
                name: "moody",
                source: "told to".into(),
            });
        }
        Ok(Judged {
            raw: vec![1.0; completions.len()],
            factor: vec![1.0; completions.len()],
            extras: vec![],
        })
    }
}

fn pipeline() -> Pipeline {
    // A window of ten completions, halved at forty, a history that counts from its third row: all of it happens here.
    let ngrams = NgramConfig {
        error: 0.1,
        half_life: 40,
        n_min: 3,
        n_max: 5,
        support: 0.05,
        boundary: 5.0,
        ..NgramConfig::default()
    };
    let diversity = DiversityConfig {
        history_skip: 2,
        history_len: 30,
        ..DiversityConfig::default()
    };
    Pipeline::builder()
        .reward(1.0, Length)
        .mask(NgramBlacklist::new(tokenizer(), ngrams).unwrap())
        .mask(Diversity::new(Arc::new(Letters), diversity))
        .mask(Moody)
        .build()
        .unwrap()
}

fn completions(step: usize) -> Vec<Response> {
    let words = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "a", "b"];
    let answer = |miner: usize| {
        let word = |k: usize| words[(step * 7 + miner * 3 + k * (step % 3 + 1)) % words.len()];
        let text: Vec<&str> = (0..6 + miner).map(word).collect();
        Response {
            status: if miner == 3 { 408 } else { 200 },
            completion: match miner {
                0 => "the quick brown fox jumps over".to_owned(),
                _ => text.join(" "),
            },
        }
    };
    (0..4).map(answer).collect()
}

async fn step(pipeline: &mut Pipeline, answers: &[Response]) -> Result<Outcome, RewardError> {
    pipeline.observe(answers).await?;
    pipeline.judge(&Task::new("answer0", "a text", vec![]), answers).await
}

type Saved = (PipelineState, Vec<(&'static str, Vec<u8>)>);

fn saved(pipeline: &Pipeline) -> Saved {
    (pipeline.state().clone(), pipeline.memories())
}

#[tokio::test]
async fn a_whole_memory_and_the_deltas_since_then_give_the_same_memory_and_the_same_rewards() {
    let mut original = pipeline();
    let mut journal: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut snapshot = saved(&original);
    let mut masked = 0;
    for number in 0..60 {
        if number % 13 == 0 {
            snapshot = saved(&original);
            journal.clear();
        }
        // Bit for bit, and going on from there gives the same rewards.
        let mut copy = pipeline();
        copy.restore(original.state().clone());
        for (name, bytes) in &snapshot.1 {
            copy.restore_memory(name, bytes).unwrap();
        }
        for (name, bytes) in &journal {
            copy.apply_delta(name, bytes).unwrap();
        }
        assert_eq!(saved(&copy), saved(&original), "before step {number}");
        let answers = completions(number);
        let expected = step(&mut original, &answers).await.unwrap();
        let got = step(&mut copy, &answers).await.unwrap();
        assert_eq!(format!("{expected:?}"), format!("{got:?}"), "step {number}");
        masked += usize::from(expected.records[1].normalised[0] == 0.0);
        journal.extend(original.take_deltas());
    }
    assert!(masked > 10, "the overused phrase was masked {masked} times");
    assert_eq!(original.state().steps, 60);
}

#[tokio::test]
async fn a_step_that_fails_or_is_given_up_leaves_every_memory_as_it_was() {
    let mut disturbed = pipeline();
    let mut calm = pipeline();
    for number in 0..45 {
        let mut answers = completions(number + 100);
        answers[1].completion = ["fail", "hang"][number % 2].to_owned();
        let before = saved(&disturbed);
        let failed = tokio::time::timeout(Duration::from_millis(20), step(&mut disturbed, &answers)).await;
        assert!(!matches!(failed, Ok(Ok(_))));
        assert_eq!(saved(&disturbed), before);

        let answers = completions(number);
        let (one, other) = (
            step(&mut disturbed, &answers).await.unwrap(),
            step(&mut calm, &answers).await.unwrap(),
        );
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
    assert_eq!(saved(&disturbed), saved(&calm));
}

#[tokio::test]
async fn an_undefined_vector_earns_nothing_and_is_not_remembered() {
    let mut pipeline = pipeline();
    let answer = |text: &str| Response {
        status: 200,
        completion: text.to_owned(),
    };
    let outcome = step(&mut pipeline, &[answer("undefined")]).await.unwrap();
    assert_eq!(outcome.rewards, [0.0]);
    let outcome = step(&mut pipeline, &[answer("undefined"), answer("a b c"), answer("x y z")])
        .await
        .unwrap();
    assert_eq!(outcome.rewards[0], 0.0);
    assert!(outcome.rewards[1] > 0.0 && outcome.rewards[2] > 0.0);
    // Rows that are not finite would make the memory unreadable.
    for (name, bytes) in pipeline.memories() {
        pipeline.restore_memory(name, &bytes).unwrap();
    }
}

#[tokio::test]
async fn memories_that_cannot_be_used_are_refused_and_the_old_ones_stay() {
    let mut pipeline = pipeline();
    step(&mut pipeline, &completions(1)).await.unwrap();
    let before = saved(&pipeline);
    for (name, bytes) in pipeline.memories() {
        let mut damaged = bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(matches!(
            pipeline.restore_memory(name, &damaged),
            Err(MemoryError::Damaged(_))
        ));
        assert!(
            pipeline.apply_delta(name, &bytes).is_err(),
            "a whole memory is no delta"
        );
        pipeline.restore_memory("a mask that is switched off", &bytes).unwrap();
    }
    assert_eq!(saved(&pipeline), before);

    let other = NgramConfig {
        n_min: 4,
        ..NgramConfig::default()
    };
    let other = NgramBlacklist::new(tokenizer(), other).unwrap();
    let mut others = Pipeline::builder().reward(1.0, Length).mask(other).build().unwrap();
    let (_, ngrams) = &before.1[0];
    assert!(matches!(
        others.restore_memory("blacklist_filter", ngrams),
        Err(MemoryError::Foreign(_))
    ));
}

#[test]
fn a_state_of_the_first_version_is_read() {
    let old = r#"{"norms": {"dpo_reward_model": {"count": 9.0, "mean": -2.0, "var": 1.5}}}"#;
    let state: PipelineState = serde_json::from_str(old).unwrap();
    assert_eq!((state.version, state.steps), (1, 0));
    let mut pipeline = pipeline();
    pipeline.restore(state);
    assert_eq!(pipeline.state().version, PipelineState::VERSION);
    assert_eq!(pipeline.state().norms["dpo_reward_model"].mean, -2.0);
}

#[test]
fn a_task_reads_back_from_a_record_with_criteria_that_judge_the_same() {
    let task = Task::new(
        "followup2",
        "a {text}",
        vec![
            Criterion::length(LengthUnit::Characters, 40, 0.25),
            Criterion::content(ContentMatch::StartsWith, &["what", "how"], false, 0.25),
            Criterion::content_saying(ContentMatch::Includes, &["?"], true, 0.1, "No questions."),
            Criterion::layout(Layout::Bullets, 0.5),
        ],
    )
    .after(vec!["an earlier answer".into()]);
    let text = serde_json::to_string(&task).unwrap();
    let back: Task = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!(format!("{back:?}"), format!("{task:?}"));
    for completion in ["What is this?", "- a\n- b", ""] {
        for (one, other) in task.criteria.iter().zip(&back.criteria) {
            assert_eq!(one.penalty(completion), other.penalty(completion));
            assert_eq!(one.to_string(), other.to_string());
        }
    }
}
