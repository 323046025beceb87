//! Which store, as an operator writes it, and opening it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use axoneme_protocol::nonce::{Horizon, NonceStore};
use axoneme_protocol::{Clock, MemoryNonceStore};
use axoneme_wallet::AccountId;
use url::Url;

use crate::error::ReplayError;
use crate::file::FileNonceStore;
use crate::redis::{RedisNonceStore, RedisTimes};

/// Where used nonces are remembered. As text: `memory`, `file`, `file:<folder>`, or the URL of a Redis server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayConfig {
    /// In this process. After a start, requests signed before it are refused.
    Memory,
    /// In this process and in files, so that a restart forgets nothing.
    File {
        /// A folder of its own; nothing puts it into the neuron's data folder.
        dir: Option<PathBuf>,
    },
    /// In a Redis server, for several replicas behind one address.
    Redis(RedisUrl),
}

/// Address of a Redis server. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(Url);

impl RedisUrl {
    pub(crate) fn secret_url(&self) -> Url {
        self.0.clone()
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if shown.password().is_some() {
            // Fails only for addresses that cannot have a password.
            let _ = shown.set_password(Some("…"));
        }
        shown.set_query(None);
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

impl FromStr for ReplayConfig {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, ReplayError> {
        let wrong = |shown: &str, why| ReplayError::Setting {
            text: shown.to_owned(),
            why,
        };
        match text {
            "memory" => return Ok(Self::Memory),
            "file" => return Ok(Self::File { dir: None }),
            _ => {}
        }
        if let Some(dir) = text.strip_prefix("file:") {
            // `file:///a/b` is how URLs say /a/b.
            let dir = dir.strip_prefix("//").unwrap_or(dir);
            if dir.is_empty() {
                return Err(wrong(text, "no folder after file:"));
            }
            let dir = Some(PathBuf::from(dir));
            return Ok(Self::File { dir });
        }
        // Never shown again from here on: it may hold a password that does not parse as one.
        let scheme = text.split(':').next().unwrap_or_default();
        let url = Url::parse(text).map_err(|_| wrong(scheme, "neither a kind of store nor a URL"))?;
        match url.scheme() {
            "redis" | "valkey" if url.host().is_some() => Ok(Self::Redis(RedisUrl(url))),
            "redis+unix" | "unix" => Ok(Self::Redis(RedisUrl(url))),
            "redis" | "valkey" => Err(wrong(scheme, "the URL has no host")),
            "rediss" | "valkeys" => Err(wrong(
                scheme,
                "TLS to Redis is not built in: use a private network, a socket (unix:///path) or a tunnel",
            )),
            _ => Err(wrong(scheme, "unknown kind")),
        }
    }
}

impl fmt::Display for ReplayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File { dir: None } => f.write_str("file"),
            Self::File { dir: Some(dir) } => write!(f, "file:{}", dir.display()),
            Self::Redis(url) => url.fmt(f),
        }
    }
}

/// For whom a store is opened.
#[derive(Clone)]
pub struct Scope<'a> {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How far from now an accepted nonce can be: the windows of all wires served, joined by [`Horizon::and`].
    pub horizon: Horizon,
    /// The axon's hotkey. Replicas have the same; others do not see each other's nonces.
    pub hotkey: &'a AccountId,
    /// Most nonces in the memory of this process.
    pub capacity: usize,
    /// Where files go unless the setting says otherwise: into `nonces` in there.
    pub data_dir: &'a Path,
}

/// Opens a store.
///
/// # Errors
/// When it cannot be used; the message says what to do.
pub async fn open(config: &ReplayConfig, scope: Scope<'_>) -> Result<Arc<dyn NonceStore>, ReplayError> {
    let Scope {
        clock,
        horizon,
        hotkey,
        capacity,
        data_dir,
    } = scope;
    match config {
        ReplayConfig::Memory => Ok(Arc::new(
            MemoryNonceStore::new(clock, horizon, capacity).after_restart(),
        )),
        ReplayConfig::File { dir } => {
            let dir = dir.clone().unwrap_or_else(|| data_dir.join("nonces"));
            let opening = tokio::task::spawn_blocking(move || FileNonceStore::open(&dir, clock, horizon, capacity));
            let opened = opening.await.unwrap_or_else(|_| {
                let source = std::io::Error::other("reading it failed");
                Err(ReplayError::file("open", data_dir, source))
            });
            Ok(Arc::new(opened?))
        }
        ReplayConfig::Redis(url) => Ok(Arc::new(
            RedisNonceStore::open(url, clock, horizon, hotkey, RedisTimes::default()).await?,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ReplayConfig, String> {
        text.parse().map_err(|error: ReplayError| error.to_string())
    }

    #[test]
    fn every_kind_is_read_and_written() {
        for text in [
            "memory",
            "file",
            "file:/var/lib/nonces",
            "redis://10.0.0.5:6379/2",
            "unix:///run/redis.sock",
        ] {
            assert_eq!(parsed(text).expect(text).to_string(), text);
        }
        let dir = Some(PathBuf::from("/a/b"));
        assert_eq!(parsed("file:///a/b"), Ok(ReplayConfig::File { dir }));
    }

    #[test]
    fn mistakes_are_explained() {
        for text in ["", "disk", "file:", "redis://", "http://host", "rediss://host"] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains("use memory, file"), "{error}");
        }
        assert!(parsed("rediss://host").is_err_and(|error| error.contains("TLS")));
    }

    #[test]
    fn passwords_are_not_shown() {
        let config = parsed("redis://user:hunter2@host:1/0").expect("a URL");
        for shown in [config.to_string(), format!("{config:?}")] {
            assert!(!shown.contains("hunter2") && shown.contains("host"), "{shown}");
        }
        let error = parsed("rediss://user:hunter2@host").expect_err("TLS");
        assert!(!error.contains("hunter2"), "{error}");
        let error = parsed("redis://user:hunter2@ho st").expect_err("no URL");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
