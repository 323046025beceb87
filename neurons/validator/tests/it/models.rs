//! Models by configuration: every function on tiny models, one line of settings each, and what is said when one is missing.

use std::path::PathBuf;

use axoneme_llm::{ModelStore, SMOLLM2_135M};
use axoneme_neuron::ExitCode;
use axoneme_reward::{Response, Task};
use validator::{Host, ValidatorConfig, models, reward};

fn tiny(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../crates/scoring/tests/models")
        .join(name);
    folder.canonicalize().expect("a tiny model").display().to_string()
}

/// Every function switched on; the one that needs a language model that chats only where that one is on this machine.
pub fn everything() -> ValidatorConfig {
    let mut config = ValidatorConfig::default();
    config.neuron.device = "cpu".into();
    let reward = &mut config.reward;
    let chats = ModelStore::new(None).folder_of(&SMOLLM2_135M).exists();
    let share = if chats { 0.2 } else { 0.25 };
    reward.dpo_weight = share;
    reward.dpo_model = tiny("llama-logprob");
    reward.rlhf_weight = share;
    reward.rlhf_model = Some(tiny("deberta-v2-sequence-classification"));
    reward.reciprocate_weight = share;
    reward.reciprocate_model = Some(tiny("qwen3-sequence-classification"));
    reward.dahoas_weight = share;
    reward.dahoas_model = Some(tiny("gptj-value-head"));
    if chats {
        reward.prompt_based_weight = share;
        reward.prompt_based_model = Some("default".into());
    }
    reward.embedding_model = tiny("mpnet-mean-pooling");
    reward.relevance_distance_model = Some(tiny("bert-mean-pooling"));
    reward.relevance_distance_bound = -1.0;
    reward.relevance_bound = 0.0;
    // Models with random weights find most texts alike.
    reward.diversity_bound = 0.0;
    reward.nsfw_model = Some(tiny("roberta-sequence-classification"));
    reward.nsfw_label = "label_1".into();
    reward.nsfw_threshold = 0.9;
    reward.task_validator = true;
    config.blacklist.n_min = 4;
    config
}

fn answer(completion: &str) -> Response {
    Response {
        status: 200,
        completion: completion.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_judges_with_the_models_the_settings_name_and_the_same_each_time() {
    let config = everything();
    config.check().unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let parts = models::load(&config, &Host::default()).await.unwrap();
        let mut pipeline = reward::pipeline(&config, parts).unwrap();
        let expected = [
            "dpo_reward_model",
            "rlhf_reward_model",
            "reciprocate_reward_model",
            "dahoas_reward_model",
            "prompt_reward_model",
            "blacklist_filter",
            "echo_filter",
            "task_validator_filter",
            "relevance_filter",
            "diversity_reward_model",
            "nsfw_filter",
            "task_validation_penalty",
            "sentence_match_penalty",
            "keyword_match_penalty",
        ];
        let on = |name: &&str| *name != "prompt_reward_model" || config.reward.prompt_based_weight > 0.0;
        assert_eq!(pipeline.names(), expected.into_iter().filter(on).collect::<Vec<_>>());
        let answers = [
            answer("The capital of Texas is Austin."),
            answer("Dogs run very fast at night."),
            answer(""),
            Response {
                status: 408,
                completion: "late".into(),
            },
        ];
        let task = Task::new("answer0", "What is the capital of Texas?", vec![]);
        pipeline.observe(&answers).await.unwrap();
        let outcome = pipeline.judge(&task, &answers).await.unwrap();
        assert!(outcome.rewards[0] > 0.0, "{outcome:?}");
        assert_eq!(outcome.rewards[2..], [0.0, 0.0]);
        assert!(outcome.rewards.iter().all(|reward| reward.is_finite()));
        outcomes.push(format!("{outcome:?}"));
    }
    assert_eq!(outcomes[0], outcomes[1], "bit for bit");
}

#[tokio::test]
async fn a_missing_model_is_an_error_with_its_role_its_path_and_what_switches_it_off() {
    let nowhere = "/nowhere/such-a-model";
    let mut cases = Vec::new();
    let mut config = everything();
    config.reward.rlhf_model = Some(nowhere.into());
    cases.push((config, "rlhf reward", "--reward.rlhf_weight 0"));
    let mut config = everything();
    config.reward.nsfw_model = Some(nowhere.into());
    cases.push((config, "filter for unsafe text", "--neuron.nsfw_off"));
    let mut config = everything();
    config.reward.embedding_model = nowhere.into();
    cases.push((config, "embedding model", "--neuron.diversity_off"));
    let mut config = everything();
    config.reward.dpo_model = nowhere.into();
    cases.push((config, "dpo reward", "--reward.dpo_weight 0"));
    for (config, role, off) in cases {
        let Err(failure) = models::load(&config, &Host::default()).await else {
            panic!("{role}: there is no such model");
        };
        assert_eq!(failure.code, ExitCode::Model);
        for part in [role, nowhere, off] {
            assert!(failure.message.contains(part), "{part}: {}", failure.message);
        }
    }
    // What is switched off is not looked for.
    let mut config = everything();
    config.reward.nsfw_model = Some(nowhere.into());
    config.neuron.nsfw_off = true;
    models::load(&config, &Host::default()).await.unwrap();
}

#[tokio::test]
async fn the_gating_models_encoder_is_named_by_one_line() {
    let config = everything();
    let gpt = models::encoder(&config, &tiny("gpt-neo-last-token"), None)
        .await
        .unwrap()
        .unwrap();
    let path = PathBuf::from(tiny("gpt-neo-last-token")).join("io.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let expected = case["expected"]["last_token_state"].as_array().unwrap();
        let got = gpt.encode(case["text"].as_str().unwrap()).await.unwrap();
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (f64::from(*got) - expected.as_f64().unwrap()).abs() < 1e-4,
                "{}",
                case["text"]
            );
        }
    }
    let sentences = models::encoder(&config, &tiny("bert-mean-pooling"), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(sentences.encode("what is the capital").await.unwrap().len(), 32);
    assert!(models::encoder(&config, "default", None).await.unwrap().is_none());
    assert!(models::encoder(&config, "/nowhere", None).await.is_err());
}
