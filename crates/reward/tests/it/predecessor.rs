//! The masks of the network's earlier validators.

use std::sync::Arc;

use axoneme_reward::masks::{Diversity, DiversityConfig, DiversityRule, PhraseBlacklist, TaskValidatorFilter};
use axoneme_reward::penalties::Patterns;
use axoneme_reward::{Mask, Task};

use crate::support::{Given, all_close, list, numbers, texts, vectors};

#[tokio::test]
async fn fixed_phrases_the_text_itself_and_earlier_best_answers_earn_nothing() {
    let task = Task::new("answer1", "the text", vec![]).after(vec!["the best question".into()]);
    let completions = [
        "That is an excellent question.",
        "the text",
        "the best question",
        "an answer",
    ]
    .map(String::from);
    let judged = PhraseBlacklist::default().judge(&task, &completions).await.unwrap();
    assert_eq!(judged.factor, [0.0, 0.0, 0.0, 1.0]);
}

#[tokio::test]
async fn labels_mask_as_the_keyword_penalty_punishes_except_for_headings() {
    let file = vectors("penalties");
    let completions = texts(&file["keyword_completions"]);
    let filter = TaskValidatorFilter::new(Patterns::Reference);
    assert_eq!(filter.name(), "task_validator_filter");
    for case in list(&file["keyword"]) {
        let task = Task::new(case["task_name"].as_str().unwrap(), "", vec![]);
        let factors = filter.judge(&task, &completions).await.unwrap().factor;
        for ((completion, factor), penalty) in completions.iter().zip(factors).zip(numbers(&case["penalties"])) {
            if !completion.contains('#') {
                assert_eq!(factor, 1.0 - penalty, "{}: {completion}", case["task_name"]);
            }
        }
    }
    let heading = ["# Summary Context:".to_owned()];
    let judged = filter.judge(&Task::new("augment", "", vec![]), &heading).await.unwrap();
    assert_eq!(judged.factor, [1.0]);
}

#[tokio::test]
async fn diversity_may_multiply_instead_of_mask() {
    let file = vectors("diversity");
    let case = &list(&file["batch_cases"])[1];
    let mut given = Given::default();
    let names: Vec<String> = (0..list(&case["embeddings"]).len())
        .map(|index| index.to_string())
        .collect();
    let rows = list(&case["embeddings"]).iter().map(crate::support::floats);
    given.0.extend(names.iter().cloned().zip(rows));
    let config = DiversityConfig {
        rule: DiversityRule::Product,
        ..DiversityConfig::default()
    };
    let mask = Diversity::new(Arc::new(given), config);
    let judged = mask.judge(&Task::new("answer0", "", vec![]), &names).await.unwrap();
    all_close(&judged.factor, &numbers(&case["batch"]), "product");
}
