//! The process that serves while this one asks, so that the CPU time of each is known.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use axoneme_wallet::AccountId;

use crate::args::{LimitSet, ServeKind};
use crate::error::BenchError;
use crate::serve::Ready;

/// How to start this program again so that it runs `bench serve`.
#[derive(Debug, Clone)]
pub struct Relaunch {
    /// The program.
    pub program: PathBuf,
    /// What comes before the arguments of `serve`.
    pub prefix: Vec<OsString>,
}

impl Relaunch {
    /// This very program; `prefix` are the words that lead to `serve`.
    pub fn this(prefix: &[&str]) -> Result<Self, BenchError> {
        Ok(Self {
            program: std::env::current_exe().map_err(BenchError::system("find this program"))?,
            prefix: prefix.iter().map(OsString::from).collect(),
        })
    }
}

/// What to serve.
#[derive(Debug, Clone)]
pub struct ChildOptions {
    /// An axon or bare HTTP.
    pub kind: ServeKind,
    /// How many.
    pub count: usize,
    /// Its limits.
    pub limits: LimitSet,
    /// Whom it serves; everybody if empty.
    pub permit: Vec<AccountId>,
    /// The CPU it stays on.
    pub cpu: Option<usize>,
}

/// A serving process. Ends when dropped.
#[derive(Debug)]
pub struct ServingChild {
    process: Child,
    /// What it serves.
    pub ready: Ready,
}

impl ServingChild {
    /// Starts a process and waits until it serves.
    pub fn start(relaunch: &Relaunch, options: &ChildOptions) -> Result<Self, BenchError> {
        let mut command = match options.cpu {
            Some(cpu) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &cpu.to_string()]).arg(&relaunch.program);
                command
            }
            None => Command::new(&relaunch.program),
        };
        command
            .args(&relaunch.prefix)
            .args(["--kind", options.kind.word(), "--limits", options.limits.word()])
            .args(["--count", &options.count.to_string()])
            .args(options.permit.iter().map(|hotkey| format!("--permit={hotkey}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            BenchError::Child(format!("cannot run {program}: {error}"))
        })?;
        let mut line = String::new();
        let read = process
            .stdout
            .take()
            .map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let ready = serde_json::from_str(&line);
        match (read, ready) {
            (Some(Ok(_)), Ok(ready)) => Ok(Self { process, ready }),
            _ => {
                let _ = process.kill();
                let _ = process.wait();
                Err(BenchError::Child(format!(
                    "it printed {line:?} instead of its addresses"
                )))
            }
        }
    }
}

impl Drop for ServingChild {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
