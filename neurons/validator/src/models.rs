//! The models the rewards need: taken from the host program, or loaded.

use std::path::PathBuf;
use std::sync::Arc;

use axoneme_llm::{
    DeviceChoice, Embedder, Engine, EngineConfig, MINILM_L6, ModelError, ModelRef, ModelStore, SMOLLM2_135M, Shipped,
    StderrProgress,
};
use axoneme_neuron::{ExitCode, Failure};

use crate::config::ValidatorConfig;
use crate::run::Host;

/// What the reward pipeline runs on.
#[derive(Clone)]
pub struct Models {
    /// The language model of the log-probability reward.
    pub engine: Engine,
    /// The embedding model; `None` when every mask is off.
    pub embedder: Option<Embedder>,
}

/// Takes what the host program has and loads the rest, fetching the default models if they are not there yet.
///
/// # Errors
/// [`ExitCode::Model`], with the model's name and what to do.
pub async fn load(config: &ValidatorConfig, host: &Host) -> Result<Models, Failure> {
    let device: DeviceChoice = config.neuron.device.parse().map_err(|error| failure(&error))?;
    let store = ModelStore::new(None);
    let engine = match &host.engine {
        Some(engine) => engine.clone(),
        None => {
            let path = ensure(&store, &config.reward.dpo_model, &SMOLLM2_135M).await?;
            on_blocking_thread(move || Engine::load(&path, device, EngineConfig::default())).await?
        }
    };
    let masks_off = config.neuron.blacklist_off && config.neuron.relevance_off && config.neuron.diversity_off;
    let embedder = match &host.embedder {
        _ if masks_off => None,
        Some(embedder) => Some(embedder.clone()),
        None => {
            let path = ensure(&store, &config.reward.embedding_model, &MINILM_L6).await?;
            Some(on_blocking_thread(move || Embedder::load(&path, device)).await?)
        }
    };
    Ok(Models { engine, embedder })
}

async fn ensure(store: &ModelStore, reference: &str, default: &'static Shipped) -> Result<PathBuf, Failure> {
    let reference: ModelRef = reference.parse().map_err(|error| failure(&error))?;
    store
        .ensure(&reference, default, Arc::new(StderrProgress::new()))
        .await
        .map_err(|error| failure(&error))
}

async fn on_blocking_thread<T: Send + 'static>(
    load: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(load).await {
        Ok(loaded) => loaded.map_err(|error| failure(&error)),
        Err(error) => Err(Failure::message(
            ExitCode::Model,
            format!("loading a model failed: {error}"),
        )),
    }
}

fn failure(error: &ModelError) -> Failure {
    Failure::new(ExitCode::Model, error)
}
