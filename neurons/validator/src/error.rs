//! Why a forward pass or a setting of weights failed.

use axoneme_chain::ChainError;
use axoneme_reward::RewardError;

use crate::book::SaveError;
use crate::dataset::DatasetError;
use crate::scores::LengthMismatch;

/// Why a forward pass, a run or a setting of weights failed. None of them ends the validator: the pass is counted as
/// failed and the next one begins after a pause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorError {
    /// No text to ask about.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The answers could not be judged.
    #[error("the answers to {task} could not be judged")]
    Reward {
        /// The task.
        task: String,
        /// Why.
        #[source]
        source: RewardError,
    },
    /// The gating model.
    #[error("the gating model failed")]
    Gating(#[from] axoneme_gating::GatingError),
    /// Judging took too long.
    #[error(
        "judging the answers to {task} took longer than {limit:?}; ask fewer miners (--neuron.answer_sample_size) or raise --neuron.scoring_timeout"
    )]
    ScoringTimeout {
        /// The task.
        task: String,
        /// The limit.
        limit: std::time::Duration,
    },
    /// The transport returned another number of answers than there were miners.
    #[error("{got} answers came for {asked} miners")]
    Answers {
        /// Miners asked.
        asked: usize,
        /// Answers.
        got: usize,
    },
    /// A defect: rewards and miners differ in number.
    #[error(transparent)]
    Scores(#[from] LengthMismatch),
    /// The state could not be written. What was judged is still in memory and is written with the next run.
    #[error(transparent)]
    State(#[from] SaveError),
    /// A task of the process ended early.
    #[error("{what} was interrupted")]
    Interrupted {
        /// What it was.
        what: &'static str,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The hotkey lost its place in the subnet.
    #[error("the hotkey is no longer registered on subnet {netuid}")]
    NotRegistered {
        /// The subnet.
        netuid: u16,
    },
    /// Setting weights.
    #[error(transparent)]
    Weights(#[from] axoneme_weights::WeightsError),
    /// Something that somebody has to act on before weights can be set.
    #[error(transparent)]
    Obstacle(#[from] axoneme_weights::Obstacle),
    /// No such mechanism.
    #[error("--neuron.mechanism {given}: subnet {netuid} has {count}, counted from 0; give one of them")]
    Mechanism {
        /// What was given.
        given: u8,
        /// The subnet.
        netuid: u16,
        /// How many it has.
        count: u8,
    },
    /// No such beacon.
    #[error(
        "--neuron.drand_beacon {given}: {problem}; give auto, quicknet, dev, or the 192 hex digits of a public key"
    )]
    Beacon {
        /// What was given.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
}
