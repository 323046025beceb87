//! Nonce stores that outlive a process, or that several processes share.
//!
//! | store | survives | for |
//! | --- | --- | --- |
//! | [`MemoryNonceStore`](axoneme_protocol::MemoryNonceStore) | nothing; refuses what was signed before its start | tests, programs of a minute |
//! | [`FileNonceStore`] | kill -9 exactly; power loss by refusing for a moment | one process per hotkey |
//! | [`RedisNonceStore`] | the death of any replica | several replicas behind one address |
//!
//! All of them refuse when in doubt. Operators choose with one line of text: [`ReplayConfig`], [`open`].

mod config;
mod error;
pub mod file;
pub mod redis;

pub use config::{RedisUrl, ReplayConfig, Scope, open};
pub use error::ReplayError;
pub use file::FileNonceStore;
pub use redis::{RedisNonceStore, RedisTimes};
