//! Whole prompt runs: scripted miners, given models, the real pipeline, book and event file.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axoneme_chain::Metagraph;
use axoneme_dendrite::AxonTarget;
use axoneme_neuron::StateStore;
use axoneme_protocol::Prompting;
use axoneme_reward::{
    Criterion, LogProbScorer, ModelFault, Pipeline, RepeatPenalty, RewardError, RewardFunction, Scores,
    SentenceEmbedder, Task,
};
use serde_json::Value;
use tokio::sync::watch;
use validator::ask::{Ask, Reply};
use validator::book::{Book, ScoreRule};
use validator::events::{FILE, Recorder};
use validator::forward::{Ended, ForwardConfig, forward};
use validator::reward::{Parts, pipeline};
use validator::scores::Unasked;
use validator::step::{PromptRun, QueryStep, StepConfig};
use validator::{ValidatorConfig, ValidatorError, ValidatorStats};

use crate::support::{all_close, hotkey, list, metagraph, neuron, number, numbers, rng, text, uids, vectors};

/// What a miner says to a prompt.
type Script = Box<dyn Fn(u16, &str) -> Reply + Send + Sync>;

/// Miners that answer by port: what they say may depend on the prompt.
struct Miners {
    answer: Script,
    asked: Mutex<Vec<Vec<u16>>>,
}

impl Miners {
    fn new(answer: impl Fn(u16, &str) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            asked: Mutex::default(),
        })
    }
}

fn uid_of(target: &AxonTarget) -> u16 {
    target.port - 8000
}

#[async_trait]
impl Ask for Miners {
    async fn ask(&self, targets: &[AxonTarget], synapse: &Prompting, _: Duration) -> Vec<Reply> {
        assert_eq!(synapse.roles, ["user"]);
        self.asked.lock().unwrap().push(targets.iter().map(uid_of).collect());
        targets
            .iter()
            .map(|target| (self.answer)(uid_of(target), &synapse.messages[0]))
            .collect()
    }
}

fn ok(completion: &str) -> Reply {
    Reply {
        status: 200,
        message: "Success".into(),
        completion: completion.into(),
        process_time: Some(0.5),
    }
}

struct Setup {
    folder: tempfile::TempDir,
    run: PromptRun,
    _metagraph: watch::Sender<Arc<Metagraph>>,
    _blocks: watch::Sender<u64>,
}

fn setup(miners: Arc<dyn Ask>, neurons: u16, pipeline: Pipeline) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let graph = metagraph((0..neurons).map(|uid| neuron(uid, true, false, 0)).collect());
    let (metagraph_sender, metagraph) = watch::channel(Arc::new(graph));
    let (blocks_sender, blocks) = watch::channel(1234);
    let run = PromptRun {
        ask: miners,
        metagraph,
        tls_keys: validator::tls_keys::none(),
        blocks,
        own: hotkey(999),
        pipeline: Arc::new(tokio::sync::Mutex::new(pipeline)),
        gating: None,
        book,
        events: Arc::new(Recorder::open(folder.path(), 1 << 30, Value::Null)),
        config: StepConfig {
            vpermit_tao_limit: 4096,
            rule: ScoreRule {
                alpha: 0.05,
                unasked: Unasked::Keep,
                scale: Default::default(),
            },
            scoring_timeout: Duration::from_secs(5),
            log_rewards: true,
        },
    };
    Setup {
        folder,
        run,
        _metagraph: metagraph_sender,
        _blocks: blocks_sender,
    }
}

fn events(setup: &Setup) -> Vec<Value> {
    let text = std::fs::read_to_string(setup.folder.path().join(FILE)).unwrap();
    text.lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Rewards looked up by completion.
struct Table(&'static str, HashMap<String, f64>);

impl Table {
    fn new(name: &'static str, table: &Value) -> Self {
        Self(
            name,
            table
                .as_object()
                .unwrap()
                .iter()
                .map(|(text, value)| (text.clone(), number(value)))
                .collect(),
        )
    }
}

#[async_trait]
impl RewardFunction for Table {
    fn name(&self) -> &'static str {
        self.0
    }
    async fn score(&self, _: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        Ok(Scores {
            raw: completions.iter().map(|completion| self.1[completion]).collect(),
            extras: vec![],
        })
    }
}

#[async_trait]
impl axoneme_reward::Mask for Table {
    fn name(&self) -> &'static str {
        self.0
    }
    async fn judge(&self, _: &Task, completions: &[String]) -> Result<axoneme_reward::Judged, RewardError> {
        let raw: Vec<f64> = completions.iter().map(|completion| self.1[completion]).collect();
        Ok(axoneme_reward::Judged {
            factor: raw.clone(),
            raw,
            extras: vec![],
        })
    }
}

#[tokio::test]
async fn three_runs_give_the_scores_and_records_of_the_network() {
    let file = vectors("step");
    let setup_values = file["setup"].clone();
    let table = setup_values["miners"].clone();
    let miners = Miners::new(move |uid, _| {
        let miner = &table[uid.to_string()];
        Reply {
            status: miner["status_code"].as_u64().unwrap() as u16,
            message: text(&miner["status_message"]).into(),
            completion: text(&miner["completion"]).into(),
            process_time: miner["process_time"].as_f64(),
        }
    });
    let judge = Pipeline::builder()
        .reward(
            0.6,
            Table::new("dpo_reward_model", &setup_values["raw_rewards"]["dpo_reward_model"]),
        )
        .reward(
            0.4,
            Table::new(
                "reciprocate_reward_model",
                &setup_values["raw_rewards"]["reciprocate_reward_model"],
            ),
        )
        .mask(Table::new(
            "relevance_filter",
            &setup_values["masks"]["relevance_filter"],
        ))
        .mask(Table::new("nsfw_filter", &setup_values["masks"]["nsfw_filter"]))
        .penalty(axoneme_reward::penalties::TaskValidation::new(0.6))
        .penalty(axoneme_reward::penalties::SentenceMatch::new(0.2, Default::default()))
        .penalty(axoneme_reward::penalties::KeywordMatch::new(1.0, Default::default()))
        .build()
        .unwrap();
    let setup = setup(miners, 6, judge);
    let criterion = Criterion::length(axoneme_reward::task::LengthUnit::Words, 2, 0.25);
    let task = Task::new("answer0", "", vec![criterion]);
    for step in list(&file["steps"]) {
        let expected = &step["event"];
        let asked = uids(&expected["uids"]);
        let others: BTreeSet<u16> = (0..6).filter(|uid| !asked.contains(uid)).collect();
        let outcome = setup
            .run
            .run(&task, asked.len(), Duration::from_secs(1), &others, &mut rng(1))
            .await
            .unwrap();
        let outcome = outcome.expect("enough miners can be asked");
        assert_eq!(outcome.best, text(&expected["best"]));
        let scores = setup
            .run
            .book
            .state()
            .scores_of(&(0..6).map(hotkey).collect::<Vec<_>>());
        all_close(&scores, &numbers(&step["moving_averaged_scores_after"]), 1e-6, "scores");

        let events = events(&setup);
        let event = events.last().unwrap();
        assert_eq!(event["block"], expected["block"]);
        // The order of the miners is drawn: compare uid by uid.
        let (ours, theirs) = (uids(&event["uids"]), uids(&expected["uids"]));
        for (field, expected) in expected.as_object().unwrap() {
            let Some(expected) = expected.as_array().filter(|_| !field.ends_with("_normalized_reward")) else {
                continue;
            };
            for (theirs, expected) in theirs.iter().zip(expected) {
                let position = ours.iter().position(|uid| uid == theirs).unwrap();
                let got = &event[field][position];
                match expected.as_f64() {
                    Some(expected) => assert!((number(got) - expected).abs() < 1e-5, "{field}: {got}, {expected}"),
                    None => assert_eq!(got, expected, "{field}"),
                }
            }
        }
        // Whatever else the network's record may have is there, too, or belongs to a function that is not.
        for field in [
            "name",
            "task_type",
            "prompt",
            "step_length",
            "gating_loss",
            "set_weights",
            "completion_times",
        ] {
            assert!(event.get(field).is_some(), "{field}");
        }
    }
    assert_eq!(setup.run.book.state().steps, 3);
}

/// Longer completions are likelier; texts are related by their first word.
struct Shallow;

#[async_trait]
impl LogProbScorer for Shallow {
    async fn mean_log_prob(
        &self,
        _: &str,
        completions: &[String],
        _: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault> {
        Ok(completions
            .iter()
            .map(|text| Some(-100.0 / text.len() as f64))
            .collect())
    }
}

#[async_trait]
impl SentenceEmbedder for Shallow {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        let embed = |text: &String| {
            // All in one direction, told apart by a little of their own.
            let own = text
                .bytes()
                .fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
            let angle = f64::from(own % 1000) / 1000.0 * std::f64::consts::TAU;
            vec![2.0, angle.cos() as f32, angle.sin() as f32]
        };
        Ok(texts.iter().map(embed).collect())
    }
}

fn real_pipeline() -> Pipeline {
    let mut config = ValidatorConfig::default();
    config.neuron.blacklist_off = true;
    config.neuron.diversity_off = true;
    let parts = Parts {
        scorer: Some(Arc::new(Shallow)),
        embedder: Some(Arc::new(Shallow)),
        ..Parts::default()
    };
    pipeline(&config, parts).unwrap()
}

fn nine_runs() -> ForwardConfig {
    ForwardConfig {
        rounds: 4,
        followup_sample_size: 2,
        followup_timeout: Duration::from_secs(1),
        answer_sample_size: 2,
        answer_timeout: Duration::from_secs(1),
    }
}

#[tokio::test]
async fn a_forward_pass_carries_the_best_answers_on_and_asks_everybody_before_anybody_twice() {
    let prompts: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = prompts.clone();
    let miners = Miners::new(move |uid, prompt| {
        seen.lock().unwrap().push(prompt.to_owned());
        match prompt.lines().next().unwrap_or_default() {
            line if line.starts_with("Summarize") => {
                ok(&format!("A summary by {uid} of what was said there, at length"))
            }
            line if line.starts_with("Write a single") => ok(&format!("Sure. What did {uid} wish to know of it? Bye.")),
            _ => ok(&format!("An honest reply from {uid} to the thing in question")),
        }
    });
    let setup = setup(miners.clone(), 18, real_pipeline());
    let outcome = forward(&setup.run, nine_runs(), "The text. Of the record", &mut rng(4))
        .await
        .unwrap();
    assert_eq!((outcome.steps, outcome.ended), (9, Ended::Finished));

    let asked = miners.asked.lock().unwrap().concat();
    assert_eq!(
        asked.iter().collect::<BTreeSet<_>>().len(),
        18,
        "nine runs of two, nobody twice: {asked:?}"
    );
    let prompts = prompts.lock().unwrap();
    assert!(prompts[0].contains("'''The text. Of the record'''"));
    assert!(
        prompts[2].contains("### SUMMARY CONTEXT:\nA summary by"),
        "{}",
        prompts[2]
    );
    assert!(
        prompts[4].contains("\n### QUESTION 0:\nWhat did"),
        "cleaned and trimmed: {}",
        prompts[4]
    );
    assert!(
        prompts[8].contains("\n### QUESTION 1:\nWhat did") && !prompts[8].contains("QUESTION 0"),
        "{}",
        prompts[8]
    );

    let state = setup.run.book.state();
    assert_eq!(state.steps, 9);
    assert!(state.neurons.values().all(|neuron| neuron.requests == 1));
    assert!(state.pipeline.norms["dpo_reward_model"].count >= 18.0);
    let records = events(&setup);
    assert_eq!(records.len(), 9);
    // The first record's list does not grow with those that are passed over later.
    assert!(records.iter().all(|record| list(&record["uids"]).len() == 2));
    // On disk after every run, not only at the end.
    let saved = std::fs::read_to_string(setup.folder.path().join("state.json")).unwrap();
    assert!(saved.contains("\"steps\":9"), "{saved}");
}

#[tokio::test]
async fn silent_miners_end_the_pass_and_lose_score() {
    let quiet = Reply {
        status: 408,
        message: "Timeout".into(),
        ..Reply::default()
    };
    let setup = setup(Miners::new(move |_, _| quiet.clone()), 4, real_pipeline());
    let outcome = forward(&setup.run, nine_runs(), "The text", &mut rng(4)).await.unwrap();
    assert_eq!((outcome.steps, outcome.ended), (1, Ended::NoReward("augment".into())));
    let event = &events(&setup)[0];
    assert_eq!(event["best"], "");
    assert_eq!(event["completion_status_codes"], serde_json::json!(["408", "408"]));
    assert_eq!(event["dpo_reward_model"], serde_json::json!(["nan", "nan"]));
}

#[tokio::test]
async fn a_judge_that_fails_or_hangs_leaves_everything_as_it_was() {
    struct Broken {
        hang: bool,
    }
    #[async_trait]
    impl RewardFunction for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        async fn score(&self, _: &Task, _: &[String]) -> Result<Scores, RewardError> {
            if self.hang {
                std::future::pending::<()>().await;
            }
            Err(RewardError::Model {
                name: "broken",
                source: "gone".into(),
            })
        }
    }
    for hang in [false, true] {
        let judge = Pipeline::builder().reward(1.0, Broken { hang }).build().unwrap();
        let mut setup = setup(Miners::new(|_, _| ok("something long enough")), 3, judge);
        setup.run.config.scoring_timeout = Duration::from_millis(50);
        let task = Task::new("answer0", "text", vec![]);
        let result = setup
            .run
            .run(&task, 3, Duration::from_secs(1), &BTreeSet::new(), &mut rng(1))
            .await;
        match (hang, result) {
            (false, Err(ValidatorError::Reward { .. })) | (true, Err(ValidatorError::ScoringTimeout { .. })) => {}
            (_, other) => panic!("{other:?}"),
        }
        assert_eq!(setup.run.book.state().steps, 0);
        assert!(setup.run.book.state().neurons.is_empty());
    }
}

#[tokio::test]
async fn the_same_seed_asks_the_same_miners_for_the_same_things() {
    async fn asked(seed: u64) -> (Vec<Vec<u16>>, Vec<Value>) {
        let miners = Miners::new(|uid, _| ok(&format!("What would {uid} say here that is long enough?")));
        let setup = setup(miners.clone(), 12, real_pipeline());
        forward(&setup.run, nine_runs(), "The text", &mut rng(seed))
            .await
            .unwrap();
        let prompts = events(&setup)
            .into_iter()
            .map(|mut event| event["prompt"].take())
            .collect();
        let asked = miners.asked.lock().unwrap().clone();
        (asked, prompts)
    }
    assert_eq!(asked(9).await, asked(9).await);
    assert_ne!(asked(9).await.0, asked(10).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_under_way_at_the_same_time_are_judged_and_recorded_one_run_at_a_time() {
    /// Notes how many runs were recorded when it began and when it ended.
    struct Watching(Arc<Mutex<Option<Book>>>, Arc<Mutex<Vec<(u64, u64)>>>);
    impl Watching {
        fn steps(&self) -> u64 {
            self.0.lock().unwrap().as_ref().unwrap().state().steps
        }
    }
    #[async_trait]
    impl RewardFunction for Watching {
        fn name(&self) -> &'static str {
            "watching"
        }
        async fn score(&self, _: &Task, completions: &[String]) -> Result<Scores, RewardError> {
            let before = self.steps();
            tokio::time::sleep(Duration::from_millis(3)).await;
            let after = self.steps();
            self.1.lock().unwrap().push((before, after));
            Ok(Scores {
                raw: completions.iter().map(|text| text.len() as f64).collect(),
                extras: vec![],
            })
        }
    }
    let (book, seen) = (Arc::default(), Arc::new(Mutex::default()));
    let judge = Pipeline::builder()
        .reward(1.0, Watching(Arc::clone(&book), Arc::clone(&seen)))
        .build()
        .unwrap();
    let miners = Miners::new(|uid, _| ok(&"an answer ".repeat(usize::from(uid) + 1)));
    let setup = setup(miners, 8, judge);
    *book.lock().unwrap() = Some(setup.run.book.clone());
    let task = Task::new("answer0", "text", vec![]);
    let run = |seed| {
        let (run, task) = (&setup.run, &task);
        async move {
            let mut rng = rng(seed);
            run.run(task, 3, Duration::from_secs(1), &BTreeSet::new(), &mut rng)
                .await
                .unwrap()
                .unwrap()
        }
    };
    futures::future::join_all((0..24).map(run)).await;
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().all(|(before, after)| before == after), "{seen:?}");
    assert!(
        seen.iter().map(|(before, _)| *before).eq(0..24),
        "each sees all that came before it: {seen:?}"
    );
    let mut steps: Vec<u64> = events(&setup)
        .iter()
        .map(|event| event["step"].as_u64().unwrap())
        .collect();
    steps.sort_unstable();
    assert!(steps.into_iter().eq(1..=24));
    let norms = setup.run.book.state().pipeline.norms["watching"].count;
    assert_eq!(norms, 72.0, "the statistics took in every run once");
}
