//! A validator with every reward function, mask, penalty and the gating model switched on, over real sockets: its weights
//! are on the chain, and its record is judged again by another process. Models that are too large for a test are tiny ones
//! of the same architecture.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::admin::{admin_of, metric, wait_until};
use crate::harness::{Running, Subnet, alone_with_models, run, succeed, word};

/// Weights may be set as soon as there are any.
pub const HASTY: &str = "
[[subnet]]
netuid = 1
started = true
[subnet.hyperparameters]
tempo = 10
weights_set_rate_limit = 0
commit_reveal_weights_enabled = false
";

/// A model of a few kilobytes, by its folder's name.
pub fn tiny(name: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scoring/tests/models");
    models
        .join(name)
        .canonicalize()
        .expect("a tiny model")
        .display()
        .to_string()
}

/// Everything on. What tiny models find is chance, so no mask's limit ends the pass.
fn settings() -> String {
    let [dpo, rlhf, reciprocate, dahoas] = [
        "llama-logprob",
        "deberta-v2-sequence-classification",
        "qwen3-sequence-classification",
        "gptj-value-head",
    ]
    .map(tiny);
    let [embedding, distance, nsfw, encoder] = [
        "mpnet-mean-pooling",
        "bert-mean-pooling",
        "roberta-sequence-classification",
        "gpt-neo-last-token",
    ]
    .map(tiny);
    format!(
        r#"
seed = 11
[neuron]
device = "cpu"
num_followup_steps = 1
followup_sample_size = 3
answer_sample_size = 3
moving_average_alpha = 0.3
epoch_length_override = 10
checkpoint_block_length = 10
[reward]
dpo_weight = 0.2
dpo_model = "{dpo}"
rlhf_weight = 0.2
rlhf_model = "{rlhf}"
reciprocate_weight = 0.2
reciprocate_model = "{reciprocate}"
dahoas_weight = 0.2
dahoas_model = "{dahoas}"
prompt_based_weight = 0.2
prompt_based_model = "default"
embedding_model = "{embedding}"
relevance_bound = 0.0
relevance_distance_model = "{distance}"
relevance_distance_bound = -1.0
diversity_bound = 0.0
nsfw_model = "{nsfw}"
nsfw_label = "label_1"
nsfw_threshold = 0.9
task_validator = true
[gating]
model_name = "{encoder}"
[blacklist]
n_min = 4
[dataset]
max_words = 40
"#
    )
}

/// The columns that each function leaves in a record.
const FUNCTIONS: [&str; 14] = [
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
    "task_validation_penalty_raw",
    "sentence_match_penalty_raw",
    "keyword_match_penalty_raw",
];

/// The lines of an event file but for a last one that was cut short.
pub fn records(folder: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A copy of a folder's event file and what belongs to it, with its lines as `change` leaves them.
fn copy(folder: &Path, to: &Path, change: impl FnOnce(&mut [Json])) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "bin") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    let mut lines = records(folder);
    change(&mut lines);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(to.join("events.jsonl"), text).unwrap();
}

/// The next number that there is.
fn a_bit_more(number: &Json) -> Json {
    json!(f64::from_bits(number.as_f64().unwrap().to_bits() + 1))
}

/// Checks that another process judges the record in `folder` the same, and that it names the first of run `step`'s numbers
/// in `field` where that is changed by one bit.
pub fn replays(subnet: &Subnet, folder: &Path, runs: usize, step: u64, field: &str) {
    let path = |folder: &Path| folder.to_str().unwrap().to_owned();
    let said = succeed("validator", &["replay", &path(folder)]);
    assert!(said.contains(&format!("{runs} prompt runs judged again")), "{said}");
    assert!(said.contains("agree with the record, bit for bit"), "{said}");
    let changed = PathBuf::from(subnet.path("changed"));
    copy(folder, &changed, |lines| {
        let run = lines.iter_mut().find(|line| line["step"] == step).unwrap();
        let numbers = run[field].as_array_mut().unwrap();
        numbers[0] = a_bit_more(&numbers[0]);
    });
    let (code, said, error) = run("validator", &["replay", &path(&changed)]);
    assert_eq!(code, 1, "{said}\n{error}");
    assert!(said.contains("1 fields differ"), "{said}");
    assert!(said.contains(&format!("run {step}, {field}: ")), "{said}");
    assert!(error.contains("does not agree"), "{error}");
}

/// All weights in a record, as they were planned.
pub fn plans(records: &[Json]) -> Vec<Vec<(u16, u16)>> {
    let plans = records.iter().filter(|record| record["name"] == "weights");
    plans
        .map(|record| serde_json::from_value(record["weights"].clone()).unwrap())
        .collect()
}

fn miners(subnet: &Subnet) -> Vec<Running> {
    let sentence = "The town keeps its old bridge, because the people who cross it every day are fond of it.";
    let kinds: [(&str, &[&str]); 3] = [
        (
            "talker",
            &["--miner.max_tokens", "16", "--miner.threads", "1", "--miner.seed", "3"],
        ),
        ("parrot", &["--miner.type", "echo"]),
        ("reciter", &["--miner.type", "template", "--miner.template", sentence]),
    ];
    let start = |(wallet, flags): (&str, &[&str])| {
        subnet.join(wallet, "1");
        let flags = [&["--axon.port", "0", "--miner.blocks_per_epoch", "4"], flags].concat();
        let mut miner = subnet.start_daemon("miner", wallet, &flags);
        miner.wait_for("axon published on chain");
        miner
    };
    kinds.map(start).into_iter().collect()
}

#[test]
fn a_validator_with_every_function_sets_weights_and_its_record_is_replayed_bit_for_bit() {
    let _alone = alone_with_models();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let subnet = Subnet::start_with(HASTY);
    subnet.join("validator", "1000");
    let miners = miners(&subnet);
    let config = subnet.path("validator.toml");
    std::fs::write(&config, settings()).unwrap();
    let mut validator = subnet.start_daemon("validator", "validator", &["--neuron.axon_off", "--config", &config]);
    let admin = admin_of(&mut validator);
    let uid = word(&validator.wait_for("validator started"), "uid").parse().unwrap();
    wait_until("two prompt runs and weights", || {
        metric(&admin, "validator_steps_total") >= 2.0
            && metric(&admin, "validator_weights_total{result=\"set\"}") >= 1.0
    });
    assert_eq!(validator.interrupt(std::time::Duration::from_secs(5)).code(), Some(0));
    for miner in miners {
        assert_eq!(miner.interrupt(std::time::Duration::from_secs(5)).code(), Some(0));
    }

    let folder = subnet.data_of("validator", "core_prompting_validator");
    let recorded = records(&folder);
    let runs: Vec<&Json> = recorded.iter().filter(|record| record["uids"].is_array()).collect();
    for name in FUNCTIONS {
        assert!(runs.iter().all(|run| run[name].is_array()), "{name} is missing");
    }
    assert!(runs.iter().all(|run| run["gating_loss"].is_number()));
    // Of several plans the last one may not have reached the chain any more.
    let row = subnet.weights_of(uid);
    assert!(!row.is_empty());
    assert!(plans(&recorded).contains(&row), "{row:?} on chain is in no record");

    replays(&subnet, &folder, runs.len(), 2, "rewards");

    let other = [
        "--reward.dpo_weight=0.8",
        "--reward.prompt_based_weight=0",
        "--reward.dahoas_weight=0",
    ];
    let all: Vec<&str> = ["replay", folder.to_str().unwrap(), "--json", "--reward.rlhf_weight=0"]
        .into_iter()
        .chain(other)
        .collect();
    let report: Json = serde_json::from_str(&succeed("validator", &all)).unwrap();
    assert_eq!(report["other_settings"], true);
    assert_eq!(report["runs"], runs.len());
    let differs = |miner: &Json| miner["mean_reward"]["then"] != miner["mean_reward"]["now"];
    assert!(report["miners"].as_array().unwrap().iter().any(differs), "{report:#}");
}
