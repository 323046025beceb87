//! Inference on the validator's own axon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axoneme_axon::{Caller, CallerPolicy, CancellationToken, Forward, Ground, HandlerError, Verdict};
use axoneme_chain::Metagraph;
use axoneme_protocol::{MultiPrompting, Prompting};
use axoneme_wallet::AccountId;
use tokio::sync::watch;

use super::CoreValidator;
use super::chat::{Message, messages_of};
use super::inference::{Candidate, InferenceError};

/// rao in one TAO.
const RAO: f64 = 1e9;
/// Of the caller's time this much is kept for picking and sending the answer.
const OWN_TIME: Duration = Duration::from_millis(500);

/// Who may ask: everybody but this validator itself and other validators. Who has more stake is answered first.
pub struct Callers {
    own: AccountId,
    metagraph: watch::Receiver<Arc<Metagraph>>,
}

impl Callers {
    /// The rules over the newest metagraph.
    pub fn new(own: AccountId, metagraph: watch::Receiver<Arc<Metagraph>>) -> Arc<Self> {
        Arc::new(Self { own, metagraph })
    }
}

impl CallerPolicy for Callers {
    fn blacklist(&self, caller: &AccountId, _: &str) -> Verdict {
        if *caller == self.own {
            return Verdict::Forbid(Ground::Denied, "a validator does not ask itself".into());
        }
        let metagraph = self.metagraph.borrow();
        match metagraph.find(caller) {
            Some(neuron) if neuron.validator_permit => {
                Verdict::Forbid(Ground::Denied, "validators are not served".into())
            }
            _ => Verdict::Allow,
        }
    }

    /// The caller's stake in TAO; 0 for whoever is not registered.
    fn priority(&self, caller: &AccountId) -> f64 {
        if *caller == self.own {
            return f64::INFINITY;
        }
        let metagraph = self.metagraph.borrow();
        metagraph
            .find(caller)
            .map_or(0.0, |neuron| neuron.total_stake as f64 / RAO)
    }
}

/// The handlers of both routes.
pub struct Gateway(pub Arc<CoreValidator>);

impl Gateway {
    async fn answers(
        &self,
        caller: &Caller,
        roles: &[String],
        messages: &[String],
    ) -> Result<Vec<Candidate>, HandlerError> {
        if roles.len() != messages.len() {
            return Err(HandlerError::bad_request(
                "roles and messages must be of the same length",
            ));
        }
        let messages: Vec<Message> = messages_of(roles, messages);
        let left = caller
            .deadline
            .saturating_duration_since(Instant::now())
            .saturating_sub(OWN_TIME);
        let timeout = self.0.config.inference_timeout.min(left);
        let answers = self.0.inference(&messages, timeout).await;
        metrics::counter!("validator_inferences_total", "result" => label(answers.as_ref().err())).increment(1);
        answers.map_err(|error| match error {
            InferenceError::Refused => HandlerError::new(403, error),
            InferenceError::NothingAsked => HandlerError::bad_request(error),
            InferenceError::NobodyToAsk => HandlerError::unavailable(error),
            InferenceError::NoAnswer { .. } => HandlerError::new(502, error),
            InferenceError::Gating(_) | InferenceError::Judge(_) => {
                HandlerError::internal(axoneme_neuron::exit::with_causes(&error))
            }
        })
    }
}

fn label(error: Option<&InferenceError>) -> &'static str {
    match error {
        None => "answered",
        Some(InferenceError::Refused) => "refused",
        Some(InferenceError::NothingAsked) => "empty",
        Some(InferenceError::NobodyToAsk | InferenceError::NoAnswer { .. }) => "no answer",
        Some(InferenceError::Gating(_) | InferenceError::Judge(_)) => "failed",
    }
}

#[async_trait]
impl Forward<Prompting> for Gateway {
    async fn forward(
        &self,
        caller: Caller,
        mut synapse: Prompting,
        _: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        let answers = self.answers(&caller, &synapse.roles, &synapse.messages).await?;
        synapse.completion = answers
            .into_iter()
            .next()
            .map(|best| best.completion)
            .unwrap_or_default();
        Ok(synapse)
    }
}

#[async_trait]
impl Forward<MultiPrompting> for Gateway {
    async fn forward(
        &self,
        caller: Caller,
        mut synapse: MultiPrompting,
        _: CancellationToken,
    ) -> Result<MultiPrompting, HandlerError> {
        let answers = self.answers(&caller, &synapse.roles, &synapse.messages).await?;
        synapse.completions = answers.into_iter().map(|answer| answer.completion).collect();
        Ok(synapse)
    }
}
