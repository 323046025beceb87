//! A metagraph of many neurons, read by this crate and by the Python SDK from the same development chain, in turns.
//!
//! `metagraph_bench [--neurons 256] [--rounds 20] [--delay 50] [--python PROGRAM --script scripts/bench/metagraph.py]`
//!
//! Both end with a whole metagraph ready for use. Twice: over the loopback, and over a line that takes `--delay`
//! milliseconds each way, which shows how many times a client waits for the chain before it has everything.

use std::error::Error;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axoneme_chain::{Chain, ChainConfig};
use axoneme_drill::{Drill, DrillConfig, Fault};
use localnet::{Localnet, LocalnetConfig, Preset};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const NETUID: u16 = 2;
/// Rounds over the slow line; its times hardly differ.
const SLOW_ROUNDS: usize = 9;

struct Options {
    neurons: u16,
    rounds: usize,
    delay: Duration,
    python: Option<String>,
    script: String,
}

fn options() -> Result<Options> {
    let mut options = Options {
        neurons: 256,
        rounds: 20,
        delay: Duration::from_millis(50),
        python: None,
        script: "scripts/bench/metagraph.py".into(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or("each flag takes a value")?;
        match flag.as_str() {
            "--neurons" => options.neurons = value.parse::<u16>()?.clamp(2, 256),
            "--rounds" => options.rounds = value.parse::<usize>()?.max(1),
            "--delay" => options.delay = Duration::from_millis(value.parse()?),
            "--python" => options.python = Some(value),
            "--script" => options.script = value,
            other => return Err(format!("unknown flag {other}").into()),
        }
    }
    Ok(options)
}

/// A subnet that is full from the first block on.
fn preset(neurons: u16) -> Result<Preset> {
    let text = format!(
        "[[subnet]]\nnetuid = {NETUID}\nowner = '//owner'\nowner_hotkey = '//owner//hotkey'\n\
         [subnet.hyperparameters]\nmax_allowed_uids = 256\n\
         [[subnet.neuron]]\ncoldkey = '//neuron{{i}}'\ncount = {}\nstake = 10\n",
        neurons - 1
    );
    Ok(text.parse()?)
}

#[tokio::main]
async fn main() -> Result {
    let options = options()?;
    let net = Localnet::start(LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        block_time: Duration::from_millis(250),
        genesis: Some(preset(options.neurons)?),
        ..LocalnetConfig::default()
    });
    let net = net.await?;
    println!("over the loopback");
    compare(&options, &net.ws_url(), options.rounds).await?;
    let slow = Drill::start(DrillConfig::before(&net.ws_url())?).await?;
    println!("over a line of {:?} each way", options.delay);
    let before = Some((&slow, options.delay));
    compare_over(&options, &slow.url(), SLOW_ROUNDS.min(options.rounds), before).await?;
    slow.shutdown().await;
    net.shutdown().await;
    Ok(())
}

async fn compare(options: &Options, url: &str, rounds: usize) -> Result {
    compare_over(options, url, rounds, None).await
}

/// Reads in turns, so that whatever else the machine does falls on both.
async fn compare_over(options: &Options, url: &str, rounds: usize, slow: Option<(&Drill, Duration)>) -> Result {
    let chain = Chain::connect(ChainConfig::new([url])).await?;
    let neurons = chain.metagraph(NETUID).await?.len();
    if neurons != usize::from(options.neurons) {
        return Err(format!("{neurons} neurons instead of {}", options.neurons).into());
    }
    let mut python = match &options.python {
        Some(program) => Some(Python::start(program, &options.script, url).await?),
        None => None,
    };
    // Connections are made at full speed; what is measured is a read over one that is there.
    if let Some((drill, delay)) = slow {
        drill.inject(Fault::Delay(delay));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        chain.metagraph(NETUID).await?;
        ours.push(started.elapsed().as_secs_f64());
        if let Some(python) = &mut python {
            theirs.push(python.read(neurons).await?);
        }
    }
    let mine = report("axoneme-chain", &mut ours);
    if let Some(python) = python {
        let theirs = report("bittensor 10.5 Subtensor.metagraph", &mut theirs);
        println!("  ratio of the medians: {:.1}", theirs / mine);
        python.stop().await;
    }
    if let Some((drill, _)) = slow {
        drill.clear();
    }
    Ok(())
}

/// The Python SDK, which reads a metagraph whenever it is told to.
struct Python {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Python {
    async fn start(program: &str, script: &str, url: &str) -> Result<Self> {
        let mut child = Command::new(program)
            .args([script, url, &NETUID.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let mut python = Self { child, orders, answers };
        python.answer().await?;
        Ok(python)
    }

    async fn answer(&mut self) -> Result<serde_json::Value> {
        while let Some(line) = self.answers.next_line().await? {
            // The SDK says other things as well.
            if line.starts_with('{') {
                return Ok(serde_json::from_str(&line)?);
            }
        }
        Err("the Python program ended".into())
    }

    async fn read(&mut self, neurons: usize) -> Result<f64> {
        self.orders.write_all(b"\n").await?;
        self.orders.flush().await?;
        let answer = self.answer().await?;
        if answer["neurons"].as_u64() != Some(neurons as u64) {
            return Err(format!("Python sees {} neurons", answer["neurons"]).into());
        }
        Ok(answer["seconds"].as_f64().ok_or("no seconds")?)
    }

    async fn stop(mut self) {
        drop(self.orders);
        let _ = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
    }
}

/// Prints and returns the median, in seconds.
fn report(name: &str, seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share) as usize] * 1e3;
    println!(
        "  {name}: median {:.1} ms, p90 {:.1} ms, of {} rounds",
        at(0.5),
        at(0.9),
        seconds.len()
    );
    at(0.5) / 1e3
}
