//! A core validator over miners that follow a script.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_chain::{Metagraph, Neuron};
use axoneme_dendrite::AxonTarget;
use axoneme_gating::{Encoder, GatingConfig, GatingError};
use axoneme_neuron::{Duties, Failure, Readiness, StateStore};
use axoneme_protocol::{Prompting, PromptingReward};
use axoneme_reward::RewardError;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use validator::ValidatorStats;
use validator::ask::{Ask, Reply};
use validator::book::{Book, Scale, ScoreRule};
use validator::config::DatasetSection;
use validator::core::history::History;
use validator::core::judge::AnswerJudge;
use validator::core::recall::recall;
use validator::core::start::train;
use validator::core::train::Training;
use validator::core::{CoreConfig, CoreValidator, Tell};
use validator::dataset::{self, Dataset};
use validator::events::{FILE, Recorder};
use validator::gating::Gating;
use validator::replay::start::Start;
use validator::scores::Unasked;

use crate::crowd::judges::{self, Words};
use crate::support::{hotkey, metagraph, neuron};

pub const BASE: &str = "You help.";
pub const FOLLOW_UP: &str = "Ask one question.";

pub const RULE: ScoreRule = ScoreRule {
    alpha: 0.01,
    unasked: Unasked::Keep,
    scale: Scale::Softmax,
};

/// What was asked of whom, and when.
#[derive(Debug, Clone)]
pub struct Heard {
    pub uids: Vec<u16>,
    pub system: String,
    pub user: String,
    pub at: Instant,
}

type Says = dyn Fn(u16, &str) -> Option<String> + Send + Sync;

/// Miners: what a uid says to what the user said.
pub struct Script {
    says: Box<Says>,
    heard: Mutex<Vec<Heard>>,
    /// After so many questions the validator is stopped.
    enough: usize,
    cancel: CancellationToken,
}

#[async_trait]
impl Ask for Script {
    async fn ask(&self, targets: &[AxonTarget], question: &Prompting, _: Duration) -> Vec<Reply> {
        assert_eq!(question.roles, ["system", "user"]);
        let [system, user] = [0, 1].map(|index| question.messages[index].clone());
        let uids: Vec<u16> = targets.iter().map(|target| target.port - 8000).collect();
        let reply = |uid: &u16| match (self.says)(*uid, &user) {
            None => Reply {
                status: 408,
                ..Reply::default()
            },
            Some(completion) => Reply {
                status: 200,
                completion,
                ..Reply::default()
            },
        };
        let replies = uids.iter().map(reply).collect();
        let mut heard = self.heard.lock();
        heard.push(Heard {
            uids,
            system,
            user,
            at: Instant::now(),
        });
        if heard.len() >= self.enough {
            self.cancel.cancel();
        }
        replies
    }
}

#[derive(Default)]
pub struct Told(pub Mutex<Vec<(AxonTarget, PromptingReward)>>);

#[async_trait]
impl Tell for Told {
    async fn tell(&self, messages: Vec<(AxonTarget, PromptingReward)>, _: Duration) {
        self.0.lock().extend(messages);
    }
}

/// Counts letters.
pub struct Letters;

#[async_trait]
impl Encoder for Letters {
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        let count = |letter: char| text.matches(letter).count() as f32 / 50.0;
        Ok("aeiostnw".chars().map(count).collect())
    }
}

pub async fn fresh_gating() -> Arc<Gating> {
    let gating = Gating::start(Arc::new(Letters), GatingConfig::default(), 3).await;
    Arc::new(gating.unwrap())
}

/// Finds the worth of an answer in it.
pub struct Worth;

pub fn worth(text: &str) -> f64 {
    let rest = text.split("worth ").nth(1).unwrap_or("0");
    rest.trim_end_matches('?').split(' ').next().unwrap().parse().unwrap()
}

#[async_trait]
impl AnswerJudge for Worth {
    async fn rewards(&self, _: &str, completions: &[String]) -> Result<Vec<f64>, RewardError> {
        Ok(completions.iter().map(|text| worth(text)).collect())
    }
}

/// A pipeline that judges nothing here.
pub fn pipeline() -> axoneme_reward::Pipeline {
    judges::pipeline(Words::learn(&["a river of glass".to_owned()]))
}

/// Miners with these numbers, by uid.
pub fn network(numbers: &[u16]) -> Arc<Metagraph> {
    let at = |(uid, number): (usize, &u16)| Neuron {
        hotkey: hotkey(*number),
        ..neuron(uid as u16, true, false, 0)
    };
    Arc::new(metagraph(numbers.iter().enumerate().map(at).collect()))
}

/// One life of a core validator.
pub struct World {
    pub core: Arc<CoreValidator>,
    pub miners: Arc<Script>,
    pub told: Arc<Told>,
    pub network: watch::Sender<Arc<Metagraph>>,
    pub readiness: Readiness,
    pub texts: Vec<String>,
    dataset: Dataset,
    cancel: CancellationToken,
    _heads: watch::Sender<u64>,
}

impl World {
    /// Three miners that say what `says` gives, for `enough` questions, in a validator as `change` leaves it. What an earlier
    /// life left in `folder` is remembered.
    pub async fn begin(
        folder: &Path,
        enough: usize,
        says: impl Fn(u16, &str) -> Option<String> + Send + Sync + 'static,
        change: impl FnOnce(&mut CoreValidator),
    ) -> Self {
        let cancel = CancellationToken::new();
        let miners = Arc::new(Script {
            says: Box::new(says),
            heard: Mutex::default(),
            enough,
            cancel: cancel.clone(),
        });
        let (gating, mut history) = (fresh_gating().await, History::new(100));
        let store = StateStore::open(folder.join("state.json")).unwrap();
        let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
        recall(&book, &gating, &mut history);
        let mut pipeline = pipeline();
        let header = Start::write(&book.state(), &mut pipeline, Some(&gating), folder).unwrap();
        let (network, metagraph) = watch::channel(network(&[0, 1, 2]));
        let (heads, blocks) = watch::channel(77);
        let told = Arc::new(Told::default());
        let mut core = CoreValidator {
            ask: miners.clone(),
            tell: told.clone(),
            metagraph,
            tls_keys: validator::tls_keys::none(),
            blocks,
            own: hotkey(999),
            gating,
            seats: Default::default(),
            judge: Some(Arc::new(Worth)),
            filter: None,
            book,
            history: tokio::sync::Mutex::new(history),
            events: Arc::new(Recorder::open(folder, u64::MAX, Value::Object(header))),
            config: CoreConfig {
                inference_topk: 2,
                inference_timeout: Duration::from_secs(1),
                inference_judged: false,
                training_topk: 50,
                training_timeout: Duration::from_secs(1),
                vpermit_tao_limit: 1024,
                rule: RULE,
                base_prompt: BASE.into(),
                follow_up_prompt: FOLLOW_UP.into(),
                reset_bootstrap_prompt_frequency: 3,
                question_random_sample_uids: false,
                train_network: true,
            },
        };
        change(&mut core);
        let open = || dataset::open(&DatasetSection::default(), 5, None).unwrap();
        let expected = open();
        Self {
            core: Arc::new(core),
            miners,
            told,
            network,
            readiness: Readiness::waiting_for(&["forward"]),
            texts: (0..12).map(|_| expected.next_blocking().unwrap()).collect(),
            dataset: open(),
            cancel,
            _heads: heads,
        }
    }

    /// Trains until the miners have heard enough, as the daemon does; `registered` says whether the validator still is.
    pub async fn train_while(
        &self,
        registered: impl Fn() -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Result<Vec<Heard>, Failure> {
        let mut duties = Duties::new(self.cancel.clone());
        let training = Training {
            core: self.core.clone(),
            dataset: self.dataset.clone(),
            seed: 9,
            readiness: self.readiness.clone(),
            registered: Box::new(registered),
        };
        train(&mut duties, training);
        duties.run(Duration::from_secs(5)).await?;
        Ok(self.miners.heard.lock().clone())
    }

    pub async fn train(&self) -> Vec<Heard> {
        self.train_while(|| Ok(())).await.unwrap()
    }
}

/// The lines of a record.
pub fn lines(folder: &Path) -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
