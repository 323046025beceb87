//! The HTTP client of a neuron: asks Python and Rust axons over the v10 wire.
//!
//! A call never fails as a function: whatever happens, the [`Answer`] says it with the status a Python dendrite would
//! report, so that scoring code treats both alike.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
//! use axoneme_protocol::Prompting;
//! use axoneme_wallet::Keypair;
//!
//! # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
//! let dendrite = Dendrite::new(Arc::new(Keypair::from_uri("//Alice")?), DendriteConfig::default())?;
//! let hotkey = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty".parse()?;
//! let miner = AxonTarget::new(hotkey, "1.2.3.4".parse()?, 8091);
//! let answer = dendrite.call(&miner, Prompting::ask("hello"), Duration::from_secs(12)).await;
//! println!("{} {}: {}", answer.status, answer.message, answer.synapse.completion);
//! # Ok(())
//! # }
//! ```

mod answer;
mod config;
mod dendrite;
mod lanes;
mod request;
mod response;
mod target;
mod tls;
mod transport;

pub use answer::{Answer, Outcome};
pub use config::{DendriteConfig, DendriteError};
pub use dendrite::Dendrite;
pub use target::{AxonTarget, Wire, is_public};
pub use tls::{PublishedTls, TlsKey, TlsPolicy};
