//! The chain as a program of a subnet needs it: metagraph, registration, serving, weights.
//!
//! [`Chain`] is one shared connection that mends itself. Storage items, calls, interfaces and errors are
//! resolved by name against the metadata of the running chain, so that a runtime upgrade does not stop a daemon.
//!
//! ```no_run
//! use axoneme_chain::{Chain, ChainConfig};
//!
//! # async fn example() -> Result<(), axoneme_chain::ChainError> {
//! let chain = Chain::connect(ChainConfig::for_network("local")?).await?;
//! let metagraph = chain.metagraph(1).await?;
//! for neuron in metagraph.neurons.iter().filter(|neuron| neuron.axon.is_some()) {
//!     println!("{} {}", neuron.uid, neuron.hotkey);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every error says what to do next and has a [`Class`] from which retries and metrics follow.

mod admin;
pub mod advice;
mod at;
mod axon;
mod call;
mod calls;
mod certificates;
mod chain;
mod config;
mod connection;
pub mod epoch;
mod error;
mod follow;
mod health;
mod hyperparameters;
mod items;
mod many;
mod metagraph;
mod nonce;
mod outcome;
pub mod pow;
mod reads;
mod registry;
mod reveals;
#[cfg(test)]
mod shapes;
mod submit;
pub mod weights;
mod weights_view;
mod wire;

pub use axon::{AxonEndpoint, DEFAULT_PROTOCOL, ip_to_u128, u128_to_ip};
pub use call::{Batch, Call, Submittable, WaitFor, Wrapped};
pub use calls::{
    BatchOutcome, CommitmentField, Identity, PriceLimit, RevealedWeights, Served, StakeMove, SubnetIdentity,
    SubnetWeights, Text, WeightsBatch,
};
pub use chain::Chain;
pub use config::{ChainConfig, endpoint_of, endpoints_of};
pub use connection::ConnectionState;
pub use error::{ChainError, Class};
pub use health::EndpointHealth;
pub use hyperparameters::Hyperparameters;
pub use metagraph::{Column, Metagraph, Neuron, PartialMetagraph};
pub use outcome::{Inclusion, Receipt};
pub use reads::{Commitment, RevealedCommitment, StakePlace, SwapPreview};
pub use reveals::Revealed;
pub use submit::SignedCall;
/// An argument of [`Chain::admin_set`].
pub use subxt::dynamic::Value;
pub use weights_view::{HashCommit, TimelockedCommit, WeightsView, netuid_index};

/// Rao in one TAO.
pub const RAO_PER_TAO: u64 = 1_000_000_000;
