//! How to reach which chain.

use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use crate::error::ChainError;

/// Endpoint of a chain on this machine.
const LOCAL: &str = "ws://127.0.0.1:9944";
/// Variables that move `local` elsewhere, as the two generations of the Python SDK read them.
const LOCAL_OVERRIDES: [&str; 2] = ["BT_SUBTENSOR_CHAIN_ENDPOINT", "BT_CHAIN_ENDPOINT"];

/// Settings of a connection. Start from [`ChainConfig::for_network`] or [`ChainConfig::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainConfig {
    /// WebSocket addresses in the order in which they are tried. All of them have to serve the same chain.
    pub endpoints: Vec<String>,
    /// Bound for connecting at start, all endpoints together. Too short fails on slow links, too long hides a typo.
    pub connect_timeout: Duration,
    /// Deadline of each read, and of handing a transaction to the node.
    pub request_timeout: Duration,
    /// How long a transaction is watched until it is in a block (or final, for calls that spend).
    pub finality_timeout: Duration,
    /// How often an idle connection is checked. A dead peer is noticed after this and the request timeout at most.
    pub heartbeat: Duration,
    /// Shortest pause before connecting again; it doubles with each failure, with random jitter.
    pub backoff_min: Duration,
    /// Longest pause before connecting again.
    pub backoff_max: Duration,
    /// How often an endpoint that comes before the one in use is tried again, to move back to it.
    pub look_around: Duration,
    /// After how long without a new block another endpoint is asked whether it has newer ones. A multiple of the
    /// chain's block time.
    pub stall_after: Duration,
    /// How many blocks a signed transaction stays valid: a power of two. 128 are 32 s at the fastest blocks
    /// (250 ms) and 26 min on the main network.
    pub mortality: u64,
    /// Whether to carry on when an endpoint comes back with another genesis, as a wiped development chain does.
    pub allow_new_genesis: bool,
}

impl ChainConfig {
    /// The given endpoints with default settings.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let endpoints: Vec<String> = endpoints.into_iter().map(Into::into).collect();
        // Only a chain on this machine is expected to be wiped and started anew under a running program.
        let mut config = ChainConfig {
            endpoints,
            connect_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(10),
            finality_timeout: Duration::from_secs(120),
            heartbeat: Duration::from_secs(5),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            look_around: Duration::from_secs(30),
            stall_after: Duration::from_secs(60),
            mortality: 128,
            allow_new_genesis: false,
        };
        config.allow_new_genesis = config.is_local();
        config
    }

    /// Whether every endpoint is on this machine: `localhost`, a loopback address, or the unspecified one, which
    /// connects to loopback. An address that cannot be read counts as a stranger's.
    pub fn is_local(&self) -> bool {
        !self.endpoints.is_empty() && self.endpoints.iter().all(|endpoint| is_local(endpoint))
    }

    /// Default settings for a network by name (`finney`, `test`, `archive`, `local`) or endpoint (`ws://`, `wss://`).
    ///
    /// # Errors
    /// When the name is not known.
    pub fn for_network(network: &str) -> Result<Self, ChainError> {
        Ok(ChainConfig::new(endpoints_of(network)?))
    }

    pub(crate) fn validate(&self) -> Result<(), ChainError> {
        if self.endpoints.is_empty() {
            return Err(ChainError::Config(
                "no endpoint given; name a network or a ws:// address".into(),
            ));
        }
        if let Some(bad) = self.endpoints.iter().find(|endpoint| !is_websocket(endpoint)) {
            return Err(ChainError::Config(format!(
                "endpoint `{bad}` has to start with ws:// or wss://"
            )));
        }
        if !self.mortality.is_power_of_two() || !(4..=65536).contains(&self.mortality) {
            let given = self.mortality;
            return Err(ChainError::Config(format!(
                "mortality {given} has to be a power of two from 4 to 65536"
            )));
        }
        let zero = [
            self.connect_timeout,
            self.request_timeout,
            self.finality_timeout,
            self.heartbeat,
            self.look_around,
            self.stall_after,
        ]
        .iter()
        .any(Duration::is_zero);
        if zero || self.backoff_min.is_zero() || self.backoff_min > self.backoff_max {
            return Err(ChainError::Config(
                "timeouts have to be above zero, and backoff_min at most backoff_max".into(),
            ));
        }
        Ok(())
    }
}

/// The first endpoint of a network; see [`endpoints_of`].
///
/// # Errors
/// When the name is not known.
pub fn endpoint_of(network: &str) -> Result<String, ChainError> {
    let mut endpoints = endpoints_of(network)?;
    Ok(endpoints.swap_remove(0))
}

/// All endpoints of a network, best first. A `ws://` or `wss://` address stands for itself.
///
/// # Errors
/// When the name is not known.
pub fn endpoints_of(network: &str) -> Result<Vec<String>, ChainError> {
    resolve(network, |name| std::env::var(name).ok())
}

fn resolve(network: &str, env: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, ChainError> {
    let network = network.trim();
    if is_websocket(network) {
        return Ok(vec![network.to_owned()]);
    }
    let fixed: &[&str] = match network {
        "finney" | "main" | "mainnet" => &[
            "wss://entrypoint-finney.opentensor.ai:443",
            "wss://lite.chain.opentensor.ai:443",
            "wss://lite.sub.latent.to:443",
        ],
        "test" | "testnet" => &["wss://test.finney.opentensor.ai:443"],
        "archive" => &[
            "wss://archive.chain.opentensor.ai:443",
            "wss://archive.sub.latent.to:443",
        ],
        "local" => {
            let moved = LOCAL_OVERRIDES
                .iter()
                .find_map(|name| env(name).filter(|value| !value.trim().is_empty()));
            let endpoint = moved.map_or_else(|| LOCAL.to_owned(), |value| value.trim().to_owned());
            return Ok(vec![endpoint]);
        }
        _ => {
            return Err(ChainError::Config(format!(
                "unknown network `{network}`; use finney, test, archive, local, or an address that starts with ws:// or wss://"
            )));
        }
    };
    Ok(fixed.iter().map(|endpoint| (*endpoint).to_owned()).collect())
}

fn is_websocket(text: &str) -> bool {
    text.starts_with("ws://") || text.starts_with("wss://")
}

fn is_local(endpoint: &str) -> bool {
    let own = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    match Url::parse(endpoint.trim()).as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => name == "localhost",
        Ok(Some(Host::Ipv4(ip))) => own(ip.into()),
        Ok(Some(Host::Ipv6(ip))) => own(ip.into()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_endpoints() {
        let none = |_: &str| None;
        assert_eq!(resolve("local", none).expect("known"), vec![LOCAL]);
        assert_eq!(
            resolve("ws://10.0.0.1:9944", none).expect("an address"),
            vec!["ws://10.0.0.1:9944"]
        );
        assert!(resolve("finney", none).expect("known").len() > 1);
        assert!(
            resolve("fineny", none)
                .expect_err("a typo")
                .to_string()
                .contains("finney")
        );
    }

    #[test]
    fn the_environment_moves_the_local_chain_only() {
        let env = |name: &str| (name == "BT_CHAIN_ENDPOINT").then(|| "ws://127.0.0.1:7".to_owned());
        assert_eq!(resolve("local", env).expect("known"), vec!["ws://127.0.0.1:7"]);
        assert!(resolve("test", env).expect("known")[0].contains("test.finney"));
        let both = |name: &str| {
            Some(
                if name == "BT_CHAIN_ENDPOINT" {
                    "ws://b"
                } else {
                    "ws://a"
                }
                .to_owned(),
            )
        };
        assert_eq!(resolve("local", both).expect("known"), vec!["ws://a"]);
    }

    #[test]
    fn only_local_chains_may_change_their_genesis() {
        assert!(ChainConfig::new(["ws://127.0.0.1:9944"]).allow_new_genesis);
        assert!(ChainConfig::new(["ws://[::1]:9944/x"]).allow_new_genesis);
        assert!(!ChainConfig::new(["ws://127.0.0.1:9944", "wss://test.finney.opentensor.ai:443"]).allow_new_genesis);
    }

    #[test]
    fn an_address_that_only_looks_local_is_not() {
        for local in [
            "ws://localhost:9944",
            "ws://127.0.0.9",
            "wss://[::1]:1/x",
            "ws://0.0.0.0:9944",
        ] {
            assert!(ChainConfig::new([local]).is_local(), "{local}");
        }
        for foreign in [
            "ws://127.example:9944",
            "ws://localhost.example",
            "ws://127.0.0.1@chain.example",
            "ws://127.0.0.1:80@chain.example",
            "ws://chain.example/?://127.0.0.1",
            "ws://10.0.0.1",
            "ws://",
        ] {
            assert!(!ChainConfig::new([foreign]).is_local(), "{foreign}");
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(ChainConfig::new(Vec::<String>::new()).validate().is_err());
        assert!(ChainConfig::new(["http://x"]).validate().is_err());
        let mut config = ChainConfig::new(["ws://x"]);
        assert!(config.validate().is_ok());
        config.mortality = 100;
        assert!(config.validate().is_err());
    }
}
