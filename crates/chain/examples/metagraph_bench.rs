//! A metagraph of many neurons, read by this crate and by the Python SDK from the same development chain.
//!
//! `metagraph_bench [--neurons 256] [--rounds 20] [--python PROGRAM --script scripts/bench/metagraph.py]`

use axoneme_chain::{Call, Chain, ChainConfig};
use axoneme_wallet::Keypair;
use localnet::{Localnet, LocalnetConfig};
use std::error::Error;
use std::time::{Duration, Instant};

/// Registrations in one transaction; a block has room for more.
const AT_ONCE: usize = 64;

struct Options {
    neurons: u16,
    rounds: usize,
    python: Option<String>,
    script: String,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        neurons: 256,
        rounds: 20,
        python: None,
        script: "scripts/bench/metagraph.py".into(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or("each flag takes a value")?;
        match flag.as_str() {
            "--neurons" => options.neurons = value.parse()?,
            "--rounds" => options.rounds = value.parse::<usize>()?.max(1),
            "--python" => options.python = Some(value),
            "--script" => options.script = value,
            other => return Err(format!("unknown flag {other}").into()),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let net = Localnet::start(LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        block_time: Duration::from_millis(250),
        ..LocalnetConfig::default()
    });
    let net = net.await?;
    let chain = Chain::connect(ChainConfig::new([net.ws_url()])).await?;
    let netuid = 1;
    let registering = Instant::now();
    fill(&chain, netuid, options.neurons).await?;
    let neurons = chain.metagraph(netuid).await?.len();
    println!("{neurons} neurons after {:.1?}", registering.elapsed());

    let mut ours = Vec::new();
    for _ in 0..options.rounds {
        let started = Instant::now();
        chain.metagraph(netuid).await?;
        ours.push(started.elapsed().as_secs_f64());
    }
    let mine = report("axoneme-chain", &mut ours);
    if let Some(python) = &options.python {
        let output = tokio::process::Command::new(python)
            .args([&options.script, &net.ws_url(), "1", &options.rounds.to_string()])
            .stderr(std::process::Stdio::inherit())
            .output()
            .await?;
        let text = String::from_utf8(output.stdout)?;
        let line = text.lines().rev().find(|line| line.starts_with('{'));
        let answer: serde_json::Value = serde_json::from_str(line.ok_or("no figures from Python")?)?;
        if answer["neurons"].as_u64() != Some(neurons as u64) {
            return Err(format!("Python sees {} neurons", answer["neurons"]).into());
        }
        let list = answer["seconds"].as_array().ok_or("no figures from Python")?;
        let mut theirs: Vec<f64> = list.iter().filter_map(serde_json::Value::as_f64).collect();
        let theirs = report("bittensor 10.5 Subtensor.metagraph", &mut theirs);
        println!("ratio of the medians: {:.1}", theirs / mine);
    }
    net.shutdown().await;
    Ok(())
}

/// Prints and returns the median, in seconds.
fn report(name: &str, seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share) as usize] * 1e3;
    println!(
        "{name}: median {:.1} ms, p90 {:.1} ms, of {} rounds",
        at(0.5),
        at(0.9),
        seconds.len()
    );
    at(0.5) / 1e3
}

/// Registers hotkeys until the subnet has that many neurons.
async fn fill(chain: &Chain, netuid: u16, neurons: u16) -> Result<(), Box<dyn Error>> {
    let alice = Keypair::from_uri("//Alice")?;
    chain.admin_set_max_allowed_uids(&alice, netuid, neurons).await.ok();
    chain
        .admin_set_max_registrations_per_block(&alice, netuid, u16::MAX)
        .await?;
    chain.admin_set_target_registrations(&alice, netuid, u16::MAX).await?;
    chain.admin_set_min_burn(&alice, netuid, 500_000).await?;
    chain.admin_set_max_burn(&alice, netuid, 1_000_000).await?;
    let there = chain.metagraph(netuid).await?.len();
    let missing = usize::from(neurons).saturating_sub(there);
    let keys: Vec<_> = (0..missing)
        .map(|number| Ok(Keypair::from_uri(&format!("//bench//{number}"))?.account_id()))
        .collect::<Result<_, Box<dyn Error>>>()?;
    for keys in keys.chunks(AT_ONCE) {
        let calls = keys
            .iter()
            .map(|hotkey| Call::burned_register(netuid, hotkey))
            .collect();
        let outcome = chain.submit_batch(&alice, &Call::force_batch(calls)).await?;
        if let Some(error) = outcome.items.into_iter().find_map(Result::err) {
            return Err(error.into());
        }
    }
    Ok(())
}
