//! The core validator against the vectors of the network's own, and over a real axon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{Axon, CallerPolicy, Verdict};
use axoneme_chain::{Metagraph, Neuron};
use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
use axoneme_gating::{Encoder, GatingConfig, GatingError, GatingHead};
use axoneme_neuron::StateStore;
use axoneme_protocol::{MultiPrompting, Prompting, PromptingReward};
use axoneme_reward::ModelFault;
use axoneme_wallet::Keypair;
use serde_json::Value;
use tokio::sync::watch;
use validator::ValidatorStats;
use validator::ask::{Ask, Reply};
use validator::book::{Book, JudgedRun, Scale, ScoreRule};
use validator::config::NeuronSection;
use validator::core::chat::Message;
use validator::core::forward::{Question, large_validators};
use validator::core::history::{Entry, History, Replaced, average};
use validator::core::inference::InferenceError;
use validator::core::judge::{MessageFilter, ShiftedDifference, TextScorer};
use validator::core::serve::{Callers, Gateway};
use validator::core::{CoreConfig, CoreValidator, Tell};
use validator::events::{FILE, Recorder};
use validator::gating::Gating;
use validator::scores::{Unasked, update};
use validator::state::{NeuronState, ValidatorState};

use crate::support::{all_close, hotkey, list, metagraph, neuron, number, numbers, rng, text, uids, vectors};

/// A prompt's vector is always the same, so a head with these weights gives these scores.
struct One(Mutex<Vec<String>>);

#[async_trait]
impl Encoder for One {
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        self.0.lock().unwrap().push(text.to_owned());
        Ok(vec![1.0])
    }
}

struct Miners {
    replies: Vec<Option<String>>,
    asked: Mutex<Vec<Vec<u16>>>,
}

#[async_trait]
impl Ask for Miners {
    async fn ask(&self, targets: &[AxonTarget], _: &Prompting, _: Duration) -> Vec<Reply> {
        let uids: Vec<u16> = targets.iter().map(|target| target.port - 8000).collect();
        let reply = |uid: &u16| match &self.replies[usize::from(*uid)] {
            Some(completion) => Reply {
                status: 200,
                completion: completion.clone(),
                ..Reply::default()
            },
            None => Reply {
                status: 408,
                ..Reply::default()
            },
        };
        let replies = uids.iter().map(reply).collect();
        self.asked.lock().unwrap().push(uids);
        replies
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<(AxonTarget, PromptingReward)>>);

#[async_trait]
impl Tell for Told {
    async fn tell(&self, messages: Vec<(AxonTarget, PromptingReward)>, _: Duration) {
        self.0.lock().unwrap().extend(messages);
    }
}

/// Scores texts by what the vector says about the completion in them.
struct Table {
    full: HashMap<String, f64>,
    bare: HashMap<String, f64>,
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl TextScorer for Table {
    async fn score(&self, texts: Vec<String>) -> Result<Vec<f64>, ModelFault> {
        let score = |text: &String| match text.split_once("Answer: ") {
            Some((_, completion)) => {
                self.seen.lock().unwrap().push(text.clone());
                self.full[completion]
            }
            None => self.bare[text],
        };
        Ok(texts.iter().map(score).collect())
    }
}

struct Word(String);

#[async_trait]
impl MessageFilter for Word {
    async fn flags(&self, message: &str) -> Result<bool, ModelFault> {
        Ok(message.contains(&self.0))
    }
}

struct Setup {
    core: Arc<CoreValidator>,
    encoder: Arc<One>,
    miners: Arc<Miners>,
    told: Arc<Told>,
    folder: tempfile::TempDir,
    senders: (watch::Sender<Arc<Metagraph>>, watch::Sender<u64>),
}

fn setup(neurons: Vec<Neuron>, replies: Vec<Option<String>>, scores: &[f32]) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let encoder = Arc::new(One(Mutex::default()));
    let head = GatingHead::from_parts(1, scores.to_vec(), vec![0.0; scores.len()], GatingConfig::default()).unwrap();
    let hotkeys = neurons.iter().map(|neuron| neuron.hotkey).collect();
    let gating = Gating::with_head(encoder.clone(), head, hotkeys, 1);
    let miners = Arc::new(Miners {
        replies,
        asked: Mutex::default(),
    });
    let (metagraphs, graph) = watch::channel(Arc::new(metagraph(neurons)));
    let (heads, blocks) = watch::channel(77);
    let told = Arc::new(Told::default());
    let core = CoreValidator {
        ask: miners.clone(),
        tell: told.clone(),
        metagraph: graph,
        tls_keys: validator::tls_keys::none(),
        blocks,
        own: hotkey(999),
        gating: Arc::new(gating),
        seats: Default::default(),
        judge: None,
        filter: None,
        book,
        history: tokio::sync::Mutex::new(History::new(1000)),
        events: Arc::new(Recorder::open(folder.path(), 1 << 30, Value::Null)),
        config: CoreConfig {
            inference_topk: 10,
            inference_timeout: Duration::from_secs(1),
            inference_judged: false,
            training_topk: 50,
            training_timeout: Duration::from_secs(1),
            vpermit_tao_limit: 1024,
            rule: ScoreRule {
                alpha: 0.01,
                unasked: Unasked::Keep,
                scale: Scale::Softmax,
            },
            base_prompt: "You help.".into(),
            follow_up_prompt: "Ask a question.".into(),
            reset_bootstrap_prompt_frequency: 3,
            question_random_sample_uids: false,
            train_network: false,
        },
    };
    Setup {
        core: Arc::new(core),
        encoder,
        miners,
        told,
        folder,
        senders: (metagraphs, heads),
    }
}

fn flag(case: &Value, name: &str, uid: usize) -> Option<bool> {
    case["options"][name].get(uid)?.as_bool()
}

fn table(value: &Value) -> HashMap<String, f64> {
    let entries = value.as_object().unwrap().iter();
    entries.map(|(text, value)| (text.clone(), number(value))).collect()
}

#[tokio::test]
async fn a_step_asks_rewards_and_moves_scores_as_in_the_network() {
    for case in list(&vectors("core_validator")["forward"]) {
        let what = text(&case["name"]);
        let replies: Vec<Option<String>> = list(&case["replies"])
            .iter()
            .map(|reply| reply.as_str().map(str::to_owned))
            .collect();
        let n = replies.len();
        let neurons = (0..n).map(|uid| {
            let serving = flag(case, "serving", uid).unwrap_or(true);
            let permit = flag(case, "permit", uid).unwrap_or(false);
            let stake = case["options"]["stake"].get(uid).map_or(0.0, number);
            neuron(uid as u16, serving, permit, stake as u64)
        });
        let scores: Vec<f32> = (0..n).map(|uid| 0.1 * uid as f32).collect();
        let mut setup = setup(neurons.collect(), replies, &scores);
        let before = number(&case["scores_before"]);
        let mut state = ValidatorState::default();
        for uid in 0..n as u16 {
            let score = before;
            state.neurons.insert(
                hotkey(uid),
                NeuronState {
                    score,
                    ..NeuronState::default()
                },
            );
        }
        setup.core.book.take_over(state);
        let scorer = Arc::new(Table {
            full: table(&case["full_reward"]),
            bare: table(&case["completion_reward"]),
            seen: Mutex::default(),
        });
        if case["options"]["nomodel"] != true {
            let shift = 3.0;
            let judge = ShiftedDifference {
                scorer: scorer.clone(),
                shift,
            };
            Arc::get_mut(&mut setup.core).unwrap().judge = Some(Arc::new(judge));
        }
        let messages = [
            Message::new("system", "Be kind."),
            Message::new("user", " What is up? "),
        ];
        let topk = case["options"]["topk"]
            .as_i64()
            .and_then(|topk| usize::try_from(topk).ok());
        let question = Question {
            messages: &messages,
            topk,
            random: false,
            train_gating: false,
            train_network: true,
            timeout: Duration::from_secs(1),
            is_question: false,
            zero_large: false,
        };
        let outcome = setup.core.forward(question, &mut rng(1)).await.unwrap();

        let asked = setup.miners.asked.lock().unwrap().clone();
        match &case["queried_uids"] {
            Value::Null => assert!(asked.is_empty(), "{what}"),
            expected => assert_eq!(asked, [uids(expected)], "{what}"),
        }
        if let Some(expected) = case["gating_text"].as_str() {
            assert_eq!(*setup.encoder.0.lock().unwrap(), [expected], "{what}");
        }
        if let Some(expected) = case["texts_with_prompt"].as_array() {
            let seen = scorer.seen.lock().unwrap().clone();
            assert_eq!(seen, expected.iter().map(text).collect::<Vec<_>>(), "{what}");
        }
        let result = &case["result"];
        match &outcome {
            None => assert!(result.is_null(), "{what}"),
            Some(outcome) => {
                assert_eq!(outcome.completion, text(&result["completion"]), "{what}");
                assert_eq!(outcome.uids, uids(&result["uids"]), "{what}");
                assert_eq!(outcome.all_uids, uids(&result["all_uids"]), "{what}");
                all_close(&outcome.rewards, &numbers(&result["rewards"]), 1e-6, what);
                let told = setup.told.0.lock().unwrap();
                let rewards: Vec<f64> = told.iter().map(|(_, message)| message.reward).collect();
                assert_eq!(rewards, outcome.rewards, "each that answered hears what it earned");
                let record = std::fs::read_to_string(setup.folder.path().join(FILE)).unwrap();
                let record: Value = serde_json::from_str(record.lines().last().unwrap()).unwrap();
                assert_eq!(record["block"], result["block"], "{what}");
                assert_eq!(record["all_completions"], result["all_completions"], "{what}");
            }
        }
        let after = setup
            .core
            .book
            .state()
            .scores_of(&(0..n as u16).map(hotkey).collect::<Vec<_>>());
        all_close(&after, &numbers(&case["scores_after"]), 1e-6, what);
        let history = setup.core.history.lock().await.entries().len();
        assert_eq!(history as u64, case["history"].as_u64().unwrap(), "{what}");
        drop(setup.senders);
    }
}

#[tokio::test]
async fn inference_gives_the_answers_of_the_network_and_says_why_there_is_none() {
    for case in list(&vectors("core_validator")["inference"]) {
        let what = text(&case["name"]);
        let replies: Vec<Option<String>> = list(&case["replies"])
            .iter()
            .map(|reply| Some(text(reply).into()))
            .collect();
        let scores: Vec<f32> = numbers(&case["gating_scores"])
            .into_iter()
            .map(|score| score as f32)
            .collect();
        let neurons = (0..replies.len() as u16).map(|uid| neuron(uid, true, false, 0));
        let mut setup = setup(neurons.collect(), replies, &scores);
        {
            let core = Arc::get_mut(&mut setup.core).unwrap();
            core.config.inference_topk = case["inference_topk"].as_u64().unwrap() as usize;
            core.filter = case["filter_word"]
                .as_str()
                .map(|word| Arc::new(Word(word.into())) as _);
        }
        let messages = list(&case["messages"])
            .iter()
            .map(|message| Message::new(text(&message["role"]), text(&message["content"])))
            .collect::<Vec<_>>();
        let answers = setup.core.inference(&messages, Duration::from_secs(1)).await;
        let asked = setup.miners.asked.lock().unwrap().clone();
        match &case["queried_uids_lowest_score_first"] {
            Value::Null => assert!(asked.is_empty(), "{what}"),
            expected => assert_eq!(asked, [uids(expected)], "{what}"),
        }
        // Where the network answers with a sentence, this is an error of its own kind.
        match (what, answers) {
            ("none valid" | "none valid, all requested", Err(InferenceError::NoAnswer { asked: 2 })) => {}
            ("filtered question", Err(InferenceError::Refused)) => {}
            (_, Ok(answers)) => {
                let answers: Vec<String> = answers.into_iter().map(|answer| answer.completion).collect();
                match &case["result"] {
                    Value::Array(all) => assert_eq!(answers, all.iter().map(text).collect::<Vec<_>>(), "{what}"),
                    best => assert_eq!(answers[0], text(best), "{what}"),
                }
            }
            (_, Err(error)) => panic!("{what}: {error}"),
        }
    }
}

#[tokio::test]
async fn only_serving_miners_are_asked_for_an_application() {
    let neurons = vec![
        neuron(0, true, false, 0),
        neuron(1, false, false, 0),
        neuron(2, true, true, 5000),
    ];
    let setup = setup(neurons, vec![Some("one".into()), None, None], &[0.1, 0.9, 0.9]);
    let messages = [Message::new("user", "hi")];
    let answers = setup.core.inference(&messages, Duration::from_secs(1)).await.unwrap();
    assert_eq!((answers[0].uid, answers.len()), (0, 1));
    assert_eq!(*setup.miners.asked.lock().unwrap(), [[0]]);
    setup
        .senders
        .0
        .send_replace(Arc::new(metagraph(vec![neuron(1, false, false, 0)])));
    let nobody = setup.core.inference(&messages, Duration::from_secs(1)).await;
    assert!(matches!(nobody, Err(InferenceError::NobodyToAsk)));
}

/// The events of a case; hotkeys are told apart by their letters.
fn entries(case: &Value) -> Vec<Entry> {
    let key = |name: &Value| hotkey(u16::from(text(name).as_bytes()[0]));
    let entry = |event: &Value| Entry {
        uids: uids(&event["uids"]),
        rewards: numbers(&event["rewards"]),
        hotkeys: Arc::new(list(&event["hotkeys"]).iter().map(key).collect()),
        block: 1,
    };
    list(&case["events"]).iter().map(entry).collect()
}

#[test]
fn weights_from_the_history_are_those_of_the_network() {
    for case in list(&vectors("core_validator")["history_replay"]) {
        let n = case["n"].as_u64().unwrap() as usize;
        let weights = average(&entries(case), n, Replaced::LosesItsFirstReward);
        all_close(&weights, &numbers(&case["raw_weights"]), 1e-6, text(&case["name"]));
    }
}

#[test]
fn the_running_form_of_the_history_rule_is_the_average_over_the_history() {
    for case in list(&vectors("core_validator")["history_replay"]) {
        let entries = entries(case);
        if entries.is_empty() {
            continue;
        }
        let mut scores = std::collections::BTreeMap::new();
        for entry in &entries {
            let asked: Vec<_> = entry.uids.iter().map(|uid| entry.hotkeys[usize::from(*uid)]).collect();
            let shares = validator::scores::softmax_where(&entry.rewards, &vec![true; asked.len()]);
            update(&mut scores, &asked, &shares, 0.99, Unasked::Keep).unwrap();
        }
        let last = &entries.last().unwrap().hotkeys;
        let of = |hotkey| scores.get(hotkey).copied().unwrap_or(0.0);
        let sum: f64 = last.iter().map(of).sum();
        let running: Vec<f64> = last.iter().map(|hotkey| of(hotkey) / sum).collect();
        let averaged = average(&entries, last.len(), Replaced::StartsFromZero);
        all_close(&running, &averaged, 1e-12, text(&case["name"]));
    }
}

#[test]
fn a_history_is_a_ring_and_comes_back_from_its_memory() {
    let entry = |number: u16, third: u16| Entry {
        uids: vec![number, 1],
        rewards: vec![f64::from(number) / 3.0, -1.5],
        hotkeys: Arc::new([1, 2, third].map(hotkey).to_vec()),
        block: u64::from(number),
    };
    let (mut first, mut second) = (History::new(3), History::new(3));
    first.push(entry(1, 3));
    first.push(entry(2, 3));
    second.restore(&first.whole()).unwrap();
    assert_eq!(first.take_addition(), None);
    for (number, third) in [(3, 3), (4, 9), (5, 9)] {
        first.push(entry(number, third));
        second.relearn(&first.take_addition().unwrap()).unwrap();
    }
    let blocks: Vec<u64> = first.entries().map(|entry| entry.block).collect();
    assert_eq!(blocks, [3, 4, 5], "the oldest are dropped, and nothing waits");
    assert!(first.entries().eq(second.entries()));
    let whole = first.whole();
    assert!(second.restore(&whole[..whole.len() - 1]).is_err());
}

#[test]
fn scores_of_replaced_hotkeys_and_large_validators_are_zero() {
    for case in list(&vectors("core_validator")["check_weights"]) {
        let key = |name: &Value| hotkey(u16::from(text(name).as_bytes()[0]));
        let (old, new) = (list(&case["own_hotkeys"]), list(&case["new_hotkeys"]));
        let neurons = new.iter().enumerate().map(|(uid, name)| Neuron {
            hotkey: key(name),
            ..neuron(
                uid as u16,
                true,
                case["validator_permit"][uid].as_bool().unwrap(),
                number(&case["stake"][uid]) as u64,
            )
        });
        let neurons: Vec<Neuron> = neurons.collect();
        let graph = metagraph(neurons);
        let mut state = ValidatorState::default();
        for (name, score) in old.iter().zip(numbers(&case["scores"])) {
            state.neurons.insert(
                key(name),
                NeuronState {
                    score,
                    ..NeuronState::default()
                },
            );
        }
        let nothing = JudgedRun {
            hotkeys: &[],
            rewards: &[],
            answered: &[],
            zero: &large_validators(&graph, 1024),
            pipeline: &Default::default(),
        };
        let rule = NeuronSection::default().core().rule;
        let known = |hotkey: &_| graph.find(hotkey).is_some();
        state.take_in(nothing, rule, known).unwrap();
        let after = state.scores_of(&new.iter().map(key).collect::<Vec<_>>());
        all_close(&after, &numbers(&case["scores_after"]), 1e-6, text(&case["name"]));
    }
}

#[tokio::test]
async fn an_application_is_served_over_the_validators_own_axon() {
    let replies = vec![
        Some("a first answer".into()),
        Some(String::new()),
        Some("a second answer".into()),
    ];
    let neurons = (0..3).map(|uid| neuron(uid, true, false, 0)).collect();
    let setup = setup(neurons, replies, &[0.1, 0.5, 0.3]);
    let key = Arc::new(Keypair::from_seed([77; 32]));
    let gateway = Arc::new(Gateway(setup.core.clone()));
    let axon = Axon::builder(key.clone())
        .bind("127.0.0.1:0".parse().unwrap())
        .policy(Callers::new(
            key.account_id(),
            setup.core.metagraph.clone(),
            watch::channel(Arc::default()).1,
        ))
        .route::<Prompting>(gateway.clone())
        .route::<MultiPrompting>(gateway)
        .start()
        .await
        .unwrap();
    let address = axon.local_addr();
    let target = AxonTarget::new(key.account_id(), address.ip(), address.port());
    let transport = || DendriteConfig {
        allow_private: true,
        ..DendriteConfig::default()
    };
    let application = Dendrite::new(Arc::new(Keypair::from_seed([78; 32])), transport()).unwrap();
    let limit = Duration::from_secs(10);
    let answer = application.call(&target, Prompting::ask("hello"), limit).await;
    assert_eq!(
        (answer.status, answer.synapse.completion.as_str()),
        (200, "a second answer")
    );
    let question = MultiPrompting {
        roles: vec!["user".into()],
        messages: vec!["hello".into()],
        completions: Vec::new(),
    };
    let answer = application.call(&target, question, limit).await;
    assert_eq!(answer.synapse.completions, ["a second answer", "a first answer"]);
    let own = Dendrite::new(key, transport()).unwrap();
    assert_eq!(own.call(&target, Prompting::ask("hello"), limit).await.status, 403);
}

#[test]
fn validators_are_refused_and_who_has_staked_to_this_one_comes_first() {
    let (_sender, graph) = watch::channel(Arc::new(metagraph(vec![
        neuron(1, true, true, 5),
        neuron(2, true, false, 9),
    ])));
    // Keys of people: of the coldkeys 1001 and 1002, the owners of the two neurons, and of 1005, who has none.
    let stakes = [(1001, 4_000_000_000), (1002, 9_500_000_000), (1005, 7_000_000_000)];
    let stakes = stakes.map(|(number, rao)| (hotkey(number), rao)).into_iter().collect();
    let callers = Callers::new(hotkey(0), graph, watch::channel(Arc::new(stakes)).1);
    assert!(matches!(
        callers.blacklist(&hotkey(0), "Prompting"),
        Verdict::Forbid(..)
    ));
    assert!(matches!(
        callers.blacklist(&hotkey(1), "Prompting"),
        Verdict::Forbid(..)
    ));
    assert_eq!(callers.blacklist(&hotkey(2), "Prompting"), Verdict::Allow);
    assert_eq!(
        callers.blacklist(&hotkey(3), "Prompting"),
        Verdict::Allow,
        "also who is not registered"
    );
    assert_eq!(
        [0, 2, 3, 1002, 1005].map(|n| callers.priority(&hotkey(n))),
        [f64::INFINITY, 9.5, 0.0, 9.5, 7.0]
    );
}
