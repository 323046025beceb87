//! What holds for every architecture: neighbours do not matter, long inputs follow their rule, errors say what is wrong.

use axoneme_scoring::{DeviceChoice, Head, Input, LongInputs, Pooling, Scoring, ScoringConfig, ScoringError};

use crate::support::{bits, embed, folder, model, scoring};

const CLASSIFIERS: [&str; 7] = [
    "bert-sequence-classification",
    "roberta-sequence-classification",
    "distilbert-sequence-classification",
    "modernbert-sequence-classification",
    "deberta-v2-sequence-classification",
    "gptj-sequence-classification",
    "qwen3-sequence-classification",
];
const ENCODERS: [&str; 3] = ["bert-mean-pooling", "mpnet-mean-pooling", "gpt-neo-last-token"];

/// Texts of many lengths, all different.
fn texts(count: usize) -> Vec<Input> {
    let words = [
        "the", "capital", "of", "texas", "is", "austin", "dogs", "run", "very", "fast", "at", "night",
    ];
    let text = |number: usize| {
        let length = 1 + number * 7 % 11;
        let words: Vec<&str> = (0..length)
            .map(|word| words[(number * 5 + word * 3) % words.len()])
            .collect();
        Input::Text(format!("{} {number}", words.join(" ")))
    };
    (0..count).map(text).collect()
}

fn service(threads: usize, batch_tokens: usize) -> Scoring {
    let config = ScoringConfig {
        device: DeviceChoice::Cpu,
        threads,
        batch_tokens,
        ..ScoringConfig::default()
    };
    Scoring::start(config).unwrap()
}

async fn ask(scoring: &Scoring, name: &str, head: Head, inputs: Vec<Input>) -> Vec<Vec<f32>> {
    let model = scoring.load(&folder(name), head).await.unwrap();
    match head {
        Head::Classify => model.logits(inputs).await.unwrap(),
        Head::Values => model.values(inputs).await.unwrap(),
        _ => model.embed(inputs).await.unwrap(),
    }
}

#[tokio::test]
async fn a_result_is_the_same_bit_for_bit_alone_in_a_batch_and_on_more_threads() {
    let all = CLASSIFIERS
        .iter()
        .map(|name| (*name, Head::Classify))
        .chain(ENCODERS.iter().map(|name| (*name, embed(Pooling::Mean, true))))
        .chain([("gptj-value-head", Head::Values)]);
    // The second runs groups side by side, the third one text at a time.
    let services = [service(1, 1 << 20), service(3, 1 << 20), service(2, 1)];
    for (name, head) in all {
        for count in [32, 200] {
            let together = bits(&ask(&services[0], name, head, texts(count)).await);
            for service in &services[1..] {
                assert_eq!(bits(&ask(service, name, head, texts(count)).await), together, "{name}");
            }
        }
        let together = bits(&ask(&services[0], name, head, texts(32)).await);
        for (text, expected) in texts(32).into_iter().zip(&together) {
            let alone = bits(&ask(&services[1], name, head, vec![text]).await);
            assert_eq!(&alone[0], expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_long_text_is_cut_and_keeps_its_last_special_token() {
    for name in [
        "bert-sequence-classification",
        "roberta-sequence-classification",
        "modernbert-sequence-classification",
    ] {
        let model = model(name, Head::Classify).await;
        let long = "dogs run very fast ".repeat(400);
        let cut = model.logits(vec![Input::Text(long.clone())]).await.unwrap();
        let mut ids = model
            .tokenizer()
            .encode(long.as_str(), true)
            .unwrap()
            .get_ids()
            .to_vec();
        let last = *ids.last().unwrap();
        ids.truncate(model.max_tokens() - 1);
        ids.push(last);
        assert_eq!(cut, model.logits(vec![Input::Ids(ids)]).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_long_text_is_refused_where_a_cut_would_mean_nothing() {
    let values = model("gptj-value-head", Head::Values).await;
    let long = Input::Ids(vec![5; 129]);
    let error = values
        .values(vec![Input::Ids(vec![5; 128]), long.clone()])
        .await
        .unwrap_err();
    assert!(
        matches!(error, ScoringError::TooLong { index: 1, limit: 128 }),
        "{error}"
    );
    let cut = values
        .with_long_inputs(LongInputs::Truncate)
        .values(vec![long])
        .await
        .unwrap();
    assert_eq!(cut[0].len(), 128);
    let classifier = model("bert-sequence-classification", Head::Classify)
        .await
        .with_long_inputs(LongInputs::Refuse);
    let error = classifier
        .logits(vec!["dogs run ".repeat(99).into()])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("more than the 64 tokens"), "{error}");
}

#[tokio::test]
async fn a_long_text_in_windows_is_the_mean_of_its_windows() {
    let service = scoring();
    let head = Head::Embed {
        pooling: Pooling::Mean,
        normalise: false,
        windows: true,
    };
    let windows = service.load(&folder("bert-mean-pooling"), head).await.unwrap();
    let unit = service
        .load(&folder("bert-mean-pooling"), embed(Pooling::Mean, true))
        .await
        .unwrap();
    let text = "the capital of texas is austin and dogs run very fast at night ".repeat(9);
    let ids = windows
        .tokenizer()
        .encode(text.as_str(), false)
        .unwrap()
        .get_ids()
        .to_vec();
    let (cls, sep) = (2, 3);
    let parts: Vec<Input> = ids
        .chunks(windows.max_tokens() - 2)
        .map(|part| Input::Ids([&[cls], part, &[sep]].concat()))
        .collect();
    assert!(parts.len() >= 2);
    let parts = unit.embed(parts).await.unwrap();
    let whole = windows.embed(vec![text.into()]).await.unwrap().remove(0);
    for (index, number) in whole.iter().enumerate() {
        let mean = parts.iter().map(|part| part[index]).sum::<f32>() / parts.len() as f32;
        assert!((number - mean).abs() < 1e-6);
    }
    let short: Input = "what is the capital?".into();
    assert_eq!(
        windows.embed(vec![short.clone()]).await.unwrap(),
        unit.embed(vec![short]).await.unwrap()
    );
}

#[tokio::test]
async fn a_model_asked_for_what_it_has_not_says_so() {
    let service = scoring();
    for (name, head, parts) in [
        (
            "bert-mean-pooling",
            Head::Classify,
            ["without a classifier", "classifier.weight"],
        ),
        ("bert-mean-pooling", Head::Values, ["value per token", "v_head.weight"]),
        ("gptj-value-head", Head::Classify, ["classification", "score.weight"]),
        (
            "bert-mean-pooling",
            Head::LogProb,
            ["bert-mean-pooling", "not supported"],
        ),
    ] {
        let error = service
            .load(&folder(name), head)
            .await
            .map(|_| ())
            .unwrap_err()
            .to_string();
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
    }
    let classifier = model("bert-sequence-classification", Head::Classify).await;
    let error = classifier.embed(vec!["a".into()]).await.unwrap_err();
    assert!(
        error.to_string().contains("it was loaded for classification"),
        "{error}"
    );
}

/// A copy of a model whose `config.json` is changed.
fn altered(name: &str, change: impl FnOnce(&mut serde_json::Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(folder(name).join(file), copy.path().join(file)).unwrap();
    }
    let path = copy.path().join("config.json");
    let mut config = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    copy
}

async fn refusal(name: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let copy = altered(name, change);
    let error = scoring()
        .load(copy.path(), Head::Classify)
        .await
        .map(|_| ())
        .unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn errors_name_the_field_the_tensor_or_the_file() {
    let name = "bert-sequence-classification";
    let error = refusal(name, |config| config["model_type"] = "rwkv".into()).await;
    assert!(
        error.contains("model_type") && error.contains("rwkv") && error.contains("deberta-v2"),
        "{error}"
    );
    let error = refusal(name, |config| config["hidden_act"] = "mish".into()).await;
    assert!(error.contains("hidden_act") && error.contains("mish"), "{error}");
    let error = refusal(name, |config| config["num_attention_heads"] = 5.into()).await;
    assert!(error.contains("num_attention_heads"), "{error}");
    let error = refusal(name, |config| config["num_hidden_layers"] = 3.into()).await;
    assert!(
        error.contains("no tensor bert.encoder.layer.2.attention.self.query.weight"),
        "{error}"
    );
    let error = refusal(name, |config| config["intermediate_size"] = 60.into()).await;
    assert!(error.contains("[64, 32]") && error.contains("[60, 32]"), "{error}");
    let error = refusal(name, |config| config["position_embedding_type"] = "relative_key".into()).await;
    assert!(error.contains("position_embedding_type"), "{error}");
    let error = refusal("deberta-v2-sequence-classification", |config| {
        config["conv_kernel_size"] = 3.into()
    })
    .await;
    assert!(error.contains("conv_kernel_size"), "{error}");

    let copy = altered(name, |_| {});
    std::fs::write(copy.path().join("model.safetensors"), b"torn").unwrap();
    let error = scoring()
        .load(copy.path(), Head::Classify)
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, ScoringError::Damaged { .. }), "{error}");
    let error = scoring()
        .load(&copy.path().join("gone"), Head::Classify)
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
}

#[tokio::test]
async fn both_ways_of_writing_rotations_are_read() {
    let qwen3 = altered("qwen3-sequence-classification", |config| {
        let base = config.as_object_mut().unwrap().remove("rope_theta").unwrap();
        assert_eq!(base, 1_000_000.0);
        config["rope_parameters"] = serde_json::json!({"rope_type": "default", "rope_theta": base});
    });
    let modernbert = altered("modernbert-sequence-classification", |config| {
        let fields = config.as_object_mut().unwrap();
        let mut take = |field: &str| fields.remove(field).unwrap();
        let (global, local) = (take("global_rope_theta"), take("local_rope_theta"));
        take("global_attn_every_n_layers");
        config["layer_types"] = serde_json::json!([
            "full_attention",
            "sliding_attention",
            "sliding_attention",
            "full_attention"
        ]);
        config["rope_parameters"] = serde_json::json!({
            "full_attention": {"rope_type": "default", "rope_theta": global},
            "sliding_attention": {"rope_type": "default", "rope_theta": local},
        });
    });
    let service = scoring();
    for (name, copy) in [
        ("qwen3-sequence-classification", qwen3),
        ("modernbert-sequence-classification", modernbert),
    ] {
        let expected = ask(&service, name, Head::Classify, texts(5)).await;
        let model = service.load(copy.path(), Head::Classify).await.unwrap();
        assert_eq!(model.logits(texts(5)).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn tokens_the_model_does_not_have_and_empty_inputs_are_errors() {
    let model = model("gptj-sequence-classification", Head::Classify).await;
    let error = model
        .logits(vec!["a".into(), Input::Ids(vec![1, 4000])])
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("input 1") && error.to_string().contains("4000"),
        "{error}"
    );
    let error = model.logits(vec!["".into()]).await.unwrap_err();
    assert!(error.to_string().contains("no tokens"), "{error}");
    assert!(model.logits(Vec::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn half_precision_weights_are_read_as_f32() {
    use std::collections::HashMap;

    let copy = altered("roberta-sequence-classification", |_| {});
    let path = copy.path().join("model.safetensors");
    let plain = ask(&scoring(), "roberta-sequence-classification", Head::Classify, texts(8)).await;
    for (kind, tolerance) in [(candle_core::DType::F16, 5e-3), (candle_core::DType::BF16, 4e-2)] {
        let tensors = candle_core::safetensors::load(
            folder("roberta-sequence-classification").join("model.safetensors"),
            &candle_core::Device::Cpu,
        );
        let half: HashMap<String, candle_core::Tensor> = tensors
            .unwrap()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.to_dtype(kind).unwrap()))
            .collect();
        candle_core::safetensors::save(&half, &path).unwrap();
        let model = scoring().load(copy.path(), Head::Classify).await.unwrap();
        for (found, expected) in model.logits(texts(8)).await.unwrap().iter().zip(&plain) {
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < tolerance && found != expected,
                    "{kind:?}: {found}, {expected}"
                );
            }
        }
    }
}
