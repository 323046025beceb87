//! A forward pass with every function switched on, from the settings to the replay of its record.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_dendrite::AxonTarget;
use axoneme_neuron::StateStore;
use axoneme_protocol::Prompting;
use rand::Rng;
use serde_json::Value;
use tokio::sync::watch;
use validator::ask::{Ask, Reply};
use validator::book::Book;
use validator::events::{self, RunFacts};
use validator::forward::{ForwardConfig, forward};
use validator::judges::{Judges, judges};
use validator::replay::command::replay;
use validator::replay::start::Start;
use validator::run::{header_fields, score_rule};
use validator::step::{PromptRun, StepConfig};
use validator::{Host, ValidatorStats};

use crate::models::everything;
use crate::support::{hotkey, metagraph, neuron, rng};

const TEXT: &str = "The capital of Texas is Austin. Dogs run very fast at night. The river is long and the bridge is old. A \
                    cat sat on the mat and looked at the moon. Some people drink tea and some drink coffee";

/// Short answers in words of the text.
struct Chatty;

#[async_trait]
impl Ask for Chatty {
    async fn ask(&self, targets: &[AxonTarget], question: &Prompting, _: Duration) -> Vec<Reply> {
        let words: Vec<&str> = TEXT.split([' ', '.']).filter(|word| !word.is_empty()).collect();
        let reply = |target: &AxonTarget| {
            let mut rng = rng(question.messages[0].len() as u64 * 31 + u64::from(target.port));
            let said: Vec<&str> = (0..rng.random_range(6..14))
                .map(|_| words[rng.random_range(0..words.len())])
                .collect();
            Reply {
                status: if target.port % 5 == 4 { 503 } else { 200 },
                message: "Success".into(),
                completion: format!("What of {}?", said.join(" ")),
                process_time: Some(0.1),
            }
        };
        targets.iter().map(reply).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_judged_by_every_function_is_replayed_bit_for_bit() {
    let mut config = everything();
    // What an answer is about means nothing to models without training: every mask judges, none ends the pass.
    config.reward.diversity_bound = 0.0;
    config.neuron.blacklist_off = false;
    config.check().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let Judges {
        mut pipeline, gating, ..
    } = judges(&config, &Host::default(), 5).await.unwrap();
    let names: Vec<String> = pipeline.names().into_iter().map(Into::into).collect();
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let begin = Start::write(&book.state(), &mut pipeline, gating.as_deref(), folder.path()).unwrap();
    let facts = RunFacts {
        hotkey: hotkey(999),
        netuid: 1,
        seed: 5,
        version_key: 10,
        judges: names.clone(),
    };
    let (_metagraphs, metagraph) = watch::channel(Arc::new(metagraph(
        (0..6).map(|uid| neuron(uid, true, false, 0)).collect(),
    )));
    let (_heads, blocks) = watch::channel(7);
    let run = PromptRun {
        ask: Arc::new(Chatty),
        metagraph,
        tls_keys: validator::tls_keys::none(),
        blocks,
        own: hotkey(999),
        pipeline: Arc::new(tokio::sync::Mutex::new(pipeline)),
        gating,
        book: book.clone(),
        events: Arc::new(events::recorder(
            &config,
            folder.path(),
            facts,
            header_fields(&config, begin),
        )),
        config: StepConfig {
            vpermit_tao_limit: 4096,
            rule: score_rule(&config),
            scoring_timeout: Duration::from_secs(120),
            log_rewards: true,
        },
    };
    let passes = ForwardConfig {
        rounds: 1,
        followup_sample_size: 4,
        followup_timeout: Duration::from_secs(1),
        answer_sample_size: 4,
        answer_timeout: Duration::from_secs(1),
    };
    for pass in 0..2 {
        forward(&run, passes, TEXT, &mut rng(pass)).await.unwrap();
    }
    let steps = book.state().steps;
    assert!(steps >= 2);
    drop(run);

    let text = std::fs::read_to_string(folder.path().join(events::FILE)).unwrap();
    let record: Value = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["step"] == 1)
        .unwrap();
    for name in &names {
        let field = if name.ends_with("_penalty") {
            format!("{name}_raw")
        } else {
            name.clone()
        };
        assert!(record[&field].is_array(), "{field} in {record}");
    }
    assert!(record["gating_loss"].is_number(), "{record}");

    let report = replay(folder.path(), Vec::new(), &Host::default()).await.unwrap();
    assert!(report.agrees(), "{report}");
    assert_eq!((report.steps, report.agreeing), (steps, steps));
    let other = [
        "--reward.task_validation_max_penalty",
        "1",
        "--reward.dpo_repeat_penalty=off",
    ];
    let report = replay(folder.path(), other.map(Into::into).to_vec(), &Host::default())
        .await
        .unwrap();
    assert!(report.other_settings);
    let changed = report
        .miners
        .values()
        .any(|miner| Some(miner.rewards_now) != miner.rewards_then);
    assert!(changed, "{report}");
}
