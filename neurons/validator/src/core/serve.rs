//! Inference on the validator's own axon.

use std::collections::BTreeMap;
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

/// rao in one token.
const RAO: f64 = 1e9;
/// Of the caller's time this much is kept for picking and sending the answer.
const OWN_TIME: Duration = Duration::from_millis(500);

/// What coldkeys have staked to this validator, rao of the subnet's token.
pub type Nominators = BTreeMap<AccountId, u64>;

/// Who may ask: everybody but this validator itself and other validators. Whose coldkey has staked more to this validator is
/// answered first.
pub struct Callers {
    own: AccountId,
    metagraph: watch::Receiver<Arc<Metagraph>>,
    nominators: watch::Receiver<Arc<Nominators>>,
}

impl Callers {
    /// The rules over the newest metagraph and the newest stakes.
    pub fn new(
        own: AccountId,
        metagraph: watch::Receiver<Arc<Metagraph>>,
        nominators: watch::Receiver<Arc<Nominators>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            own,
            metagraph,
            nominators,
        })
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

    /// What the caller has staked to this validator, in whole tokens of the subnet: the key that signs may be the coldkey that
    /// staked, or a registered hotkey of it. 0 for everybody else.
    fn priority(&self, caller: &AccountId) -> f64 {
        if *caller == self.own {
            return f64::INFINITY;
        }
        let owner = self.metagraph.borrow().find(caller).map(|neuron| neuron.coldkey);
        let nominators = self.nominators.borrow();
        let staked = |key: &AccountId| nominators.get(key).copied();
        let most = staked(caller).max(owner.as_ref().and_then(staked));
        most.map_or(0.0, |rao| rao as f64 / RAO)
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
