//! What stops weights, and who has to act.

use axoneme_chain::ChainError;
use axoneme_neuron::StateError;
use axoneme_timelock::TimelockError;

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The record could not be written, so nothing was sent.
    #[error("the record of weights could not be written, so nothing was sent: {0}")]
    State(#[from] StateError),
    /// Encryption or schedule.
    #[error(transparent)]
    Timelock(#[from] TimelockError),
    /// The record is of another chain or hotkey.
    #[error(
        "the record of weights belongs to another {what} ({found}, this one is {expected}); choose another --neuron.name, \
         or move the file away to start from nothing"
    )]
    Foreign {
        /// Chain or hotkey.
        what: &'static str,
        /// In the file.
        found: String,
        /// Here.
        expected: String,
    },
    /// The record does not fit itself.
    #[error(
        "the record of weights was changed by hand: the hash of window {window} is not the one of its weights; restore it \
         from a backup, or move the file away (weights committed and not revealed are lost then)"
    )]
    Altered {
        /// The window.
        window: u64,
    },
    /// The chain would refuse the planned weights.
    #[error("the planned weights cannot be set: {0}; refresh the metagraph and rebuild them")]
    Plan(String),
    /// Where weights come from failed.
    #[error("no weights could be made: {0}")]
    Source(String),
}

/// What keeps weights from being set until somebody acts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// No place in the subnet.
    #[error("the hotkey is not registered on subnet {netuid}; register it, or check wallet and netuid")]
    NotRegistered {
        /// The subnet.
        netuid: u16,
    },
    /// Too low in the order of stake.
    #[error(
        "the hotkey has no validator permit on subnet {netuid}: its stake is below the top validators'; stake more to it, and \
         wait for the next epoch"
    )]
    NoPermit {
        /// The subnet.
        netuid: u16,
    },
    /// Below the chain's threshold.
    #[error("the hotkey has a stake weight of {stake} rao and the chain demands {threshold}; stake more to it")]
    Stake {
        /// What it has.
        stake: u64,
        /// What it needs.
        threshold: u64,
    },
    /// The subnet demands a newer validator.
    #[error(
        "subnet {netuid} demands weights of version {required} and this validator has {own}; upgrade it, or set \
         --neuron.weights_version_key {required} if it follows the same rules"
    )]
    VersionKey {
        /// The subnet.
        netuid: u16,
        /// What it demands.
        required: u64,
        /// What we would send.
        own: u64,
    },
    /// Timelocked commits of another version.
    #[error(
        "the chain takes timelocked commits of version {chain} and this program makes version {own}; upgrade it, or commit by \
         hash (--neuron.commit_reveal hash)"
    )]
    CommitRevealVersion {
        /// The chain's.
        chain: u16,
        /// Ours.
        own: u16,
    },
    /// The chain follows another beacon.
    #[error(
        "the chain opens timelocked weights with the beacon {chain}… and this program is configured for {own}…, so what it \
         commits would never be revealed; set --neuron.drand_beacon to the chain's: quicknet, dev, or the public key in hex"
    )]
    Beacon {
        /// Head of the chain's key, in hex.
        chain: String,
        /// Head of ours, in hex.
        own: String,
    },
    /// No epochs.
    #[error("subnet {netuid} has tempo 0, so it has no epochs and no window for weights; ask its owner")]
    NoEpochs {
        /// The subnet.
        netuid: u16,
    },
    /// The chain refused, and repeating it is pointless until somebody acts.
    #[error("{0}")]
    Refused(String),
}
