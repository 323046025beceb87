//! What validators say that answers have earned: the *backward* message of those that train the network. A fork that learns
//! from it does so here; this miner only keeps the figures.

use async_trait::async_trait;
use axoneme_axon::{Caller, Forward, HandlerError};
use axoneme_protocol::PromptingReward;
use tokio_util::sync::CancellationToken;

/// Takes [`PromptingReward`] messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct RewardsHeard;

#[async_trait]
impl Forward<PromptingReward> for RewardsHeard {
    async fn forward(
        &self,
        caller: Caller,
        told: PromptingReward,
        _: CancellationToken,
    ) -> Result<PromptingReward, HandlerError> {
        metrics::histogram!("miner_reward_heard").record(told.reward);
        tracing::debug!(validator = %caller.hotkey, reward = told.reward, "an answer was rewarded");
        Ok(told)
    }
}
