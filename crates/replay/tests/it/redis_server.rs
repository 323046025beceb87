//! A redis-server of a test's own, on a socket in a folder of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axoneme_replay::{RedisUrl, ReplayConfig};

pub(crate) struct RedisServer {
    program: PathBuf,
    options: Vec<String>,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl RedisServer {
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut server = Self {
            program: program(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            dir: tempfile::tempdir().expect("folder"),
            child: None,
        };
        server.start_again();
        server
    }

    pub(crate) fn start_again(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let child = Command::new(&self.program)
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(self.dir.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .stdin(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server starts"));
        let give_up = Instant::now() + Duration::from_secs(20);
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < give_up, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// As by kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("reaped");
        }
    }

    /// Stops and continues the process without its knowing: it accepts connections and never answers.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("running").id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(status.success());
    }

    pub(crate) fn url(&self) -> RedisUrl {
        let text = format!("unix://{}", self.socket().display());
        match text.parse() {
            Ok(ReplayConfig::Redis(url)) => url,
            other => panic!("{other:?}"),
        }
    }

    /// A command of the operator's.
    pub(crate) async fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(format!("unix://{}", self.socket().display())).expect("address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query_async(&mut connection).await.expect("answered")
    }

    /// How much longer a key lives, milliseconds.
    pub(crate) async fn life(&self, key: &[u8]) -> i64 {
        let client = redis::Client::open(format!("unix://{}", self.socket().display())).expect("address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
        let life = redis::cmd("PTTL").arg(key).query_async(&mut connection).await;
        life.expect("answered")
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The same places as scripts/get-redis looks at.
fn program() -> PathBuf {
    if let Some(set) = std::env::var_os("AXONEME_REDIS_SERVER") {
        return set.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let named = ["redis-server", "valkey-server"];
    let installed = named.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache"))
    });
    let fetched = cache.map(|cache| cache.join("axoneme/redis/redis-server"));
    let found = installed.chain(fetched).find(|program| program.is_file());
    found.expect("no redis-server on this machine: run scripts/get-redis once, or set AXONEME_REDIS_SERVER to its path")
}
