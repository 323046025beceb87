//! A subnet on a development chain, with two mechanisms and one validator.

use axoneme_chain::{Chain, ChainConfig, WeightsView};
use axoneme_wallet::Keypair;
use localnet::{Localnet, LocalnetConfig};
use std::path::Path;
use std::time::Duration;

/// Bound for whatever a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(120);
const BLOCK_TIME: Duration = Duration::from_millis(100);
const TEMPO: u16 = 40;
const OWNER: &str = "//Alice";
pub const HOTKEY: &str = "//Alice//hot";

pub fn key(uri: &str) -> Keypair {
    Keypair::from_uri(uri).expect("a development key")
}

/// A started subnet of Alice with two mechanisms. Her hotkey, the validator, needs neither stake nor permit; two neurons
/// are there to give weights to.
pub struct Subnet {
    net: Localnet,
    pub chain: Chain,
    pub netuid: u16,
    folder: tempfile::TempDir,
}

impl Subnet {
    pub async fn new() -> Self {
        let config = LocalnetConfig {
            rpc: ([127, 0, 0, 1], 0).into(),
            block_time: BLOCK_TIME,
            ..LocalnetConfig::default()
        };
        let net = Localnet::start(config).await.expect("a development chain");
        let mut config = ChainConfig::new([net.ws_url()]);
        config.finality_timeout = PATIENCE;
        let chain = Chain::connect(config).await.expect("a connection");
        let alice = key(OWNER);
        chain.admin_set_network_rate_limit(&alice, 0).await.expect("no limit");
        let hotkey = key(HOTKEY).account_id();
        let netuid = chain.register_network(&alice, &hotkey).await.expect("a subnet");
        let set = chain.admin_set_weights_set_rate_limit(&alice, netuid, 0).await;
        set.expect("no limit");
        chain
            .admin_set_tempo(&alice, netuid, TEMPO)
            .await
            .expect("short epochs");
        for uri in ["//Bob//hot", "//Charlie//hot"] {
            let id = key(uri).account_id();
            chain.burned_register(&alice, netuid, &id).await.expect("a place");
        }
        // The chain has room for 256 places in all mechanisms together.
        let set = chain.admin_set_max_allowed_uids(&alice, netuid, 64).await;
        set.expect("a smaller subnet");
        let set = chain.admin_set_mechanism_count(&alice, netuid, 2).await;
        set.expect("a second mechanism");
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            net,
            chain,
            netuid,
            folder,
        }
    }

    /// Where a test may write; gone with the subnet.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn commit_reveal(&self, on: bool) {
        let set = self.chain.admin_set_commit_reveal(&key(OWNER), self.netuid, on).await;
        set.expect("a setting");
    }

    pub async fn version_key(&self, version: u64) {
        let alice = key(OWNER);
        let set = self.chain.admin_set_weights_version_key(&alice, self.netuid, version);
        set.await.expect("a setting");
    }

    /// Puts the chain's clock ahead.
    pub async fn leap(&self, seconds: u64) {
        let now = self.view(0).await.wall_clock;
        let to = now + Duration::from_secs(seconds);
        self.net.time_travel(to).await.expect("another time");
    }

    pub async fn view(&self, mecid: u8) -> WeightsView {
        let hotkey = key(HOTKEY).account_id();
        let view = self.chain.weights_view(self.netuid, mecid, &hotkey).await;
        view.expect("a view")
    }

    /// Epochs of the commits that the chain still keeps, of both mechanisms.
    pub async fn commits_by_window(&self) -> Vec<(u8, u64)> {
        let mut all = Vec::new();
        for mecid in [0, 1] {
            let view = self.view(mecid).await;
            all.extend(view.commits.iter().map(|commit| (mecid, commit.epoch)));
            all.extend(view.timelocked.iter().map(|commit| (mecid, commit.epoch)));
        }
        all
    }
}
