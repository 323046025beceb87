//! The judges of a validator, from its settings: used by the daemon and by `replay`.

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_neuron::{ExitCode, Failure};
use axoneme_reward::functions::{Dahoas, Dpo};
use axoneme_reward::masks::MessageFilter as Messages;
use axoneme_reward::{ModelFault, Pipeline};

use crate::config::ValidatorConfig;
use crate::core::judge::{AnswerJudge, ByFunction, MessageFilter, ShiftedDifference};
use crate::gating::Gating;
use crate::models;
use crate::reward::{Parts, pipeline};
use crate::run::Host;

/// What judges answers and learns from them.
pub struct Judges {
    /// Rewards, masks and penalties.
    pub pipeline: Pipeline,
    /// The gating model, where there is an encoder for it.
    pub gating: Option<Arc<Gating>>,
    /// Judges answers for a core validator.
    pub answers: Option<Arc<dyn AnswerJudge>>,
    /// Refuses messages to and from a core validator.
    pub filter: Option<Arc<dyn MessageFilter>>,
}

/// Loads the models and builds the judges that `config` describes. `seed` is what the gating model draws from while it has
/// no memory.
///
/// # Errors
/// [`ExitCode::Model`] for models, [`ExitCode::Config`] for settings that make no sense.
pub async fn judges(config: &ValidatorConfig, host: &Host, seed: u64) -> Result<Judges, Failure> {
    let parts = models::load(config, host).await?;
    let encoder = match config.neuron.mock_gating_model {
        true => None,
        false => models::encoder(config, &config.gating.model_name, parts.embedder.as_ref()).await?,
    };
    let gating = match encoder {
        None => None,
        Some(encoder) => {
            let gating = Gating::start(encoder, config.gating.learning(), seed).await;
            Some(Arc::new(gating.map_err(|error| Failure::new(ExitCode::Model, &error))?))
        }
    };
    let answers = answers(config, &parts);
    let filter = match &parts.nsfw {
        Some(model) if !config.neuron.no_nsfw_filter => {
            let filter = Messages::new(model.clone(), &config.reward.nsfw());
            let filter = filter.map_err(|error| Failure::new(ExitCode::Config, &error))?;
            Some(Arc::new(Unsafe(filter)) as Arc<dyn MessageFilter>)
        }
        _ => None,
    };
    let pipeline = pipeline(config, parts).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    Ok(Judges {
        pipeline,
        gating,
        answers,
        filter,
    })
}

/// The judge of a core validator: the reward over values, as in the network, where its model is there, else the
/// log-probability.
fn answers(config: &ValidatorConfig, parts: &Parts) -> Option<Arc<dyn AnswerJudge>> {
    if config.neuron.no_reward_model {
        return None;
    }
    if let Some(values) = &parts.values {
        return Some(Arc::new(ShiftedDifference {
            scorer: Arc::new(Dahoas::new(values.clone())),
            shift: config.neuron.reward_shift,
        }));
    }
    let scorer = parts.scorer.clone()?;
    let function = Dpo::new(scorer, config.reward.dpo_repeat_penalty);
    Some(Arc::new(ByFunction(Arc::new(function))))
}

/// The filter for unsafe text.
struct Unsafe(Messages);

#[async_trait]
impl MessageFilter for Unsafe {
    async fn flags(&self, message: &str) -> Result<bool, ModelFault> {
        self.0.flags(message).await
    }
}
