//! Starting the workspace's programs and reading what they say.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axoneme_dendrite::{Answer, AxonTarget, Dendrite, DendriteConfig};
use axoneme_protocol::Prompting;
use axoneme_wallet::Wallet;
use subxt::{OnlineClient, SubstrateConfig, dynamic};

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A program of this workspace. `cargo test --workspace` builds the daemons for their own tests, into the folder of
/// `axoneme`; where only this package is tested, this builds those that are not there yet.
pub fn program(name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let axoneme = PathBuf::from(env!("CARGO_BIN_EXE_axoneme"));
    let folder = axoneme.parent().unwrap();
    let program = folder.join(name);
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", name]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        build.env("CARGO_TARGET_DIR", folder.parent().unwrap());
        build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        assert!(build.status().unwrap().success(), "{name} does not build");
    }
    program
}

/// Held by a test that runs language models: two cores are not enough for two such tests at a time.
pub fn alone_with_models() -> MutexGuard<'static, ()> {
    static MODELS: Mutex<()> = Mutex::new(());
    MODELS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running program whose stdout and stderr are read line by line. Killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub fn start(name: &str, args: &[&str]) -> Self {
        let mut child = command(name, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let pipes: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for pipe in pipes {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that contains `text`, if none was said yet, and returns it.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_within(text, PATIENCE).unwrap_or_else(|| {
            panic!(
                "`{text}` was not said within {PATIENCE:?}; said:\n{}",
                self.seen.join("\n")
            )
        })
    }

    /// The same with a limit of its own; `None` when the limit passes or the program ends.
    pub fn wait_within(&mut self, text: &str, limit: Duration) -> Option<String> {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return Some(line.clone());
        }
        let end = Instant::now() + limit;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if line.contains(text) {
                return Some(line);
            }
        }
        None
    }

    /// Waits until a chain says where it listens; its port.
    pub fn wait_for_port(&mut self) -> u16 {
        const ADDRESS: &str = "ws://127.0.0.1:";
        let line = self.wait_for(ADDRESS);
        let rest = line.split(ADDRESS).nth(1).unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    }

    /// All lines until now.
    pub fn said(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGINT, as Ctrl-C sends it; the exit status, or a panic after `limit`.
    pub fn interrupt(mut self, limit: Duration) -> ExitStatus {
        let status = Command::new("kill")
            .args(["-INT", &self.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < end,
                "still running {limit:?} after SIGINT:\n{}",
                self.said().join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command with an environment that the operator's own settings cannot change.
pub fn command(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command.args(args);
    for (key, _) in std::env::vars() {
        if key.starts_with("BT_") || (key.starts_with("AXONEME_") && key != "AXONEME_CACHE") {
            command.env_remove(key);
        }
    }
    command.env_remove("RUST_BACKTRACE");
    command
}

/// Runs a program to its end: code, stdout, stderr.
pub fn run(name: &str, args: &[&str]) -> (i32, String, String) {
    let output = command(name, args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

/// [`run`] that must succeed; its stdout.
pub fn succeed(name: &str, args: &[&str]) -> String {
    let (code, stdout, stderr) = run(name, args);
    assert_eq!(code, 0, "{name} {args:?}:\n{stdout}\n{stderr}");
    stdout
}

/// What a log line says after `key=`.
pub fn word(line: &str, key: &str) -> String {
    let rest = line.split(&format!("{key}=")).nth(1).unwrap();
    rest.split(' ').next().unwrap().to_owned()
}

/// A dev chain in a process of its own, and wallets for it.
pub struct Subnet {
    pub folder: tempfile::TempDir,
    pub chain: Option<Running>,
    pub port: u16,
    pub endpoint: String,
    /// What the chain begins with, if not with its usual.
    genesis: Option<String>,
}

impl Subnet {
    /// A fresh chain on a free port, keeping its blocks in the folder.
    pub fn start() -> Self {
        Self::begin(None)
    }

    /// The same with this file's text as its beginning.
    pub fn start_with(genesis: &str) -> Self {
        Self::begin(Some(genesis))
    }

    fn begin(genesis: Option<&str>) -> Self {
        let mut subnet = Self {
            folder: tempfile::tempdir().unwrap(),
            chain: None,
            port: 0,
            endpoint: String::new(),
            genesis: None,
        };
        if let Some(text) = genesis {
            let path = subnet.path("genesis.toml");
            std::fs::write(&path, text).unwrap();
            subnet.genesis = Some(path);
        }
        subnet.start_chain();
        subnet
    }

    /// Starts the chain, on the same port as before if there was one.
    pub fn start_chain(&mut self) {
        let data = self.folder.path().join("chain");
        let port = self.port.to_string();
        let mut args = vec!["--port", &port, "--data-dir", data.to_str().unwrap()];
        args.extend(self.genesis.iter().flat_map(|path| ["--genesis", path]));
        let mut chain = Running::start("localnet", &args);
        self.port = chain.wait_for_port();
        self.endpoint = format!("ws://127.0.0.1:{}", self.port);
        self.chain = Some(chain);
    }

    /// Stops the chain the hard way.
    pub fn stop_chain(&mut self) {
        self.chain.take().unwrap().kill();
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Flags that name a wallet of this subnet.
    pub fn wallet(&self, name: &str) -> Vec<String> {
        [
            "--wallet.name",
            name,
            "--wallet.hotkey",
            "default",
            "--wallet.path",
            &self.path("wallets"),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Runs an `axoneme` command for a wallet on this chain.
    pub fn axoneme(&self, command: &str, wallet: &str, more: &[&str]) -> String {
        let mut args = vec![command.to_owned()];
        args.extend(self.wallet(wallet));
        if command != "wallet" {
            args.extend(["--subtensor.network".to_owned(), self.endpoint.clone()]);
        }
        args.extend(more.iter().map(|text| text.to_string()));
        succeed("axoneme", &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A wallet with 2,000 TAO that is registered and staked on subnet 1.
    pub fn join(&self, wallet: &str, stake: &str) {
        self.axoneme("wallet", wallet, &[]);
        self.axoneme("fund", wallet, &["--amount", "2000"]);
        self.axoneme("register", wallet, &["--netuid", "1"]);
        self.axoneme("stake", wallet, &["--netuid", "1", "--amount", stake]);
    }

    /// The flags of a daemon on subnet 1 of this chain.
    pub fn daemon(&self, wallet: &str, more: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = [
            "--netuid",
            "1",
            "--subtensor.chain_endpoint",
            &self.endpoint,
            "--logging.logging_dir",
            &self.path("neurons"),
        ]
        .map(str::to_owned)
        .to_vec();
        args.extend(self.wallet(wallet));
        args.extend(more.iter().map(|text| text.to_string()));
        args
    }

    pub fn start_daemon(&self, program: &str, wallet: &str, more: &[&str]) -> Running {
        let args = self.daemon(wallet, more);
        Running::start(program, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Asks a miner of this machine as the hotkey of a wallet.
    pub fn ask(&self, wallet: &str, miner: &mut Running, question: &str, within: Duration) -> Answer<Prompting> {
        let line = miner.wait_for("miner started");
        let port = word(&line, "listen").rsplit(':').next().unwrap().parse().unwrap();
        let target = AxonTarget::new(word(&line, "hotkey").parse().unwrap(), [127, 0, 0, 1].into(), port);
        let wallet = Wallet::new(self.path("wallets"), wallet, "default");
        let config = DendriteConfig {
            allow_private: true,
            ..DendriteConfig::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let dendrite = Dendrite::new(Arc::new(wallet.load_hotkey().unwrap()), config).unwrap();
            dendrite.call(&target, Prompting::ask(question), within).await
        })
    }

    /// The row of weights that the chain stores for a uid of subnet 1, read by a client that shares no code with ours.
    pub fn weights_of(&self, uid: u16) -> Vec<(u16, u16)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = OnlineClient::<SubstrateConfig>::from_insecure_url(&self.endpoint).await;
            let at = client.unwrap().at_current_block().await.unwrap();
            let address = dynamic::storage::<(u16, u16), Vec<(u16, u16)>>("SubtensorModule", "Weights");
            let row = at.storage().try_fetch(address, (1u16, uid)).await.unwrap();
            row.map(|row| row.decode().unwrap()).unwrap_or_default()
        })
    }

    /// Subnet 1 as `axoneme metagraph` shows it, JSON.
    pub fn metagraph(&self) -> String {
        let network = ["--subtensor.network", &self.endpoint];
        succeed(
            "axoneme",
            &[&["metagraph", "--netuid", "1", "--json"], &network[..]].concat(),
        )
    }

    /// Where a daemon keeps what it writes.
    pub fn data_of(&self, wallet: &str, name: &str) -> PathBuf {
        PathBuf::from(self.path("neurons")).join(format!("{wallet}/default/netuid1/{name}"))
    }

    pub fn run_daemon(&self, program: &str, wallet: &str, more: &[&str]) -> (i32, String, String) {
        let args = self.daemon(wallet, more);
        run(program, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}
