use std::collections::HashMap;
use std::sync::Arc;

use axoneme_reward::masks::nsfw::NsfwRuleError;
use axoneme_reward::masks::{MessageFilter, Nsfw, NsfwRule};
use axoneme_reward::{Mask, ModelInput, Task};
use serde_json::Value;

use crate::support::{Ruled, close, floats, list, number, numbers, text, vectors};

/// A classifier that gives each chunk, told by its first character, the logits of the vector file.
fn classifier(case: &Value) -> Arc<Ruled<impl Fn(&ModelInput) -> Vec<f32> + Send + Sync + use<>>> {
    let logits: HashMap<u32, Vec<f32>> = list(&case["chunk_logits"])
        .iter()
        .enumerate()
        .map(|(chunk, logits)| ('a' as u32 + chunk as u32, floats(logits)))
        .collect();
    Arc::new(Ruled::new(move |input: &ModelInput| match input {
        ModelInput::Ids(ids) => logits[&ids[0]].clone(),
        _ => vec![],
    }))
}

/// A text of so many tokens whose chunks of 512 begin with `a`, `b`, ...
fn text_of(count: usize) -> String {
    let letter = |place: usize| char::from(b'a' + (place / 512) as u8);
    (0..count).map(letter).collect()
}

#[tokio::test]
async fn the_worst_chunk_decides_as_in_the_network() {
    for case in list(&vectors("nsfw")["cases"]) {
        let name = text(&case["name"]);
        let count = number(&case["token_count"]) as usize;
        let model = classifier(case);
        let mask = Nsfw::new(model.clone(), &NsfwRule::Reference).unwrap();
        let judged = mask
            .judge(&Task::new("augment", "", vec![]), &[text_of(count)])
            .await
            .unwrap();
        close(judged.factor[0], number(&case["reward"]), name);
        close(
            judged.extras[0].values[0].as_f64().unwrap(),
            number(&case["score"]),
            name,
        );
        let sizes: Vec<f64> = model
            .asked
            .lock()
            .iter()
            .map(|input| match input {
                ModelInput::Ids(ids) => ids.len() as f64,
                _ => -1.0,
            })
            .collect();
        assert_eq!(sizes, numbers(&case["chunk_sizes"]), "{name}");
    }
}

#[tokio::test]
async fn messages_are_filtered_as_by_the_core_validator() {
    for case in list(&vectors("core_validator")["message_filter"]) {
        let model = classifier(case);
        let filter = MessageFilter::new(model.clone(), &NsfwRule::Reference).unwrap();
        let flagged = filter
            .flags(&text_of(number(&case["token_count"]) as usize))
            .await
            .unwrap();
        // The network fails on an empty message; here it passes.
        assert_eq!(flagged, case["filtered"].as_bool().unwrap_or(false), "{case}");
        assert_eq!(
            model.asked.lock().len(),
            list(&case["chunks_evaluated"]).len(),
            "{case}"
        );
    }
}

fn labelled(labels: &[&str]) -> Arc<Ruled<impl Fn(&ModelInput) -> Vec<f32> + Send + Sync + use<>>> {
    let mut model = Ruled::new(|input: &ModelInput| match input {
        ModelInput::Ids(ids) if ids.contains(&('!' as u32)) => vec![0.0, f32::NAN],
        ModelInput::Ids(ids) if ids.contains(&('x' as u32)) => vec![-1.0, 1.0],
        _ => vec![1.0, -1.0],
    });
    model.labels = labels.iter().map(|label| (*label).to_owned()).collect();
    model.most = Some(4);
    Arc::new(model)
}

#[tokio::test]
async fn a_classifier_of_another_make_is_read_by_its_label() {
    let rule = |label: &str, threshold| NsfwRule::Label {
        label: label.to_owned(),
        threshold,
    };
    let model = labelled(&["safe", "nsfw"]);
    let texts = ["good", "abcdx", "", "a!", &"good".repeat(33)].map(String::from);
    let task = Task::new("augment", "", vec![]);
    for label in ["nsfw", "NSFW", "1"] {
        let judged = Nsfw::new(model.clone(), &rule(label, 0.5))
            .unwrap()
            .judge(&task, &texts)
            .await
            .unwrap();
        assert_eq!(
            judged.factor,
            [1.0, 0.0, 1.0, 0.0, 0.0],
            "what cannot be judged does not pass"
        );
        close(
            judged.extras[0].values[1].as_f64().unwrap(),
            1.0 / (1.0 + (-2.0f64).exp()),
            "softmax",
        );
    }
    let lenient = Nsfw::new(model.clone(), &rule("nsfw", 0.9))
        .unwrap()
        .judge(&task, &texts[..2])
        .await
        .unwrap();
    assert_eq!(lenient.factor, [1.0, 1.0]);
    let filter = MessageFilter::new(model.clone(), &rule("nsfw", 0.5)).unwrap();
    assert!(filter.flags("x").await.unwrap() && !filter.flags("good").await.unwrap());
    assert!(matches!(
        Nsfw::new(model, &rule("hate", 0.5)),
        Err(NsfwRuleError::Label { .. })
    ));
    assert!(matches!(
        Nsfw::new(labelled(&["a", "b", "c"]), &NsfwRule::Reference),
        Err(NsfwRuleError::NotTwo(3))
    ));
}
