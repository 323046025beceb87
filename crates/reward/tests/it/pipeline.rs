use std::collections::HashMap;

use async_trait::async_trait;
use axoneme_reward::penalties::{KeywordMatch, Patterns, SentenceMatch, TaskValidation};
use axoneme_reward::pipeline::PipelineState;
use axoneme_reward::task::{Criterion, LengthUnit};
use axoneme_reward::{Extra, Judged, Mask, Pipeline, Response, RewardError, RewardFunction, RunningNorm, Scores, Task};
use serde_json::Value;

use crate::support::{all_close, list, number, numbers, text, texts, vectors};

/// Rewards, masks and extra values looked up by completion.
struct Table {
    name: &'static str,
    raw: HashMap<String, f64>,
    extras: Vec<(&'static str, HashMap<String, Value>)>,
}

impl Table {
    fn new(name: &'static str, table: &Value) -> Self {
        let raw = table
            .as_object()
            .unwrap()
            .iter()
            .map(|(text, value)| (text.clone(), number(value)))
            .collect();
        Self {
            name,
            raw,
            extras: vec![],
        }
    }

    fn raw(&self, completions: &[String]) -> Vec<f64> {
        completions.iter().map(|completion| self.raw[completion]).collect()
    }
}

#[async_trait]
impl RewardFunction for Table {
    fn name(&self) -> &'static str {
        self.name
    }
    async fn score(&self, _: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        let value = |table: &HashMap<String, Value>, text: &String| table.get(text).cloned().unwrap_or(Value::Null);
        let extras = self.extras.iter().map(|(name, table)| Extra {
            name,
            values: completions.iter().map(|text| value(table, text)).collect(),
        });
        Ok(Scores {
            raw: self.raw(completions),
            extras: extras.collect(),
        })
    }
}

#[async_trait]
impl Mask for Table {
    fn name(&self) -> &'static str {
        self.name
    }
    async fn judge(&self, _: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        let raw = self.raw(completions);
        Ok(Judged {
            factor: raw.clone(),
            raw,
            extras: vec![],
        })
    }
}

fn same(got: &Value, expected: &Value, what: &str) {
    match expected {
        Value::Array(expected) => {
            let got = list(got);
            assert_eq!(got.len(), expected.len(), "{what}");
            got.iter()
                .zip(expected)
                .for_each(|(got, expected)| same(got, expected, what));
        }
        Value::Number(expected) => {
            assert!(
                (number(got) - expected.as_f64().unwrap()).abs() < 1e-5,
                "{what}: {got} instead of {expected}"
            );
        }
        expected => assert_eq!(got, expected, "{what}"),
    }
}

fn responses(value: &Value) -> Vec<Response> {
    let one = |value: &Value| Response {
        status: value["status_code"].as_u64().unwrap_or(0) as u16,
        completion: text(&value["completion"]).to_owned(),
    };
    list(value).iter().map(one).collect()
}

#[tokio::test]
async fn one_function_is_applied_as_in_the_network() {
    for case in list(&vectors("reward_normalization")["apply"]) {
        let name = text(&case["name"]);
        let mut table = Table {
            name: "x_model",
            raw: HashMap::new(),
            extras: vec![],
        };
        for extra in ["score", "label"] {
            table.extras.push((extra, HashMap::new()));
        }
        for (completion, row) in case["table"].as_object().unwrap() {
            table.raw.insert(completion.clone(), number(&row["reward"]));
            for (extra, values) in &mut table.extras {
                values.insert(completion.clone(), row[*extra].clone());
            }
        }
        let undefined = table.raw.values().any(|raw| !raw.is_finite());
        let mut pipeline = Pipeline::builder().reward(1.0, table).build().unwrap();
        let outcome = pipeline
            .judge(&Task::new("answer0", "", vec![]), &responses(&case["responses"]))
            .await
            .unwrap();
        if undefined {
            continue; // left out of the statistics here; the network's first validators gave everybody 0
        }
        all_close(&outcome.rewards, &numbers(&case["returned"]), name);
        let fields = outcome.fields();
        for (field, expected) in case["event"].as_object().unwrap() {
            if !field.ends_with("_normalized_reward") {
                same(&fields[field], expected, &format!("{name}: {field}"));
            }
        }
    }
}

#[tokio::test]
async fn three_whole_steps_give_the_rewards_and_fields_of_the_network() {
    let file = vectors("step");
    let setup = &file["setup"];
    let mut pipeline = Pipeline::builder()
        .reward(
            0.6,
            Table::new("dpo_reward_model", &setup["raw_rewards"]["dpo_reward_model"]),
        )
        .reward(
            0.0,
            Table::new("rlhf_reward_model", &setup["raw_rewards"]["dpo_reward_model"]),
        )
        .reward(
            0.4,
            Table::new(
                "reciprocate_reward_model",
                &setup["raw_rewards"]["reciprocate_reward_model"],
            ),
        )
        .mask(Table::new("relevance_filter", &setup["masks"]["relevance_filter"]))
        .mask(Table::new("nsfw_filter", &setup["masks"]["nsfw_filter"]))
        .penalty(TaskValidation::new(TaskValidation::DEFAULT_MAX))
        .penalty(SentenceMatch::new(SentenceMatch::DEFAULT_MAX, Patterns::Reference))
        .penalty(KeywordMatch::new(KeywordMatch::DEFAULT_MAX, Patterns::Reference))
        .build()
        .unwrap();
    for step in list(&file["steps"]) {
        let event = step["event"].as_object().unwrap();
        let statuses = texts(&event["completion_status_codes"]);
        let completions = texts(&event["completions"]);
        let answers: Vec<Response> = completions
            .into_iter()
            .zip(statuses)
            .map(|(completion, status)| Response {
                status: status.parse().unwrap(),
                completion,
            })
            .collect();
        let task = Task::new("answer0", "", vec![Criterion::length(LengthUnit::Words, 2, 0.25)]);
        let outcome = pipeline.judge(&task, &answers).await.unwrap();
        all_close(&outcome.rewards, &numbers(&event["rewards"]), "rewards");
        let best = &answers[outcome.best().unwrap()];
        assert_eq!(best.completion.trim(), text(&event["best"]));
        for (field, got) in outcome.fields() {
            same(&got, &event[&field], &field);
        }
    }
}

#[tokio::test]
async fn a_step_that_fails_moves_no_statistics() {
    struct Failing;
    #[async_trait]
    impl Mask for Failing {
        fn name(&self) -> &'static str {
            "failing"
        }
        async fn judge(&self, _: &Task, _: &[String]) -> Result<Judged, RewardError> {
            Err(RewardError::Model {
                name: "failing",
                source: "gone".into(),
            })
        }
    }
    let table = Table {
        name: "x",
        raw: [("a".to_owned(), 3.0)].into(),
        extras: vec![],
    };
    let mut pipeline = Pipeline::builder().reward(1.0, table).mask(Failing).build().unwrap();
    let answers = [Response {
        status: 200,
        completion: "a".into(),
    }];
    assert!(
        pipeline
            .judge(&Task::new("answer0", "", vec![]), &answers)
            .await
            .is_err()
    );
    assert_eq!(pipeline.state(), &PipelineState::default());
}

#[test]
fn saved_statistics_come_back_and_senseless_ones_do_not() {
    let norm = RunningNorm {
        count: 9.0,
        mean: -2.0,
        var: 1.5,
    };
    let mut state = PipelineState::default();
    state.norms.insert("kept".into(), norm);
    state.norms.insert("broken".into(), RunningNorm { var: -1.0, ..norm });
    let text = serde_json::to_string(&state).unwrap();
    let table = Table {
        name: "kept",
        raw: HashMap::new(),
        extras: vec![],
    };
    let mut pipeline = Pipeline::builder().reward(1.0, table).build().unwrap();
    pipeline.restore(serde_json::from_str(&text).unwrap());
    assert_eq!(pipeline.state().norms.get("kept"), Some(&norm));
    assert_eq!(pipeline.state().norms.get("broken"), None);
}

#[tokio::test]
async fn no_answers_and_no_successful_answers_are_legal() {
    let table = Table {
        name: "x",
        raw: HashMap::new(),
        extras: vec![],
    };
    let mut pipeline = Pipeline::builder().reward(1.0, table).build().unwrap();
    let task = Task::new("answer0", "", vec![]);
    assert_eq!(pipeline.judge(&task, &[]).await.unwrap().best(), None);
    let outcome = pipeline
        .judge(
            &task,
            &[Response {
                status: 408,
                completion: "late".into(),
            }],
        )
        .await
        .unwrap();
    assert_eq!(outcome.rewards, [0.0]);
    assert!(!outcome.any_positive());
}

#[test]
fn a_pipeline_whose_weights_do_not_sum_to_one_is_refused() {
    let table = || Table {
        name: "x",
        raw: HashMap::new(),
        extras: vec![],
    };
    assert!(Pipeline::builder().reward(0.5, table()).build().is_err());
    assert!(Pipeline::builder().build().is_err());
}
