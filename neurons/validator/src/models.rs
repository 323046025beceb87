//! The models the rewards need: taken from the host program, or loaded.

mod server;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axoneme_gating::{Encoder, SentenceEncoder};
use axoneme_llm::{
    DeviceChoice, Embedder, Engine, EngineConfig, MINILM_L6, ModelError, ModelRef, ModelStore, SMOLLM2_135M, Shipped,
    StderrProgress, TextTokenizer,
};
use axoneme_neuron::{ExitCode, Failure};
use axoneme_reward::functions::PairFormat;
use axoneme_reward::{ConversationForm, ModelFault, SentenceEmbedder, TextClassifier, TokenValues, WordPieces};
use axoneme_scoring::{Head, Pooling, Remote, RemoteConfig, Scoring, ScoringConfig, ScoringError, ScoringModel};

use crate::config::ValidatorConfig;
use crate::reward::Parts;
use crate::run::Host;

/// A part of the judging that needs a model, as errors name it.
#[derive(Clone, Copy)]
struct Role {
    name: &'static str,
    /// The flag that names the model, without dashes.
    flag: &'static str,
    /// What switches the role off.
    off: &'static str,
}

const DPO: Role = role("dpo reward", "reward.dpo_model", "--reward.dpo_weight 0");
const RLHF: Role = role("rlhf reward", "reward.rlhf_model", "--reward.rlhf_weight 0");
const RECIPROCATE: Role = role(
    "reciprocate reward",
    "reward.reciprocate_model",
    "--reward.reciprocate_weight 0",
);
const DAHOAS: Role = role("dahoas reward", "reward.dahoas_model", "--reward.dahoas_weight 0");
const PROMPT: Role = role(
    "prompt-based reward",
    "reward.prompt_based_model",
    "--reward.prompt_based_weight 0",
);
const NSFW: Role = role("filter for unsafe text", "reward.nsfw_model", "--neuron.nsfw_off");
const EMBEDDING: Role = role(
    "embedding model of relevance, diversity and the n-gram filter",
    "reward.embedding_model",
    "--neuron.relevance_off --neuron.diversity_off --neuron.blacklist_off",
);
const DISTANCE: Role = role(
    "second measure of relevance",
    "reward.relevance_distance_model",
    "--neuron.relevance_off, or leave it unset",
);
const GATING: Role = role(
    "encoder of the gating model",
    "gating.model_name",
    "--gating.model_name default",
);

const fn role(name: &'static str, flag: &'static str, off: &'static str) -> Role {
    Role { name, flag, off }
}

impl Role {
    fn failure(self, reference: &str, error: &(dyn Error + 'static)) -> Failure {
        let Self { name, flag, off } = self;
        let why = Failure::new(ExitCode::Model, error).message;
        let message = format!("the {name} has no model (--{flag} {reference}): {why}; to do without it, use {off}");
        Failure::message(ExitCode::Model, message)
    }
}

/// Where models run and where they are kept.
struct Loader {
    device: DeviceChoice,
    store: ModelStore,
    /// Started for the first model that needs it.
    scoring: Option<Scoring>,
}

/// A model here or on another machine.
enum Place {
    Here(PathBuf),
    Remote(Remote),
}

/// Takes what the host program has and loads the rest, fetching the default models if they are not there yet. What is switched
/// off is not loaded.
///
/// # Errors
/// [`ExitCode::Model`], with the role, the model's name, and what to do.
pub async fn load(config: &ValidatorConfig, host: &Host) -> Result<Parts, Failure> {
    let (neuron, reward) = (&config.neuron, &config.reward);
    let mut loader = Loader::new(config)?;
    let mut parts = Parts::default();
    if reward.dpo_weight > 0.0 {
        let engine = match &host.engine {
            Some(engine) if reward.dpo_model == "default" => engine.clone(),
            _ => loader.engine(DPO, &reward.dpo_model).await?,
        };
        parts.scorer = Some(Arc::new(engine));
    }
    if let Some(model) = reward.rlhf_model.as_deref().filter(|_| reward.rlhf_weight > 0.0) {
        parts.rlhf = Some(loader.classifier(RLHF, model).await?);
    }
    if let Some(model) = reward
        .reciprocate_model
        .as_deref()
        .filter(|_| reward.reciprocate_weight > 0.0)
    {
        (parts.reciprocate, parts.conversation) = loader.judge_of_chats(model, reward.reciprocate_format).await?;
    }
    if let Some(model) = reward.dahoas_model.as_deref().filter(|_| reward.dahoas_weight > 0.0) {
        parts.values = Some(loader.values(DAHOAS, model).await?);
    }
    if let Some(model) = reward
        .prompt_based_model
        .as_deref()
        .filter(|_| reward.prompt_based_weight > 0.0)
    {
        parts.generator = Some(match &host.engine {
            Some(engine) if model == "default" => Arc::new(engine.clone()),
            _ if is_address(model) => Arc::new(server::connect(PROMPT, model, &reward.prompt_based_key_env).await?),
            _ => Arc::new(loader.engine(PROMPT, model).await?),
        });
    }
    if let Some(model) = reward.nsfw_model.as_deref().filter(|_| !neuron.nsfw_off) {
        parts.nsfw = Some(loader.classifier(NSFW, model).await?);
    }
    if let Some(model) = reward
        .relevance_distance_model
        .as_deref()
        .filter(|_| !neuron.relevance_off)
    {
        let head = Head::Embed {
            pooling: Pooling::Mean,
            normalise: true,
            windows: true,
        };
        parts.distance = Some(loader.embedder(DISTANCE, model, head).await?.0);
    }
    let counted = !neuron.blacklist_off && !reward.phrase_blacklist;
    if counted || !neuron.relevance_off || !neuron.diversity_off {
        let (embedder, pieces) = match &host.embedder {
            Some(embedder) if reward.embedding_model == "default" => {
                shipped(embedder.clone()).map_err(|error| EMBEDDING.failure("default", &*error))?
            }
            _ => loader.sentences(&reward.embedding_model).await?,
        };
        if counted && pieces.is_none() {
            return Err(Failure::message(
                ExitCode::Model,
                format!(
                    "the n-gram filter counts in the word pieces of the embedding model, and that of {} is elsewhere; use \
                     --neuron.blacklist_off or an embedding model on this machine (--reward.embedding_model)",
                    reward.embedding_model
                ),
            ));
        }
        (parts.embedder, parts.word_pieces) = (Some(embedder), pieces);
    }
    Ok(parts)
}

/// The encoder of the gating model: `reference` is a folder, hub id or address of a server; "default" is the embedding
/// model of the rewards. Causal models are read at their last token, others window by window.
///
/// # Errors
/// As [`load`].
pub async fn encoder(
    config: &ValidatorConfig,
    reference: &str,
    default: Option<&Arc<dyn SentenceEmbedder>>,
) -> Result<Option<Arc<dyn Encoder>>, Failure> {
    if reference == "default" {
        return Ok(default.map(|embedder| Arc::new(SentenceEncoder(embedder.clone())) as Arc<dyn Encoder>));
    }
    let mut loader = Loader::new(config)?;
    let (pooling, windows) = match loader.find(GATING, reference, None).await? {
        Place::Here(path) if is_causal(&path) => (Pooling::Last, false),
        _ => (Pooling::Mean, true),
    };
    let head = Head::Embed {
        pooling,
        normalise: windows,
        windows,
    };
    let (embedder, _) = loader.embedder(GATING, reference, head).await?;
    Ok(Some(Arc::new(SentenceEncoder(embedder))))
}

type JudgeOfChats = (Option<Arc<dyn TextClassifier>>, Option<Arc<dyn ConversationForm>>);
type Sentences = (Arc<dyn SentenceEmbedder>, Option<Arc<dyn WordPieces>>);

/// The embedding model that ships.
fn shipped(embedder: Embedder) -> Result<Sentences, ModelFault> {
    let pieces = axoneme_reward::llm::word_pieces(&embedder)?;
    Ok((Arc::new(embedder), Some(pieces)))
}

impl Loader {
    fn new(config: &ValidatorConfig) -> Result<Self, Failure> {
        let device = config.neuron.device.parse();
        Ok(Self {
            device: device.map_err(|error: ModelError| Failure::new(ExitCode::Model, &error))?,
            store: ModelStore::new(None),
            scoring: None,
        })
    }

    /// Where a model is. `default` is what "default" stands for, where anything does.
    async fn find(&self, role: Role, reference: &str, default: Option<&'static Shipped>) -> Result<Place, Failure> {
        if is_address(reference) {
            let remote = Remote::connect(RemoteConfig::new(reference)).await;
            return remote
                .map(Place::Remote)
                .map_err(|error| role.failure(reference, &error));
        }
        let model = reference
            .parse::<ModelRef>()
            .map_err(|error| role.failure(reference, &error))?;
        let shipped = match (&model, default) {
            (_, Some(shipped)) => shipped,
            (ModelRef::Default, None) => {
                let error = std::io::Error::other("no model for it ships; give a folder or hf:org/name");
                return Err(role.failure(reference, &error));
            }
            // Only looked at for "default".
            (_, None) => &MINILM_L6,
        };
        let path = self
            .store
            .ensure(&model, shipped, Arc::new(StderrProgress::new()))
            .await;
        path.map(Place::Here).map_err(|error| role.failure(reference, &error))
    }

    async fn here(&self, role: Role, reference: &str, default: Option<&'static Shipped>) -> Result<PathBuf, Failure> {
        match self.find(role, reference, default).await? {
            Place::Here(path) => Ok(path),
            Place::Remote(_) => {
                let error = std::io::Error::other("it needs a model on this machine");
                Err(role.failure(reference, &error))
            }
        }
    }

    async fn engine(&self, role: Role, reference: &str) -> Result<Engine, Failure> {
        let path = self.here(role, reference, Some(&SMOLLM2_135M)).await?;
        let device = self.device;
        let load = move || Engine::load(&path, device, EngineConfig::default());
        on_blocking_thread(role, reference, load).await
    }

    async fn scored(&mut self, role: Role, reference: &str, path: &Path, head: Head) -> Result<ScoringModel, Failure> {
        let failure = |error: ScoringError| role.failure(reference, &error);
        let scoring = match &self.scoring {
            Some(scoring) => scoring.clone(),
            None => {
                let config = ScoringConfig {
                    device: self.device,
                    ..ScoringConfig::default()
                };
                self.scoring.insert(Scoring::start(config).map_err(failure)?).clone()
            }
        };
        scoring.load(path, head).await.map_err(failure)
    }

    async fn classifier(&mut self, role: Role, reference: &str) -> Result<Arc<dyn TextClassifier>, Failure> {
        Ok(match self.find(role, reference, None).await? {
            Place::Remote(remote) => Arc::new(remote),
            Place::Here(path) => Arc::new(self.scored(role, reference, &path, Head::Classify).await?),
        })
    }

    /// The reward model that reads conversations, and how it wants them written where its own template is to be used.
    async fn judge_of_chats(&mut self, reference: &str, format: PairFormat) -> Result<JudgeOfChats, Failure> {
        let (role, wanted) = (RECIPROCATE, format == PairFormat::Template);
        let none = |error: &str| Err(role.failure(reference, &std::io::Error::other(error)));
        let path = match self.find(role, reference, None).await? {
            Place::Remote(_) if wanted => {
                return none("a server does not tell its chat template; use --reward.reciprocate_format chat");
            }
            Place::Remote(remote) => return Ok((Some(Arc::new(remote)), None)),
            Place::Here(path) => path,
        };
        let model = self.scored(role, reference, &path, Head::Classify).await?;
        let mut template: Option<Arc<dyn ConversationForm>> = None;
        if wanted || format == PairFormat::Auto {
            let tokenizer = TextTokenizer::from_folder(&path).map_err(|error| role.failure(reference, &error))?;
            if tokenizer.has_chat_template() {
                template = Some(Arc::new(tokenizer));
            } else if wanted {
                return none("it has no chat template; use --reward.reciprocate_format auto");
            }
        }
        Ok((Some(Arc::new(model)), template))
    }

    async fn values(&mut self, role: Role, reference: &str) -> Result<Arc<dyn TokenValues>, Failure> {
        let path = self.here(role, reference, None).await?;
        Ok(Arc::new(self.scored(role, reference, &path, Head::Values).await?))
    }

    async fn embedder(&mut self, role: Role, reference: &str, head: Head) -> Result<Sentences, Failure> {
        Ok(match self.find(role, reference, None).await? {
            Place::Remote(remote) => (Arc::new(remote), None),
            Place::Here(path) => {
                let model = self.scored(role, reference, &path, head).await?;
                let pieces = axoneme_reward::scoring::word_pieces(&model);
                (Arc::new(model), Some(pieces))
            }
        })
    }

    /// The embedding model of relevance and diversity. The one that ships is run as always; others by the scoring service.
    async fn sentences(&mut self, reference: &str) -> Result<Sentences, Failure> {
        if reference != "default" {
            let head = Head::Embed {
                pooling: Pooling::Mean,
                normalise: true,
                windows: false,
            };
            return self.embedder(EMBEDDING, reference, head).await;
        }
        let path = self.here(EMBEDDING, reference, Some(&MINILM_L6)).await?;
        let device = self.device;
        let embedder = on_blocking_thread(EMBEDDING, reference, move || Embedder::load(&path, device)).await?;
        shipped(embedder).map_err(|error| EMBEDDING.failure(reference, &*error))
    }
}

fn is_address(reference: &str) -> bool {
    reference.starts_with("http://") || reference.starts_with("https://")
}

/// Whether the model in a folder reads only backwards, by the name of its architecture.
fn is_causal(folder: &Path) -> bool {
    let config = std::fs::read(folder.join("config.json")).ok();
    let config: Option<serde_json::Value> = config.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let kind = config.as_ref().and_then(|config| config["model_type"].as_str());
    kind.is_some_and(|kind| {
        ["gpt", "llama", "qwen", "mistral"]
            .iter()
            .any(|family| kind.starts_with(family))
    })
}

async fn on_blocking_thread<T: Send + 'static>(
    role: Role,
    reference: &str,
    load: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(load).await {
        Ok(loaded) => loaded.map_err(|error| role.failure(reference, &error)),
        Err(error) => Err(role.failure(reference, &error)),
    }
}
