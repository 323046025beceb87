//! Records judged again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_chain::{Metagraph, Neuron};
use axoneme_dendrite::AxonTarget;
use axoneme_gating::{Encoder, GatingConfig, GatingError};
use axoneme_neuron::StateStore;
use axoneme_protocol::Prompting;
use rand::Rng;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use validator::ValidatorStats;
use validator::ask::{Ask, Reply};
use validator::book::{Book, Scale, ScoreRule};
use validator::events::{FILE, Recorder};
use validator::forward::{ForwardConfig, forward};
use validator::gating::Gating;
use validator::recall::recall;
use validator::replay::report::Report;
use validator::replay::start::Start;
use validator::replay::{Replay, ReplayError};
use validator::scores::Unasked;
use validator::step::{PromptRun, StepConfig};

use crate::crowd::judges::{self, Words};
use crate::support::{hotkey, judged_again, metagraph, neuron, rng};

const TEXT: &str = "The salt of the slow river came down from the hills. Boats of glass and tea crossed under the bridge. \
                    Nobody counted them while the moon was up. In the morning the keeper wrote their names on a stone";

struct Chatty;

#[async_trait]
impl Ask for Chatty {
    async fn ask(&self, targets: &[AxonTarget], question: &Prompting, _: Duration) -> Vec<Reply> {
        let words: Vec<&str> = TEXT.split([' ', '.']).filter(|word| !word.is_empty()).collect();
        let reply = |target: &AxonTarget| {
            let seed = question.messages[0].len() as u64 * 31 + u64::from(target.port);
            let mut rng = rng(seed);
            let said: Vec<&str> = (0..rng.random_range(8..50))
                .map(|_| words[rng.random_range(0..words.len())])
                .collect();
            Reply {
                status: if target.port % 7 == 3 { 408 } else { 200 },
                message: "Success".into(),
                completion: format!("Well. {} and so on?", said.join(" ")),
                process_time: Some(0.1),
            }
        };
        targets.iter().map(reply).collect()
    }
}

/// Counts letters.
struct Letters;

#[async_trait]
impl Encoder for Letters {
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        Ok("aeiostn"
            .chars()
            .map(|letter| text.matches(letter).count() as f32 / 100.0)
            .collect())
    }
}

async fn fresh_gating() -> Arc<Gating> {
    Arc::new(
        Gating::start(Arc::new(Letters), GatingConfig::default(), 3)
            .await
            .unwrap(),
    )
}

const RULE: ScoreRule = ScoreRule {
    alpha: 0.1,
    unasked: Unasked::Keep,
    scale: Scale::Rewards,
};

fn pipeline() -> axoneme_reward::Pipeline {
    judges::pipeline(Words::learn(&[TEXT.to_owned()]))
}

/// A life of the validator: opened, some passes, closed. Hotkey 5 is replaced by 50 in its middle.
async fn live(folder: &Path, life: u64) {
    let store = StateStore::open(folder.join("state.json")).unwrap();
    let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let (mut pipeline, gating) = (pipeline(), fresh_gating().await);
    recall(&book, &mut pipeline, Some(&gating));
    let header = Start::write(&book.state(), &mut pipeline, Some(&gating), folder).unwrap();
    let with = |fifth: u16| {
        let at = |uid: u16| Neuron {
            hotkey: hotkey(if uid == 5 { fifth } else { uid }),
            ..neuron(uid, true, false, 0)
        };
        Arc::new(metagraph((0..8).map(at).collect()))
    };
    let (metagraphs, metagraph): (watch::Sender<Arc<Metagraph>>, _) = watch::channel(with(5));
    let (_heads, blocks) = watch::channel(7);
    let run = PromptRun {
        ask: Arc::new(Chatty),
        metagraph,
        tls_keys: validator::tls_keys::none(),
        blocks,
        own: hotkey(999),
        pipeline: Arc::new(tokio::sync::Mutex::new(pipeline)),
        gating: Some(gating),
        book: book.clone(),
        events: Arc::new(Recorder::open(folder, u64::MAX, Value::Object(header))),
        config: StepConfig {
            vpermit_tao_limit: 4096,
            rule: RULE,
            scoring_timeout: Duration::from_secs(60),
            log_rewards: true,
        },
    };
    let config = ForwardConfig {
        rounds: 2,
        followup_sample_size: 5,
        followup_timeout: Duration::from_secs(1),
        answer_sample_size: 6,
        answer_timeout: Duration::from_secs(1),
    };
    for pass in 0..6 {
        if pass == 3 {
            metagraphs.send_replace(with(50));
        }
        // Two at a time, as the daemon may.
        let (mut one, mut two) = (rng(life * 100 + pass), rng(life * 100 + 50 + pass));
        let (first, second) = tokio::join!(
            forward(&run, config, TEXT, &mut one),
            forward(&run, config, TEXT, &mut two)
        );
        first.unwrap();
        second.unwrap();
    }
    assert!(book.state().steps > 12);
}

fn lines(folder: &Path) -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn replay(
    folder: &Path,
    lines: Vec<Map<String, Value>>,
    rule: ScoreRule,
    other: bool,
) -> Result<Report, ReplayError> {
    let replay = Replay::new(pipeline(), Some(fresh_gating().await), rule, other);
    judged_again(replay, folder, lines).await
}

#[tokio::test]
async fn a_record_judged_again_is_the_same_bit_for_bit_over_restarts_and_replaced_hotkeys() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), 1).await;
    live(folder.path(), 2).await;
    let recorded = lines(folder.path());
    let report = replay(folder.path(), recorded.clone(), RULE, false).await.unwrap();
    assert!(report.agrees(), "{report}");
    let runs = recorded.iter().filter(|line| line.contains_key("uids")).count() as u64;
    assert_eq!((report.steps, report.agreeing, report.missing), (runs, runs, 0));
    assert!(
        recorded
            .iter()
            .any(|line| line.get("gating_loss").is_some_and(Value::is_number))
    );
    assert!(
        recorded
            .iter()
            .any(|line| line.get("raw_completions").is_some_and(Value::is_array))
    );
    assert!(report.to_string().contains("bit for bit"), "{report}");
    // The last score in the record is the one in the state.
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let state = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default()))
        .unwrap()
        .state();
    for (hotkey, miner) in &report.miners {
        let saved = state.neurons.get(hotkey).map_or(0.0, |neuron| neuron.score);
        assert_eq!(miner.score_now.to_bits(), saved.to_bits());
    }
}

#[tokio::test]
async fn a_record_that_was_changed_does_not_agree() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), 1).await;
    let original = lines(folder.path());
    let last = original.iter().rposition(|line| line.contains_key("uids")).unwrap();
    let changes: [(&str, Value); 4] = [
        ("rewards", json!([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])),
        ("best", json!("Somebody else's")),
        ("gating_loss", json!(0.25)),
        ("scores", json!([0.0, 0.0, 0.0, 0.0, 0.0, 0.0])),
    ];
    for (field, value) in changes {
        let mut changed = original.clone();
        changed[last].insert(field.into(), value);
        let report = replay(folder.path(), changed, RULE, false).await.unwrap();
        assert!(!report.agrees());
        assert_eq!(report.differences[0].field, field, "{report}");
        assert_eq!(report.agreeing + 1, report.steps);
    }
    // A completion that was changed changes what follows from it.
    let mut changed = original.clone();
    let first = original.iter().position(|line| line.contains_key("uids")).unwrap();
    let count = changed[first]["completions"].as_array().unwrap().len();
    changed[first].insert("raw_completions".into(), json!(vec!["zzz zzz zzz"; count]));
    assert!(!replay(folder.path(), changed, RULE, false).await.unwrap().agrees());
}

#[tokio::test]
async fn other_settings_show_what_they_would_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), 1).await;
    live(folder.path(), 2).await;
    let other = ScoreRule { alpha: 0.9, ..RULE };
    let report = replay(folder.path(), lines(folder.path()), other, true).await.unwrap();
    assert!(
        report
            .miners
            .values()
            .any(|miner| Some(miner.score_now) != miner.score_then)
    );
    let same = |miner: &validator::replay::report::Miner| Some(miner.rewards_now) == miner.rewards_then;
    assert!(
        report.miners.values().all(same),
        "rewards do not depend on the score's rule"
    );
    assert_eq!(report.json()["other_settings"], true);
}

#[tokio::test]
async fn a_missing_record_and_a_missing_beginning_are_told() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), 1).await;
    let mut gap = lines(folder.path());
    let second = gap.iter().position(|line| line.get("step") == Some(&json!(2))).unwrap();
    gap.remove(second);
    assert_eq!(replay(folder.path(), gap, RULE, false).await.unwrap().missing, 1);
    let mut headless = lines(folder.path());
    let header = headless[0].get_mut("header").unwrap().as_object_mut().unwrap();
    header.insert("memories".into(), json!("../elsewhere.bin"));
    let error = replay(folder.path(), headless, RULE, false).await.unwrap_err();
    assert!(error.to_string().contains("elsewhere.bin"), "{error}");
}

#[tokio::test]
async fn weights_are_made_again_from_the_scores_of_their_time() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), 1).await;
    let mut recorded = lines(folder.path());
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let state = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default()))
        .unwrap()
        .state();
    let hotkeys: Vec<_> = state.neurons.keys().copied().collect();
    let scores: Vec<f32> = state
        .scores_of(&hotkeys)
        .into_iter()
        .map(|score| score as f32)
        .collect();
    let limits = axoneme_chain::weights::WeightLimits::default();
    let weights = axoneme_chain::weights::from_scores(&scores, limits).unwrap();
    let names: Vec<String> = hotkeys.iter().map(ToString::to_string).collect();
    let mut line = json!({
        "name": "weights", "after_step": state.steps, "block": 9, "hotkeys": names, "weights": weights,
        "min_allowed_weights": limits.min_allowed, "max_weight_limit": limits.max_weight,
    });
    recorded.push(line.as_object().unwrap().clone());
    let report = replay(folder.path(), recorded.clone(), RULE, false).await.unwrap();
    assert!(report.agrees(), "{report}");
    assert_eq!((report.weights, report.agreeing_weights), (1, 1));
    line["weights"] = json!([[0, 65535]]);
    recorded.push(line.as_object().unwrap().clone());
    let report = replay(folder.path(), recorded, RULE, false).await.unwrap();
    assert_eq!(
        (report.weights, report.agreeing_weights, report.agrees()),
        (2, 1, false)
    );
}
