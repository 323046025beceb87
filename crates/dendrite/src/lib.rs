//! The HTTP client of a neuron: signs requests, sends them to many axons at once, classifies every outcome.
//!
//! ```no_run
//! # use std::{sync::Arc, time::Duration};
//! # use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
//! # use axoneme_protocol::Prompting;
//! # async fn example(hotkey: axoneme_wallet::Keypair, miner: AxonTarget) -> Result<(), Box<dyn std::error::Error>> {
//! let dendrite = Dendrite::new(Arc::new(hotkey), DendriteConfig::default())?;
//! let answer = dendrite.call(&miner, Prompting::ask("Name three rivers."), Duration::from_secs(12)).await;
//! println!("{} {}: {}", answer.status, answer.message, answer.synapse.completion);
//! # Ok(()) }
//! ```
//!
//! A peer is never believed more than it must be: no redirects, one deadline over everything, answers of bounded size,
//! and only the output fields of a synapse are taken from it.

mod answer;
mod client;
mod lanes;
mod read;

pub use answer::{Answer, Outcome};
pub use client::{AxonTarget, Dendrite, DendriteConfig, DendriteError};
