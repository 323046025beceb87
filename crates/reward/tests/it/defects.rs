//! Defects of the network's first programs that this crate must not have. All of them, with the tests of other crates, are in
//! `docs/defects.md`.

use std::collections::BTreeSet;
use std::path::Path;
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

/// The table of `docs/defects.md` has a line for each defect, and each test it names is there.
#[test]
fn every_defect_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/defects.md")).unwrap();
    let mut numbers = BTreeSet::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, shown] = cells[..] else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        assert!(numbers.insert(number), "{number} is there twice");
        // A file and, right behind it, a function.
        let quoted: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        let tests = quoted.windows(2).filter(|pair| pair[0].ends_with(".rs"));
        let mut found = 0;
        for pair in tests {
            let (file, function) = (pair[0], pair[1]);
            let source =
                std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{number}: {file}: {error}"));
            let place = source.find(&format!("fn {function}("));
            let place = place.unwrap_or_else(|| panic!("{number}: {file} has no {function}"));
            let before = &source[..place];
            let attribute = before.rfind("#[").map(|at| &before[at..]);
            assert!(
                attribute.is_some_and(|it| it.starts_with("#[test]") || it.starts_with("#[tokio::test")),
                "{number}: {function} is no test"
            );
            found += 1;
        }
        assert!(
            found > 0 || shown.contains("cannot occur"),
            "{number}: no test is named"
        );
    }
    assert!(numbers.into_iter().eq(1..=34), "one line for each of the 34");
}
