//! What can go wrong between a program and the chain.

use crate::advice;
use crate::weights::WeightsError;
use axoneme_wallet::AccountId;
use std::time::Duration;

/// Who has to act before a failed call can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nobody: the same call may succeed later.
    Transient,
    /// We: the request, the key or the configuration is wrong, and repeating it is pointless.
    Ours,
    /// The chain has to be in another state first: registration, stake, balance, a setting of the owner.
    ChainState,
}

impl Class {
    /// The class as a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Class::Transient => "transient",
            Class::Ours => "ours",
            Class::ChainState => "chain_state",
        }
    }
}

/// Why a call to the chain failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The configuration cannot work.
    #[error("chain configuration: {0}")]
    Config(String),
    /// No endpoint answered at start.
    #[error(
        "no chain endpoint answered within {within:?}: {tried}; start a local chain with `axoneme up`, \
         or give an endpoint that is reachable from here"
    )]
    Unreachable {
        /// Each endpoint with what happened there.
        tried: String,
        /// The bound for all of them together.
        within: Duration,
    },
    /// The endpoint answers for a different chain than before.
    #[error(
        "{endpoint} serves another chain (genesis {found}, expected {expected}); restart to use it, or correct the endpoint"
    )]
    WrongChain {
        /// The endpoint that answered.
        endpoint: String,
        /// Genesis hash of the chain used so far.
        expected: String,
        /// Genesis hash of the chain found there.
        found: String,
    },
    /// The node was connected but did not answer in time.
    #[error(
        "the chain did not answer {what} within {after:?}; the node is overloaded or the request timeout too short"
    )]
    Timeout {
        /// The call.
        what: &'static str,
        /// Its deadline.
        after: Duration,
    },
    /// There is no connection at the moment; it is being re-established in the background.
    #[error("not connected to the chain, so {what} failed ({reason}); reconnecting in the background")]
    Disconnected {
        /// The call.
        what: &'static str,
        /// Why the connection is down.
        reason: String,
    },
    /// The node refused a request that is not a transaction.
    #[error("the node refused {what}: {message} ({code})")]
    Rpc {
        /// The call.
        what: String,
        /// JSON-RPC code.
        code: i32,
        /// The node's words.
        message: String,
    },
    /// The running runtime has no such call, storage item or interface.
    #[error("the runtime of this chain has no {item}; it is older or newer than this program knows")]
    Missing {
        /// Name of what is missing.
        item: String,
    },
    /// An answer does not have the expected shape.
    #[error("the chain's answer to {what} has an unknown shape ({detail}); upgrade this program")]
    Decode {
        /// The call.
        what: String,
        /// What did not fit.
        detail: String,
    },
    /// Arguments do not fit the runtime's call.
    #[error("cannot build {what} for this runtime ({detail}); upgrade this program")]
    Encode {
        /// The call.
        what: String,
        /// What did not fit.
        detail: String,
    },
    /// There is no such subnet.
    #[error("subnet {netuid} does not exist on this chain; check the netuid, or create the subnet first")]
    SubnetNotFound {
        /// The netuid asked for.
        netuid: u16,
    },
    /// The hotkey has no place in the subnet.
    #[error("hotkey {hotkey} is not registered on subnet {netuid}; register it, or check wallet and netuid")]
    NotRegistered {
        /// The subnet.
        netuid: u16,
        /// The hotkey.
        hotkey: AccountId,
    },
    /// The call was included in a block and failed there.
    #[error("{call} failed on chain with {pallet}.{name}: {advice}")]
    Dispatch {
        /// The call.
        call: &'static str,
        /// Pallet that raised the error.
        pallet: String,
        /// Name of the error.
        name: String,
        /// What to do.
        advice: &'static str,
        /// Who has to act.
        class: Class,
    },
    /// The transaction pool refused the call, so it never reached a block.
    #[error("{call} was refused with {name} ({code}: {message}): {advice}")]
    Pool {
        /// The call.
        call: &'static str,
        /// JSON-RPC code.
        code: i32,
        /// Name of the refusal.
        name: &'static str,
        /// The node's words.
        message: String,
        /// What to do.
        advice: &'static str,
        /// Who has to act.
        class: Class,
    },
    /// The transaction left the pool without being included.
    #[error("{call} left the transaction pool without being included ({reason}); it is safe to send it again")]
    Dropped {
        /// The call.
        call: &'static str,
        /// What the node said.
        reason: String,
    },
    /// Its validity ended without inclusion.
    #[error("{call} was not included before its validity ended at block {valid_until}; it is safe to send it again")]
    Expired {
        /// The call.
        call: &'static str,
        /// Last block in which it could have been included.
        valid_until: u64,
    },
    /// Nothing is known about the transaction's fate yet.
    #[error(
        "{call} was sent (nonce {nonce}) but not seen in a block within {after:?}; it may still be included up to \
         block {valid_until}, so look at the chain before sending it again"
    )]
    Unconfirmed {
        /// The call.
        call: &'static str,
        /// Nonce it carries.
        nonce: u64,
        /// How long it was watched.
        after: Duration,
        /// Last block in which it can be included.
        valid_until: u64,
    },
    /// The weights cannot be sent as they are.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl ChainError {
    /// Who has to act before the call can succeed.
    pub fn class(&self) -> Class {
        match self {
            // Method or parameters unknown to the node: it will not know them later either.
            ChainError::Rpc {
                code: -32602..=-32601, ..
            } => Class::Ours,
            ChainError::Unreachable { .. }
            | ChainError::Timeout { .. }
            | ChainError::Disconnected { .. }
            | ChainError::Rpc { .. }
            | ChainError::Dropped { .. }
            | ChainError::Expired { .. }
            | ChainError::Unconfirmed { .. } => Class::Transient,
            ChainError::Config(_)
            | ChainError::WrongChain { .. }
            | ChainError::Missing { .. }
            | ChainError::Decode { .. }
            | ChainError::Encode { .. }
            | ChainError::Weights(_) => Class::Ours,
            ChainError::SubnetNotFound { .. } | ChainError::NotRegistered { .. } => Class::ChainState,
            ChainError::Dispatch { class, .. } | ChainError::Pool { class, .. } => *class,
        }
    }

    /// The runtime's name of the error, when it was the runtime or the pool that refused.
    pub fn name(&self) -> Option<&str> {
        match self {
            ChainError::Dispatch { name, .. } => Some(name),
            ChainError::Pool { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(crate) fn dispatch(call: &'static str, pallet: &str, name: &str) -> Self {
        let advice = advice::for_dispatch(name);
        ChainError::Dispatch {
            call,
            pallet: pallet.to_owned(),
            name: name.to_owned(),
            advice: advice.text,
            class: advice.class,
        }
    }

    pub(crate) fn pool(call: &'static str, error: &subxt::rpcs::UserError) -> Self {
        let data = error.data.as_ref().map(|data| data.get()).unwrap_or_default();
        let advice = advice::for_pool(error.code, &error.message, data);
        let message = if data.is_empty() {
            error.message.clone()
        } else {
            format!("{} {data}", error.message)
        };
        ChainError::Pool {
            call,
            code: error.code,
            name: advice.name,
            message,
            advice: advice.text,
            class: advice.class,
        }
    }

    pub(crate) fn decode(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        ChainError::Decode {
            what: what.into(),
            detail: detail.to_string(),
        }
    }

    pub(crate) fn missing(item: impl Into<String>) -> Self {
        ChainError::Missing { item: item.into() }
    }
}
