use axoneme_reward::penalties::{KeywordMatch, Patterns, SentenceMatch, TaskValidation};
use axoneme_reward::task::{ContentMatch, Criterion, Layout, LengthUnit};
use axoneme_reward::{Penalty, Pipeline, Response, RewardFunction, Scores, Task};

use crate::support::{all_close, close, list, number, numbers, text, texts, vectors};

#[test]
fn lengths_and_their_penalties_are_those_of_the_network() {
    let file = vectors("penalties");
    let samples = texts(&file["length_texts"]);
    for case in list(&file["length"]) {
        let unit = match text(&case["unit"]) {
            "words" => LengthUnit::Words,
            "sentences" => LengthUnit::Sentences,
            "characters" => LengthUnit::Characters,
            _ => LengthUnit::Paragraphs,
        };
        let criterion = Criterion::length(
            unit,
            case["target"].as_u64().unwrap() as usize,
            number(&case["penalty"]),
        );
        for result in list(&case["results"]) {
            let sample = &samples[result["text_index"].as_u64().unwrap() as usize];
            assert_eq!(
                unit.count(sample) as u64,
                result["length"].as_u64().unwrap(),
                "{unit:?} of {sample:?}"
            );
            close(criterion.penalty(sample), number(&result["penalty"]), sample);
        }
    }
}

#[test]
fn content_criteria_are_those_of_the_network() {
    for case in list(&vectors("penalties")["content"]) {
        let place = match text(&case["match_type"]) {
            "starts with" => ContentMatch::StartsWith,
            "ends with" => ContentMatch::EndsWith,
            _ => ContentMatch::Includes,
        };
        let words = texts(&case["words"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let criterion = Criterion::content(
            place,
            &words,
            case["negate"].as_bool().unwrap(),
            number(&case["penalty"]),
        );
        for result in list(&case["results"]) {
            let completion = text(&result["completion"]);
            close(criterion.penalty(completion), number(&result["penalty"]), completion);
        }
    }
}

#[test]
fn layout_criteria_are_those_of_the_network() {
    let layout = &vectors("penalties")["layout"];
    for (kind, field) in [
        (Layout::Plain, "simple"),
        (Layout::Bullets, "unordered"),
        (Layout::Numbers, "numbered"),
    ] {
        let criterion = Criterion::layout(kind, 0.5);
        for (sample, expected) in texts(&layout["samples"]).iter().zip(numbers(&layout[field])) {
            close(criterion.penalty(sample), expected, &format!("{kind:?} of {sample:?}"));
        }
    }
}

#[tokio::test]
async fn keyword_penalties_are_those_of_the_network() {
    let file = vectors("penalties");
    let completions = texts(&file["keyword_completions"]);
    let penalty = KeywordMatch::new(1.0, Patterns::Reference);
    for case in list(&file["keyword"]) {
        let task = Task::new(text(&case["task_name"]), "", vec![]);
        let got = penalty.raw(&task, &completions).await.unwrap();
        assert_eq!(got, numbers(&case["penalties"]), "{}", case["task_name"]);
    }
}

#[tokio::test]
async fn the_repaired_keywords_leave_ordinary_words_alone_and_find_the_answer_heading() {
    let penalty = KeywordMatch::new(1.0, Patterns::Repaired);
    let completions = ["data: 1", "a: x", "## ANSWER 1:"].map(String::from);
    let got = penalty
        .raw(&Task::new("followup0", "", vec![]), &completions)
        .await
        .unwrap();
    assert_eq!(got, [0.0, 1.0, 1.0]);
}

#[tokio::test]
async fn sentence_penalties_are_those_of_the_network() {
    let file = vectors("penalties");
    let penalty = SentenceMatch::new(number(&file["content_match_max"]), Patterns::Reference);
    for case in list(&file["content_match"]) {
        let got = penalty
            .raw(&Task::new("answer0", "", vec![]), &[text(&case["completion"]).into()])
            .await
            .unwrap();
        close(got[0], number(&case["raw"]), text(&case["completion"]));
    }
}

/// The criteria that the names of the vector file's cases describe.
fn criteria(name: &str) -> Vec<Criterion> {
    match name {
        "question: starts, ends, 10 words" => vec![
            Criterion::content(ContentMatch::StartsWith, &["what", "how", "who"], false, 0.25),
            Criterion::content(ContentMatch::EndsWith, &["?"], false, 0.25),
            Criterion::length(LengthUnit::Words, 10, 0.25),
        ],
        "summary: bullets 0.5 and 9 sentences 0.25" => {
            vec![
                Criterion::layout(Layout::Bullets, 0.5),
                Criterion::length(LengthUnit::Sentences, 9, 0.25),
            ]
        }
        "no criteria" => vec![],
        "cap by max penalty 0.1" => vec![Criterion::layout(Layout::Bullets, 0.5)],
        "sum above one is clipped to one first" => {
            vec![
                Criterion::layout(Layout::Bullets, 0.9),
                Criterion::layout(Layout::Numbers, 0.9),
            ]
        }
        other => panic!("a case nobody described: {other}"),
    }
}

struct One;

#[async_trait::async_trait]
impl RewardFunction for One {
    fn name(&self) -> &'static str {
        "one"
    }
    async fn score(&self, _: &Task, completions: &[String]) -> Result<Scores, axoneme_reward::RewardError> {
        Ok(Scores {
            raw: vec![1.0; completions.len()],
            extras: vec![],
        })
    }
}

#[tokio::test]
async fn task_validation_is_summed_clipped_and_applied_as_in_the_network() {
    for case in list(&vectors("penalties")["task_validation"]) {
        let task = Task::new("answer0", "", criteria(text(&case["name"])));
        let completions = texts(&case["completions"]);
        let mut pipeline = Pipeline::builder()
            .reward(1.0, One)
            .penalty(TaskValidation::new(number(&case["max_penalty"])))
            .build()
            .unwrap();
        let responses: Vec<Response> = completions
            .into_iter()
            .map(|completion| Response {
                status: 200,
                completion,
            })
            .collect();
        let outcome = pipeline.judge(&task, &responses).await.unwrap();
        let fields = outcome.fields();
        for part in ["raw", "adjusted", "applied"] {
            let got = numbers(&fields[&format!("task_validation_penalty_{part}")]);
            all_close(&got, &numbers(&case[part]), &format!("{} {part}", case["name"]));
        }
        let halves: Vec<f64> = numbers(&case["applied"]).iter().map(|applied| 0.5 * applied).collect();
        all_close(&outcome.rewards, &halves, "a constant reward normalises to one half");
    }
}
