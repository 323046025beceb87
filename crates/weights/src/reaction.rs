//! One next action for every error of the chain.

use axoneme_chain::{ChainError, Class};

/// What follows from a failed call. Whichever it is, the chain is looked at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Send the same again after this many blocks.
    Again {
        /// Blocks to wait.
        blocks: u64,
    },
    /// It may have got in: give it time to be included before sending the same again.
    Wait,
    /// What was planned will never be taken. Plan anew, once it is proven that no transaction of it can still get in.
    Replan,
    /// Somebody has to act: the operator, or the owner of the subnet. Look again in the next window.
    Operator,
}

use Reaction::{Again, Operator, Replan};

/// Errors by name, where the class alone does not say enough.
pub const TABLE: &[(&str, Reaction)] = &[
    // The chain is not ready for it yet.
    ("SettingWeightsTooFast", Again { blocks: 1 }),
    ("CommittingWeightsTooFast", Again { blocks: 1 }),
    ("RateLimitExceeded", Again { blocks: 1 }),
    ("TooManyUnrevealedCommits", Again { blocks: 4 }),
    ("CommitQueueFull", Again { blocks: 4 }),
    ("RevealTooEarly", Again { blocks: 1 }),
    ("CommitBlockNotInRevealRange", Again { blocks: 1 }),
    // The look at the chain tells what has changed: the switch, the round, or that it is there already.
    ("CommitRevealEnabled", Again { blocks: 1 }),
    ("CommitRevealDisabled", Again { blocks: 1 }),
    ("InvalidRevealRound", Again { blocks: 1 }),
    ("AlreadyImported", Reaction::Wait),
    ("NoWeightsCommitFound", Again { blocks: 1 }),
    ("CommitNotFound", Again { blocks: 1 }),
    ("InvalidRevealCommitHashNotMatch", Again { blocks: 1 }),
    ("ExpiredWeightCommit", Again { blocks: 1 }),
    // What was planned does not fit the subnet as it is now.
    ("WeightVecLengthIsLow", Replan),
    ("WeightVecNotEqualSize", Replan),
    ("InputLengthsUnequal", Replan),
    ("DuplicateUids", Replan),
    ("UidVecContainInvalidOne", Replan),
    ("UidsLengthExceedUidsInSubNet", Replan),
    ("MaxWeightExceeded", Replan),
    // Not ours to mend.
    ("IncorrectWeightVersionKey", Operator),
    ("IncorrectCommitRevealVersion", Operator),
    ("CommitPayloadTooLarge", Operator),
    ("NotEnoughStakeToSetWeights", Operator),
    ("StakeAmountTooLow", Operator),
    ("NeuronNoValidatorPermit", Operator),
    ("HotKeyNotRegisteredInSubNet", Operator),
    ("HotKeyNotRegisteredInNetwork", Operator),
    ("UidNotFound", Operator),
    ("SubnetNotExists", Operator),
    ("MechanismDoesNotExist", Operator),
    ("CanNotSetRootNetworkWeights", Operator),
];

/// What to do after this error.
pub fn reaction(error: &ChainError) -> Reaction {
    if let Some(name) = error.name()
        && let Some((_, reaction)) = TABLE.iter().find(|(known, _)| *known == name)
    {
        return *reaction;
    }
    match error {
        // It left the pool for good.
        ChainError::Dropped { .. } | ChainError::Expired { .. } => Again { blocks: 1 },
        error if is_certain(error) => match error.class() {
            Class::Transient => Again { blocks: 2 },
            Class::Ours | Class::ChainState => Operator,
        },
        ChainError::Dispatch { class, .. } if *class != Class::Transient => Operator,
        _ => Reaction::Wait,
    }
}

/// Whether an error says for certain that the transaction is in no pool and in no block.
pub(crate) fn is_certain(error: &ChainError) -> bool {
    match error {
        // The node has this very transaction already.
        ChainError::Pool { name, .. } => *name != "AlreadyImported",
        ChainError::Config(_)
        | ChainError::Missing { .. }
        | ChainError::Encode { .. }
        | ChainError::SubnetNotFound { .. }
        | ChainError::NotRegistered { .. }
        | ChainError::Weights(_) => true,
        _ => false,
    }
}
