//! The HTTP client of a neuron: asks Python and Rust axons, over the v10 wire or over btauth.
//!
//! A call never fails as a function: whatever happens, the [`Answer`] says it with the status a Python dendrite would
//! report, so that scoring code treats both alike, and with an [`Outcome`] that says exactly what happened.
//!
//! | to | use |
//! | --- | --- |
//! | ask one axon | [`Dendrite::call`] |
//! | ask many at once | [`Dendrite::query`] |
//! | read an answer while it arrives | [`Dendrite::stream`] |
//! | see who is there | [`Dendrite::ping`] |
//! | choose whom to ask | [`AxonPool`] |
//! | use a subnet from an application | [`SubnetApi`], [`Dendrite::ask_subnet`] |
//!
//! Each [`AxonTarget`] says which [`Wire`] its axon speaks. On the v10 wire nothing proves who wrote an answer. On the
//! btauth wire answers are signed by the miner, and one that is not signed does not count, unless
//! [`BtauthConfig`] says otherwise.
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
mod body;
mod config;
mod dendrite;
mod lanes;
mod open;
mod pieces;
mod pin;
mod ping;
mod pool;
mod request;
mod response;
mod signed;
mod signers;
mod stream;
mod subnet;
mod target;
mod tls;
mod transport;

pub use answer::{Answer, Outcome};
pub use config::{BtauthConfig, DendriteConfig, DendriteError};
pub use dendrite::Dendrite;
pub use ping::Pong;
pub use pool::{AxonPool, Candidate, Selection};
pub use stream::{AnswerStream, Piece};
pub use subnet::SubnetApi;
pub use target::{AxonTarget, Wire, is_public};
pub use tls::{PublishedTls, TlsKey, TlsPolicy};
