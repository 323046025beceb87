//! The catalogue of what the network's first programs do wrong and this crate must not.
//!
//! | no | what they do | where it is shown that we do not |
//! | --- | --- | --- |
//! | 3 | a mask switched off masks everything | [`a_pipeline_without_masks_lets_everything_through`] |
//! | 4 | one lone answer makes the variance undefined for good | [`a_lone_answer_does_not_spoil_the_statistics`] |
//! | 5 | one undefined reward silences a function for good | [`an_undefined_reward_costs_only_its_own_answer`] |
//! | 6 | dahoas scores single characters, then fails | `functions::dahoas_is_the_score_of_text_and_completion_less_that_of_the_completion` |
//! | 7 | words deleted from texts before scoring, in random order | `prompt_based::tags_are_taken_out_of_the_texts_and_words_stay` |
//! | 8 | the prompt reward never matches numbered names | `prompt_based::numbered_tasks_are_marked_by_the_prompt_of_their_kind` |
//! | 9 | a lone answer has diversity 0 | [`a_lone_answer_can_earn_something`] |
//! | 10 | two patterns glued together | [`the_glued_patterns_come_apart_in_the_repaired_edition`] |
//! | 11 | a heading's pattern finds only a piece of source text | `penalties::the_repaired_keywords_leave_ordinary_words_alone_and_find_the_answer_heading` |
//! | 12 | gating gradients are never cleared | `axoneme-gating`: `training_is_that_of_the_network_with_gradients_cleared_before_each_step` |
//!
//! 16 to 19 are the core validator's loop; what belongs to judging of its message filter is in
//! `nsfw::messages_are_filtered_as_by_the_core_validator`. The reward weights' exact comparison with one is in
//! `normalise::weights_are_accepted_when_they_sum_to_one_within_the_tolerance`. The remaining numbers are about the
//! neurons, not about judging: 1, 2, 13 to 15, 28, 34 the validator; 20 to 27, 29, 30 the miner and the axon; 31 the query
//! trait; 32 a mock there is none of, as the tests run over real sockets; 33 the configuration.

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_reward::masks::{Diversity, DiversityConfig};
use axoneme_reward::penalties::{Patterns, SentenceMatch};
use axoneme_reward::{Penalty, Pipeline, Response, RewardError, RewardFunction, Scores, Task};

use crate::support::Given;

/// A reward that reads the number in the completion.
struct Number;

#[async_trait]
impl RewardFunction for Number {
    fn name(&self) -> &'static str {
        "number"
    }
    async fn score(&self, _: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        Ok(Scores {
            raw: completions
                .iter()
                .map(|text| text.parse().unwrap_or(f64::NAN))
                .collect(),
            extras: vec![],
        })
    }
}

async fn judge(pipeline: &mut Pipeline, completions: &[&str]) -> Vec<f64> {
    let answer = |completion: &&str| Response {
        status: 200,
        completion: (*completion).to_owned(),
    };
    let answers: Vec<Response> = completions.iter().map(answer).collect();
    let task = Task::new("answer0", "", vec![]);
    pipeline.judge(&task, &answers).await.unwrap().rewards
}

#[tokio::test]
async fn a_pipeline_without_masks_lets_everything_through() {
    let mut pipeline = Pipeline::builder().reward(1.0, Number).build().unwrap();
    assert!(
        judge(&mut pipeline, &["1", "2"])
            .await
            .iter()
            .all(|reward| *reward > 0.0)
    );
    // A function of weight 0 is not asked at all: this one would have no number to give.
    let mut pipeline = Pipeline::builder()
        .reward(1.0, Number)
        .reward(0.0, Number)
        .build()
        .unwrap();
    assert_eq!(pipeline.names(), ["number"]);
    assert!(judge(&mut pipeline, &["1"]).await[0] > 0.0);
}

#[tokio::test]
async fn a_lone_answer_does_not_spoil_the_statistics() {
    let mut pipeline = Pipeline::builder().reward(1.0, Number).build().unwrap();
    assert_eq!(judge(&mut pipeline, &["3"]).await, [0.5]);
    let norm = pipeline.state().norms["number"];
    assert_eq!((norm.count, norm.mean, norm.var), (1.0, 3.0, 0.0));
    let rewards = judge(&mut pipeline, &["1", "5"]).await;
    assert!(rewards[0] < 0.5 && rewards[1] > 0.5);
}

#[tokio::test]
async fn an_undefined_reward_costs_only_its_own_answer() {
    let mut pipeline = Pipeline::builder().reward(1.0, Number).build().unwrap();
    for undefined in ["NaN", "inf", "-inf"] {
        let rewards = judge(&mut pipeline, &["1", undefined, "5"]).await;
        assert_eq!(rewards[1], 0.0);
        assert!(rewards[0] > 0.0 && rewards[2] > rewards[0]);
        assert!(pipeline.state().norms["number"].is_sound());
    }
    assert_eq!(pipeline.state().norms["number"].count, 6.0);
}

#[tokio::test]
async fn a_lone_answer_can_earn_something() {
    let given = Given([("7".to_owned(), vec![0.6, 0.8])].into());
    let diversity = Diversity::new(Arc::new(given), DiversityConfig::default());
    let mut pipeline = Pipeline::builder().reward(1.0, Number).mask(diversity).build().unwrap();
    assert_eq!(judge(&mut pipeline, &["7"]).await, [0.5]);
}

#[tokio::test]
async fn the_glued_patterns_come_apart_in_the_repaired_edition() {
    let task = Task::new("answer0", "", vec![]);
    let texts = [
        "task: write this",
        "I can help you with that",
        "task :i can help you with",
    ]
    .map(String::from);
    let reference = SentenceMatch::new(1.0, Patterns::Reference)
        .raw(&task, &texts)
        .await
        .unwrap();
    let repaired = SentenceMatch::new(1.0, Patterns::Repaired)
        .raw(&task, &texts)
        .await
        .unwrap();
    assert_eq!(reference, [0.0, 0.0, 0.1]);
    assert_eq!(repaired, [0.1, 0.1, 0.2]);
}
