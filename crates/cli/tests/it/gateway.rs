//! A core validator as an operator runs it: it serves applications on its own axon, trains itself, tells miners what they
//! earned, and sets weights; and its record is taken again by another process.

use std::sync::Arc;
use std::time::Duration;

use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
use axoneme_protocol::{MultiPrompting, Prompting};
use axoneme_wallet::{Keypair, Wallet};
use serde_json::Value as Json;

use crate::admin::{admin_of, metric, status, wait_until};
use crate::harness::{Running, Subnet, word};
use crate::whole::{HASTY, plans, records, replays, tiny};

const ANSWERS: [&str; 3] = [
    "The river is slow here, and the bridge over it is old.",
    "Nobody in the town knows who planted the trees by the mill.",
    "Bread is best on the day after it was baked, says the miller.",
];
const LIMIT: Duration = Duration::from_secs(30);

/// Miners with one answer each, and their admin ports.
fn miners(subnet: &Subnet) -> Vec<(Running, String)> {
    let start = |(number, answer): (usize, &&str)| {
        let wallet = format!("miner{number}");
        subnet.join(&wallet, "1");
        let flags = [
            "--axon.port",
            "0",
            "--miner.type",
            "template",
            "--miner.template",
            answer,
        ];
        let flags = [&flags[..], &["--miner.blocks_per_epoch", "4"]].concat();
        let mut miner = subnet.start_daemon("miner", &wallet, &flags);
        miner.wait_for("axon published on chain");
        let admin = admin_of(&mut miner);
        (miner, admin)
    };
    ANSWERS.iter().enumerate().map(start).collect()
}

/// Where the validator says that it serves applications, its uid, and what it publishes.
fn axon_of(validator: &mut Running) -> (AxonTarget, u16, String) {
    let started = validator.wait_for("validator started");
    let serving = validator.wait_for("serving applications");
    let port = word(&serving, "listen").rsplit(':').next().unwrap().parse().unwrap();
    let target = AxonTarget::new(word(&started, "hotkey").parse().unwrap(), [127, 0, 0, 1].into(), port);
    (
        target,
        word(&started, "uid").parse().unwrap(),
        word(&serving, "published"),
    )
}

fn client(key: Arc<Keypair>) -> Dendrite {
    let config = DendriteConfig {
        allow_private: true,
        ..DendriteConfig::default()
    };
    Dendrite::new(key, config).unwrap()
}

/// Scores after the recorded steps, by this test's own arithmetic.
fn scores(steps: &[Json]) -> std::collections::BTreeMap<String, f64> {
    let mut scores = std::collections::BTreeMap::new();
    for step in steps {
        let numbers = |field: &str| -> Vec<f64> { serde_json::from_value(step[field].clone()).unwrap() };
        let texts = |field: &str| -> Vec<String> { serde_json::from_value(step[field].clone()).unwrap() };
        let (asked, answered, rewards) = (numbers("all_uids"), numbers("successful_uids"), numbers("rewards"));
        let sum: f64 = rewards.iter().map(|reward| reward.exp()).sum();
        for (uid, hotkey) in asked.iter().zip(texts("hotkeys")) {
            let place = answered.iter().position(|answered| answered == uid);
            let share = place.map_or(0.0, |place| rewards[place].exp() / sum);
            let score = scores.entry(hotkey).or_insert(0.0);
            *score = 0.99 * *score + 0.01 * share;
        }
    }
    scores
}

#[test]
fn a_core_validator_serves_applications_trains_and_sets_weights() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let subnet = Subnet::start_with(HASTY);
    subnet.join("validator", "1000");
    subnet.join("rival", "500");
    let miners = miners(&subnet);
    let (judge, embedding) = (tiny("gptj-value-head"), tiny("bert-mean-pooling"));
    let flags = [
        "--neuron.mode",
        "core",
        "--axon.port",
        "0",
        "--seed",
        "4",
        "--neuron.device",
        "cpu",
        "--neuron.inference_topk",
        "2",
        "--neuron.train_network",
        "--reward.dpo_weight",
        "0",
        "--reward.dahoas_weight",
        "1",
        "--reward.dahoas_model",
        &judge,
        "--reward.embedding_model",
        &embedding,
        "--neuron.epoch_length_override",
        "10",
        "--neuron.checkpoint_block_length",
        "10",
        "--wandb.offline",
        "--wandb.track_gating_model",
        "--wandb.run_step_length",
        "0",
    ];
    let mut validator = subnet.start_daemon("validator", "validator", &flags);
    let admin = admin_of(&mut validator);
    let (target, uid, published) = axon_of(&mut validator);
    validator.wait_for("axon published on chain");
    wait_until("it is ready", || status(&admin, "/readyz").0 == 200);
    wait_until("it knows who has staked to it", || {
        metric(&admin, "validator_nominators") >= 1.0
    });
    let wallet = |name: &str| {
        Arc::new(
            Wallet::new(subnet.path("wallets"), name, "default")
                .load_hotkey()
                .unwrap(),
        )
    };
    let (own, rival) = (wallet("validator"), wallet("rival"));
    wait_until("its rival has a permit", || {
        let graph: Json = serde_json::from_str(&subnet.metagraph()).unwrap();
        let neurons = graph["neurons"].as_array().unwrap();
        let axon = &neurons[usize::from(uid)]["axon"];
        assert_eq!(format!("{}:{}", axon["ip"].as_str().unwrap(), axon["port"]), published);
        let hotkey = rival.account_id().to_string();
        neurons
            .iter()
            .any(|neuron| neuron["hotkey"] == hotkey && neuron["validator_permit"] == true)
    });
    // What the axon knows of the network is at most ten blocks old.
    let rival = client(rival);
    wait_until("its rival is refused", || {
        let answer = runtime.block_on(rival.call(&target, Prompting::ask("Who are you?"), LIMIT));
        answer.status == 403
    });
    let own = client(own);
    let answer = runtime.block_on(own.call(&target, Prompting::ask("Who am I?"), LIMIT));
    assert_eq!(answer.status, 403, "{}", answer.message);

    let application = client(Arc::new(Keypair::from_seed([42; 32])));
    let answer = runtime.block_on(application.call(&target, Prompting::ask("What is the river like?"), LIMIT));
    assert_eq!(answer.status, 200, "{}", answer.message);
    assert!(
        ANSWERS.contains(&&*answer.synapse.completion),
        "{}",
        answer.synapse.completion
    );
    let question = MultiPrompting {
        roles: vec!["user".into()],
        messages: vec!["What is the river like?".into()],
        completions: Vec::new(),
    };
    let answer = runtime.block_on(application.call(&target, question, LIMIT));
    let best = answer.synapse.completions;
    assert_eq!(best.len(), 2, "the gating model picks two of three: {best:?}");
    assert!(best[0] != best[1] && best.iter().all(|answer| ANSWERS.contains(&&**answer)));

    wait_until("it has trained and set weights", || {
        metric(&admin, "validator_steps_total") >= 6.0
            && metric(&admin, "validator_weights_total{result=\"set\"}") >= 1.0
    });
    for (_, admin) in &miners {
        wait_until("a miner heard what it earned", || {
            metric(admin, "axon_requests_total{synapse=\"PromptingReward\",status=\"200\"}") >= 1.0
        });
    }
    assert!(metric(&admin, "validator_rewards_told_total{result=\"taken\"}") >= 3.0);
    assert_eq!(validator.interrupt(Duration::from_secs(5)).code(), Some(0));
    for (miner, _) in miners {
        assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));
    }

    let folder = subnet.data_of("validator", "core_prompting_validator");
    let recorded = records(&folder);
    let steps: Vec<Json> = recorded
        .iter()
        .filter(|record| record["name"] == "core")
        .cloned()
        .collect();
    let state: Json = serde_json::from_str(&std::fs::read_to_string(folder.join("state.json")).unwrap()).unwrap();
    assert_eq!(state["data"]["steps"], steps.len());
    for (hotkey, score) in scores(&steps) {
        let saved = state["data"]["neurons"][&hotkey]["score"].as_f64().unwrap();
        assert!((saved - score).abs() < 1e-12, "{hotkey}: {saved} against {score}");
    }
    let row = subnet.weights_of(uid);
    assert!(!row.is_empty());
    assert!(plans(&recorded).contains(&row), "{row:?} on chain is in no record");
    let head = std::fs::read_dir(folder.join("wandb")).unwrap().map(|run| {
        let file = run.unwrap().path().join("files/gating.safetensors");
        std::fs::read(file).unwrap()
    });
    assert!(head.map(|bytes| bytes.len()).max().unwrap() > 1000);

    replays(&subnet, &folder, steps.len(), 3, "scores");
}
