//! An endpoint that is killed again and again under a miner and a validator, which reach the chain through the drill.
//!
//! A minute of it here; `scripts/drill` runs the same for ten minutes (`AXONEME_DRILL_SECONDS`, `AXONEME_DRILL_EVERY`).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use subxt::{OnlineClient, SubstrateConfig, dynamic};

use crate::harness::{PATIENCE, Running, Subnet, alone_with_models};

/// Blocks between two settings of weights: fifteen seconds.
const WINDOW: u64 = 60;
/// How long a daemon may be without the chain after an outage, as its documentation promises.
const RESUMED_WITHIN: Duration = Duration::from_secs(60);
/// Sockets and threads come and go by a few; a leak would be one or more for each outage.
const SLACK: usize = 4;

const GENESIS: &str = "
[[subnet]]
netuid = 1
[subnet.hyperparameters]
tempo = 40
weights_set_rate_limit = 10
commit_reveal_weights_enabled = false
[[subnet.neuron]]
coldkey = '//validator'
stake = 1000
tao = 100
[[subnet.neuron]]
coldkey = '//miner'
stake = 1
tao = 100
";

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// A running daemon as the system and its admin port show it.
struct Watched {
    name: &'static str,
    daemon: Running,
    admin: String,
    unready_since: Option<Instant>,
    longest_unready: Duration,
}

impl Watched {
    fn new(name: &'static str, mut daemon: Running) -> Self {
        let line = daemon.wait_for("admin port on http://");
        let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap();
        Self {
            name,
            admin: format!("http://{address}"),
            daemon,
            unready_since: None,
            longest_unready: Duration::ZERO,
        }
    }

    async fn is_ready(&self) -> bool {
        match reqwest::get(format!("{}/readyz", self.admin)).await {
            Ok(answer) => answer.status().as_u16() == 200,
            Err(_) => false,
        }
    }

    async fn look(&mut self) {
        if self.is_ready().await {
            if let Some(since) = self.unready_since.take() {
                self.longest_unready = self.longest_unready.max(since.elapsed());
            }
        } else {
            let since = *self.unready_since.get_or_insert_with(Instant::now);
            self.longest_unready = self.longest_unready.max(since.elapsed());
        }
    }

    /// Open sockets and threads.
    fn weight(&self) -> (usize, usize) {
        let process = format!("/proc/{}", self.daemon.id());
        let sockets = std::fs::read_dir(format!("{process}/fd"))
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count();
        let threads = std::fs::read_dir(format!("{process}/task")).unwrap().count();
        (sockets, threads)
    }

    async fn wait_until_ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            assert!(
                Instant::now() < end,
                "{} is not ready:\n{}",
                self.name,
                self.daemon.said().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Block of the validator's latest weights, straight from the chain.
async fn last_update(client: &OnlineClient<SubstrateConfig>, uid: usize) -> (u64, u64) {
    let at = client.at_current_block().await.unwrap();
    let address = dynamic::storage::<(u16,), Vec<u64>>("SubtensorModule", "LastUpdate");
    let found = at.storage().try_fetch(address, (1u16,)).await.unwrap().unwrap();
    (
        at.block_number(),
        found.decode().unwrap().get(uid).copied().unwrap_or(0),
    )
}

/// Ends the drill as Ctrl-C does; what it says it did.
fn report_of(drill: &mut Running) -> Json {
    let signal = std::process::Command::new("kill")
        .args(["-INT", &drill.id().to_string()])
        .status();
    assert!(signal.unwrap().success());
    drill.wait_for("\"bytes_to_clients\"");
    drill.wait_within("no such line", Duration::from_secs(5));
    let lines = drill
        .said()
        .iter()
        .skip_while(|line| *line != "{")
        .cloned()
        .collect::<Vec<_>>();
    serde_json::from_str(&lines.join("\n")).unwrap()
}

fn start_chain() -> Subnet {
    let folder = tempfile::tempdir().unwrap();
    let genesis = folder.path().join("genesis.toml");
    std::fs::write(&genesis, GENESIS).unwrap();
    let mut chain = Running::start("localnet", &["--port", "0", "--genesis", genesis.to_str().unwrap()]);
    let port = chain.wait_for_port();
    let subnet = Subnet {
        folder,
        chain: Some(chain),
        port,
        endpoint: format!("ws://127.0.0.1:{port}"),
    };
    for name in ["validator", "miner"] {
        subnet.axoneme("wallet", name, &["--uri", &format!("//{name}")]);
    }
    subnet
}

#[test]
fn an_endpoint_that_is_killed_again_and_again_costs_no_window_and_leaves_nothing_behind() {
    let _alone = alone_with_models();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let length = Duration::from_secs(setting("AXONEME_DRILL_SECONDS", 60));
    let every = setting("AXONEME_DRILL_EVERY", 15);
    let down = setting("AXONEME_DRILL_DOWN", 4);
    let mut subnet = start_chain();
    let direct = subnet.endpoint.clone();
    let mut drill = Running::start(
        "axoneme",
        &[
            "drill",
            "--upstream",
            &direct,
            "--cut-every",
            &every.to_string(),
            "--for",
            &down.to_string(),
            "--json",
        ],
    );
    subnet.endpoint = format!("ws://127.0.0.1:{}", drill.wait_for_port());

    let miner = [
        "--axon.port",
        "0",
        "--miner.type",
        "echo",
        "--miner.blocks_per_epoch",
        "20",
    ];
    let window = WINDOW.to_string();
    let validator = [
        "--neuron.axon_off",
        "--seed",
        "1",
        "--neuron.epoch_length_override",
        &window,
        "--neuron.checkpoint_block_length",
        "20",
    ];
    let mut watched = [
        Watched::new("miner", subnet.start_daemon("miner", "miner", &miner)),
        Watched::new("validator", subnet.start_daemon("validator", "validator", &validator)),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (updates, before, after) = runtime.block_on(async {
        let client = OnlineClient::<SubstrateConfig>::from_url(&direct).await.unwrap();
        for daemon in &mut watched {
            daemon.wait_until_ready().await;
        }
        // The owner is uid 0, the validator the first neuron of the preset.
        let mut updates = BTreeSet::new();
        let end = Instant::now() + PATIENCE;
        while last_update(&client, 1).await.1 == 0 {
            assert!(
                Instant::now() < end,
                "no first weights:\n{}",
                watched[1].daemon.said().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let before = watched.each_ref().map(Watched::weight);
        let end = Instant::now() + length;
        let mut head = 0;
        while Instant::now() < end {
            for daemon in &mut watched {
                daemon.look().await;
            }
            let (block, updated) = last_update(&client, 1).await;
            head = block;
            updates.insert(updated);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        for daemon in &mut watched {
            daemon.wait_until_ready().await;
        }
        // Connections of the last outage may still be closing.
        let end = Instant::now() + PATIENCE;
        let settled = |after: &[(usize, usize); 2]| {
            after
                .iter()
                .zip(&before)
                .all(|(after, before)| after.0 <= before.0 + SLACK && after.1 <= before.1 + SLACK)
        };
        let mut after = watched.each_ref().map(Watched::weight);
        while !settled(&after) && Instant::now() < end {
            tokio::time::sleep(Duration::from_secs(1)).await;
            after = watched.each_ref().map(Watched::weight);
        }
        ((updates, head), before, after)
    });
    let (updates, head) = updates;
    let windows: BTreeSet<u64> = updates.iter().map(|block| block / WINDOW).collect();
    let first = windows.first().copied().unwrap();
    let missed: Vec<u64> = (first..head / WINDOW)
        .filter(|window| !windows.contains(window))
        .collect();

    let [mut miner, mut validator] = watched;
    let said = validator.daemon.said().join("\n");
    assert!(miner.daemon.is_running() && validator.daemon.is_running(), "{said}");
    assert_eq!(validator.daemon.interrupt(Duration::from_secs(5)).code(), Some(0));
    assert_eq!(miner.daemon.interrupt(Duration::from_secs(5)).code(), Some(0));
    let report = report_of(&mut drill);
    let daemon = |place: usize, name: &str, longest: Duration| {
        let ((sockets, threads), (sockets_after, threads_after)) = (before[place], after[place]);
        json!({
            "name": name, "longest_unready_s": longest.as_secs_f64(), "sockets": [sockets, sockets_after],
            "threads": [threads, threads_after],
        })
    };
    println!(
        "{}",
        json!({
            "seconds": length.as_secs(), "cut_every_s": every, "down_s": down, "window_blocks": WINDOW,
            "windows": head / WINDOW - first, "windows_missed": missed, "weights_set_in_blocks": updates,
            "daemons": [
                daemon(0, "miner", miner.longest_unready), daemon(1, "validator", validator.longest_unready),
            ],
            "drill": report,
        })
    );
    assert!(
        missed.is_empty(),
        "windows {missed:?} have no weights (set in blocks {updates:?}):\n{said}"
    );
    for (daemon, (before, after)) in [&miner.name, &validator.name].iter().zip(before.iter().zip(&after)) {
        assert!(
            after.0 <= before.0 + SLACK,
            "{daemon}: {} sockets, then {}",
            before.0,
            after.0
        );
        assert!(
            after.1 <= before.1 + SLACK,
            "{daemon}: {} threads, then {}",
            before.1,
            after.1
        );
    }
    let longest = miner.longest_unready.max(validator.longest_unready);
    assert!(longest <= RESUMED_WITHIN, "not ready for {longest:?}:\n{said}");
}
