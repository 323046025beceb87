//! Synapse types and everything that is bytes on the Bittensor wire: pure functions, no I/O.
//!
//! Two wires. That of the Python SDK 10 ("v10"): a JSON body, identity and signature in `bt_header_*` headers, a hash
//! over Python's textual form of chosen fields. And [`btauth`] of SDK 11: any HTTP request, signed as a whole, with
//! answers signed by [`twresp`]. What a subnet edits is its synapse: see [`Prompting`].
//!
//! | module | what |
//! | --- | --- |
//! | [`synapse`], [`streaming`], [`prompting`], [`dummy`] | the types that travel |
//! | [`body_hash`], [`python`] | the hash over the body, and how Python prints values |
//! | [`envelope`] | headers and bodies this side writes |
//! | [`signed_head`], [`answer_head`], [`signing`] | headers this side reads, strictly, and the message that is signed |
//! | [`btauth`], [`twresp`] | signed requests of SDK 11; signed answers and streams |
//! | [`nonce`], [`clock`] | freshness and replay |
//! | [`status`] | status codes and what they mean to a scoring validator |

// The derive names this crate by its name, also in here.
extern crate self as axoneme_protocol;

pub mod answer_head;
pub mod body_hash;
pub mod btauth;
pub mod clock;
pub mod dummy;
pub mod envelope;
pub mod lax;
pub mod nonce;
pub mod prompting;
pub mod python;
pub mod signed_head;
pub mod signing;
mod sse_lines;
pub mod status;
pub mod streaming;
pub mod synapse;
mod text;
pub mod twresp;

pub use answer_head::{AnswerHead, AnswerHeadError};
pub use btauth::{BtauthError, BtauthHead, BtauthWindow};
pub use clock::{Clock, ManualClock, SystemClock};
pub use dummy::Dummy;
pub use envelope::{Envelope, TerminalInfo};
pub use nonce::{MemoryNonceStore, NonceError, NonceStore, NonceWindow};
pub use prompting::{MultiPrompting, Prompting, PromptingReward, StreamPrompting};
pub use python::UnicodeVersion;
pub use signed_head::{HeadError, SignedHead};
pub use status::StatusClass;
pub use streaming::{StreamingSynapse, Utf8Chunks, Utf8Error};
pub use synapse::{EmptyValue, Ping, Synapse};
pub use twresp::{Exchange, TwrespError};

/// The SDK version this wire behaves like, sent as `bt_header_dendrite_version` and published on chain.
///
/// Python axons apply their freshness rule only to versions from 7002000 on; anything lower would be treated as an
/// ancient client.
pub const WIRE_VERSION: u64 = 10_005_000;

/// The axon `protocol` number a v10 axon publishes on chain. It does not mean TLS.
pub const AXON_PROTOCOL: u8 = 4;

/// The axon `protocol` number on chain of a miner that speaks [`btauth`].
pub const BTAUTH_PROTOCOL: u8 = 87;
