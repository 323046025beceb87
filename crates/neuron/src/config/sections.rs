//! The sections every neuron has, with the names and defaults the field knows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Setting, SettingKind as Kind};

/// Which keys to sign with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalletConfig {
    /// Name of the coldkey's folder.
    pub name: String,
    /// Name of the hotkey file in it.
    pub hotkey: String,
    /// Folder of all wallets; a leading `~` is the home directory.
    pub path: String,
    /// Open file descriptor that gives the password of an encrypted hotkey, on one line.
    pub password_fd: Option<u32>,
    /// File that holds the password of an encrypted hotkey, on one line.
    pub password_file: Option<String>,
    /// Start although the coldkey lies beside the hotkey without a password. Chains on this machine need no telling.
    pub allow_unencrypted_coldkey: bool,
}

impl Default for WalletConfig {
    fn default() -> Self {
        Self {
            name: "default".into(),
            hotkey: "default".into(),
            path: "~/.bittensor/wallets/".into(),
            password_fd: None,
            password_file: None,
            allow_unencrypted_coldkey: false,
        }
    }
}

impl WalletConfig {
    /// The wallet these settings name.
    pub fn wallet(&self) -> axoneme_wallet::Wallet {
        axoneme_wallet::Wallet::new(&self.path, &self.name, &self.hotkey)
    }

    /// Where the password of an encrypted hotkey may come from: what these settings name, else the environment.
    /// A daemon never prompts.
    pub fn passwords(&self) -> axoneme_wallet::PasswordSources {
        let mut sources = axoneme_wallet::PasswordSources::environment();
        if let Some(number) = self.password_fd {
            sources = sources.descriptor(number);
        }
        if let Some(path) = self.password_file.as_ref().filter(|path| !path.is_empty()) {
            sources = sources.file(path);
        }
        sources
    }
}

/// Which chain to talk to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubtensorConfig {
    /// `finney`, `test`, `archive`, `local`, or an endpoint (`ws://`, `wss://`).
    pub network: String,
    /// An endpoint that wins over `network` when set.
    pub chain_endpoint: Option<String>,
}

impl Default for SubtensorConfig {
    fn default() -> Self {
        Self {
            network: "finney".into(),
            chain_endpoint: None,
        }
    }
}

impl SubtensorConfig {
    /// The name or address to resolve into endpoints.
    pub fn target(&self) -> &str {
        self.chain_endpoint
            .as_deref()
            .filter(|url| !url.is_empty())
            .unwrap_or(&self.network)
    }
}

/// What is logged, and where a neuron keeps its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingConfig {
    /// Also debug lines of this workspace.
    pub debug: bool,
    /// Everything this workspace logs.
    pub trace: bool,
    /// The default level; accepted because the Python daemons have it.
    pub info: bool,
    /// JSON lines instead of text.
    pub json: bool,
    /// Root of all data directories; a leading `~` is the home directory.
    pub logging_dir: String,
}

impl Default for LoggingConfig {
    fn default() -> Self {
        Self {
            debug: false,
            trace: false,
            info: false,
            json: false,
            logging_dir: "~/.bittensor/miners".into(),
        }
    }
}

impl LoggingConfig {
    /// `{logging_dir}/{wallet}/{hotkey}/netuid{netuid}/{name}`: where a neuron keeps its state.
    pub fn data_dir(&self, wallet: &WalletConfig, netuid: u16, name: &str) -> PathBuf {
        PathBuf::from(&*shellexpand::tilde(&self.logging_dir))
            .join(&wallet.name)
            .join(&wallet.hotkey)
            .join(format!("netuid{netuid}"))
            .join(name)
    }
}

/// Where the axon listens and which address is published on chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AxonConfig {
    /// Address to listen on; `0.0.0.0` is every IPv4 interface.
    pub ip: IpAddr,
    /// Port to listen on.
    pub port: u16,
    /// Address to publish, when it is not the one listened on.
    pub external_ip: Option<IpAddr>,
    /// Port to publish, when it is not the one listened on.
    pub external_port: Option<u16>,
    /// Requests handled at the same time.
    pub max_workers: usize,
    /// Where used nonces are remembered: `file` (in the data directory), `file:<folder>`, `memory`, or the URL of a
    /// Redis server that all replicas behind one address share.
    pub replay_store: String,
}

impl Default for AxonConfig {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::UNSPECIFIED.into(),
            port: 8091,
            external_ip: None,
            external_port: None,
            max_workers: 10,
            replay_store: "file".into(),
        }
    }
}

impl AxonConfig {
    /// The socket to bind.
    pub fn bind(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

/// The operator's own port: health and metrics, on loopback.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Port on 127.0.0.1; unset picks a free one and logs it, 0 switches it off.
    pub port: Option<u16>,
}

/// Settings of [`WalletConfig`], [`SubtensorConfig`], [`LoggingConfig`] and the netuid.
pub fn common_settings() -> Vec<Setting> {
    vec![
        Setting::new("netuid", Kind::Integer, "Subnet to join").env("BT_NETUID"),
        Setting::new("wallet.name", Kind::Text, "Name of the wallet (coldkey)").env("BT_WALLET_NAME"),
        Setting::new("wallet.hotkey", Kind::Text, "Name of the hotkey").env("BT_WALLET_HOTKEY"),
        Setting::new("wallet.path", Kind::Text, "Folder of all wallets").env("BT_WALLET_PATH"),
        Setting::new(
            "wallet.password_fd",
            Kind::Integer,
            "Read the password of an encrypted hotkey from this file descriptor",
        ),
        Setting::new(
            "wallet.password_file",
            Kind::Text,
            "Read the password of an encrypted hotkey from this file",
        ),
        Setting::new(
            "wallet.allow_unencrypted_coldkey",
            Kind::Switch,
            "Start although the coldkey lies here without a password",
        ),
        Setting::new(
            "subtensor.network",
            Kind::Text,
            "finney, test, archive, local, or an endpoint ws://…",
        )
        .env("BT_SUBTENSOR_NETWORK"),
        Setting::new(
            "subtensor.chain_endpoint",
            Kind::Text,
            "Endpoint that wins over the network's name",
        )
        .env("BT_SUBTENSOR_CHAIN_ENDPOINT"),
        Setting::new("logging.debug", Kind::Switch, "Log debug lines").env("BT_LOGGING_DEBUG"),
        Setting::new("logging.trace", Kind::Switch, "Log everything").env("BT_LOGGING_TRACE"),
        Setting::new("logging.info", Kind::Switch, "Log at the default level"),
        Setting::new("logging.json", Kind::Switch, "Log JSON lines"),
        Setting::new("logging.logging_dir", Kind::Text, "Root of all data directories").env("BT_LOGGING_LOGGING_DIR"),
    ]
}

/// Settings of [`AxonConfig`].
pub fn axon_settings() -> Vec<Setting> {
    vec![
        Setting::new("axon.ip", Kind::Text, "Address to listen on").env("BT_AXON_IP"),
        Setting::new("axon.port", Kind::Integer, "Port to listen on").env("BT_AXON_PORT"),
        Setting::new("axon.external_ip", Kind::Text, "Address to publish on chain").env("BT_AXON_EXTERNAL_IP"),
        Setting::new("axon.external_port", Kind::Integer, "Port to publish on chain").env("BT_AXON_EXTERNAL_PORT"),
        Setting::new("axon.max_workers", Kind::Integer, "Requests handled at the same time").env("BT_AXON_MAX_WORKERS"),
        Setting::new(
            "axon.replay_store",
            Kind::Text,
            "Where used nonces are kept: file, file:<folder>, memory, or redis://… for replicas",
        ),
    ]
}

/// Settings of [`AdminConfig`].
pub fn admin_settings() -> Vec<Setting> {
    vec![Setting::new(
        "admin.port",
        Kind::Integer,
        "Port of /livez, /readyz and /metrics on 127.0.0.1; 0 is off",
    )]
}

/// A configuration as JSON, for tests that compare flags with fields.
pub fn as_json(config: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(config).unwrap_or_default()
}
