//! The HTTP server of a neuron: speaks the v10 wire to Python and Rust dendrites.
//!
//! A handler is an async function over a typed synapse and its verified caller ([`Forward`]). Before it runs, every
//! request passes the list in `pipeline.rs`: limits, route, head, blacklist, freshness, declared size, signature,
//! nonce, rate, body, body hash, queue. What fails is answered with the status of its [`Refusal`] and never reaches
//! the handler.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use axoneme_axon::{Axon, Caller, CancellationToken, Forward, HandlerError};
//! use axoneme_protocol::Prompting;
//! use axoneme_wallet::Wallet;
//!
//! struct Echo;
//!
//! #[async_trait]
//! impl Forward<Prompting> for Echo {
//!     async fn forward(
//!         &self,
//!         caller: Caller,
//!         mut synapse: Prompting,
//!         _cancel: CancellationToken,
//!     ) -> Result<Prompting, HandlerError> {
//!         synapse.completion = format!("hello {}", caller.hotkey);
//!         Ok(synapse)
//!     }
//! }
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let hotkey = Wallet::new("~/.bittensor/wallets", "miner", "default").load_hotkey()?;
//! let axon = Axon::builder(Arc::new(hotkey))
//!     .bind("0.0.0.0:8091".parse()?)
//!     .route::<Prompting>(Arc::new(Echo))
//!     .start()
//!     .await?;
//! println!("listening on {}", axon.local_addr());
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
mod connection;
mod error;
mod handler;
mod limits;
mod peers;
mod pipeline;
mod policy;
mod queue;
mod rate;
mod refusal;
mod route;
mod server;

pub use error::AxonError;
pub use handler::{Caller, Forward, HandlerError};
pub use limits::{Limits, Rate};
pub use policy::{AllowAll, CallerPolicy, Verdict};
pub use refusal::Refusal;
pub use server::{Axon, AxonBuilder, AxonHandle};
pub use tokio_util::sync::CancellationToken;
