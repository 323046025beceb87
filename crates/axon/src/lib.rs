//! The HTTP server of a neuron: speaks the v10 wire to Python and Rust dendrites, and `btauth/1` to SDK 11.
//!
//! A handler is an async function over a typed synapse and its verified caller ([`Forward`], or [`ForwardStream`] for an
//! answer in pieces). Before it runs, every request passes the layers listed in `stack.rs`: address rate, framing,
//! route, head, body, signature and nonce, caller policy, hotkey rate, queue, parse. What fails is answered with the
//! status of its [`Refusal`] and never reaches the handler.
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

mod accept;
mod answer;
mod auth;
mod budget;
mod checks;
mod connection;
mod error;
mod familiar;
mod handler;
mod head;
mod lengths;
mod limits;
mod meters;
mod peers;
mod policy;
mod queue;
mod rate;
mod refusal;
mod route;
mod server;
mod stack;
mod streams;
mod tls;

pub use auth::{AuthKind, AuthPolicy};
pub use error::AxonError;
pub use handler::{Caller, Forward, ForwardStream, HandlerError, TokenStream};
pub use limits::{Limits, Rate, StreamLimits};
pub use policy::{AllowAll, CallerPolicy, Ground, Verdict};
pub use refusal::Refusal;
pub use server::{Axon, AxonBuilder, AxonHandle};
pub use tls::{TlsError, TlsIdentity};
pub use tokio_util::sync::CancellationToken;
