//! What a full subnet costs the dev chain: 256 neurons, 64 validators that all have weights on everybody.
//!
//! ```text
//! cargo run --release -p localnet --example bench_epoch -- [--neurons 256] [--validators 64] [--epochs 30] [--json]
//! ```
//! Blocks are made one after another and timed, those that run an epoch apart from the others; then the chain is started
//! again on its data directory with a block every 250 ms, and the time between blocks is read from the chain's own clock.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use clap::Parser;
use localnet::{Localnet, LocalnetConfig, Preset, Sealing};
use serde_json::json;
use subxt::{OnlineClient, SubstrateConfig, config::DefaultExtrinsicParamsBuilder, dynamic};
use subxt_signer::sr25519::Keypair;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
type Client = OnlineClient<SubstrateConfig>;

const NETUID: u16 = 2;
const TEMPO: u16 = 10;
/// Epochs for which weights make a validator active, at most; it is about 13.
const EPOCHS_ACTIVE: usize = 8;
/// Blocks that hold the weights of all validators, with room.
const BLOCKS_TO_WEIGH: usize = 8;
const PALLET: &str = "SubtensorModule";
/// Time between blocks in the second part, and how long it is watched.
const BLOCK_TIME: Duration = Duration::from_millis(250);
const WATCH: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Flags {
    /// Neurons on the subnet, its owner's included
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(3..=256))]
    neurons: u16,
    /// Neurons with a permit and weights
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=64))]
    validators: u16,
    /// Epochs to time
    #[arg(long, default_value_t = 30)]
    epochs: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result {
    let flags = Flags::parse();
    let validators = flags.validators.min(flags.neurons - 2);
    let dir = tempfile::tempdir()?;
    let preset: Preset = preset(flags.neurons, validators).parse()?;
    let config = LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        block_time: BLOCK_TIME,
        sealing: Sealing::Manual,
        data_dir: Some(dir.path().to_owned()),
        genesis: Some(preset),
        ..LocalnetConfig::default()
    };
    let started = Instant::now();
    let chain = Localnet::start(config.clone()).await?;
    let genesis = started.elapsed();
    let client = Client::from_url(chain.ws_url()).await?;
    // The first epoch gives the permits.
    for _ in 0..2 * TEMPO {
        chain.new_block().await?;
    }
    let (mut epochs, mut plain) = (Vec::new(), Vec::new());
    let mut last_epoch = last_epoch_block(&client).await?;
    let (mut extrinsics, mut weighed_at) = (0, None);
    while epochs.len() < flags.epochs as usize {
        // Validators whose weights are old count for nothing.
        if weighed_at.is_none_or(|then| epochs.len() >= then + EPOCHS_ACTIVE) {
            extrinsics = set_weights(&chain, &client, flags.neurons, validators).await?;
            weighed_at = Some(epochs.len());
            last_epoch = last_epoch_block(&client).await?;
        }
        let started = Instant::now();
        chain.new_block().await?;
        let took = started.elapsed();
        let epoch = last_epoch_block(&client).await?;
        if epoch == last_epoch {
            plain.push(took)
        } else {
            epochs.push(took)
        }
        last_epoch = epoch;
    }
    let ranked = ranked(&client).await?;
    if ranked == 0 {
        return Err("the last epoch gave no incentive, so its time means nothing".into());
    }
    let metagraph = metagraph(&client).await?;
    let rss = resident_kib();
    let blocks = chain.head().number();
    chain.shutdown().await;

    let started = Instant::now();
    let chain = Localnet::start(LocalnetConfig {
        sealing: Sealing::Interval,
        ..config
    })
    .await?;
    let restart = started.elapsed();
    let client = Client::from_url(chain.ws_url()).await?;
    let from = chain.head().number();
    tokio::time::sleep(WATCH).await;
    let intervals = intervals(&client, from + 1, chain.head().number()).await?;
    chain.shutdown().await;

    let figures = json!({
        "neurons": flags.neurons,
        "validators": validators,
        "rows_of_weights": extrinsics,
        "neurons_with_incentive": ranked,
        "tempo": TEMPO,
        "genesis_ms": ms(genesis),
        "epoch_block_ms": spread(&mut epochs),
        "plain_block_ms": spread(&mut plain),
        "metagraph_call_ms": ms(metagraph.0),
        "metagraph_bytes": metagraph.1,
        "rss_kib": rss,
        "restart_ms": ms(restart),
        "blocks_replayed": blocks,
        "block_time_ms": BLOCK_TIME.as_millis() as u64,
        "block_interval_ms": spread(&mut intervals.clone()),
    });
    if flags.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{}", table(&figures)?);
    }
    Ok(())
}

/// Validators first: their stake gives them the permits.
fn preset(neurons: u16, validators: u16) -> String {
    format!(
        "[[subnet]]\nnetuid = {NETUID}\nowner = '//owner'\nowner_hotkey = '//owner//hotkey'\n\
         [subnet.hyperparameters]\ntempo = {TEMPO}\nmax_allowed_uids = 256\nmax_allowed_validators = {validators}\n\
         weights_set_rate_limit = 0\ncommit_reveal_weights_enabled = false\n\
         [[subnet.neuron]]\ncoldkey = '//validator{{i}}'\ncount = {validators}\nstake = 1000\n\
         [[subnet.neuron]]\ncoldkey = '//miner{{i}}'\ncount = {}\nstake = 1\n",
        neurons - 1 - validators
    )
}

/// Every validator weighs everybody, each a little differently.
async fn set_weights(chain: &Localnet, client: &Client, neurons: u16, validators: u16) -> Result<usize> {
    let mut sent = Vec::new();
    for validator in 1..=validators {
        let key = Keypair::from_uri(&format!("//validator{validator}//hotkey").parse()?)?;
        let uids: Vec<u16> = (0..neurons).collect();
        let values: Vec<u16> = uids
            .iter()
            .map(|uid| (uid.wrapping_mul(7919) ^ validator.wrapping_mul(31)) % 1000 + 1)
            .collect();
        let call = dynamic::transaction(PALLET, "set_weights", (NETUID, uids, values, 0u64));
        let params = DefaultExtrinsicParamsBuilder::new().mortal(64).build();
        sent.push(
            client
                .tx()
                .await?
                .sign_and_submit_then_watch(&call, &key, params)
                .await?,
        );
    }
    for _ in 0..BLOCKS_TO_WEIGH {
        chain.new_block().await?;
    }
    let count = sent.len();
    for progress in sent {
        progress.wait_for_finalized_success().await?;
    }
    Ok(count)
}

async fn last_epoch_block(client: &Client) -> Result<u64> {
    let address = dynamic::storage::<(u16,), u64>(PALLET, "LastEpochBlock");
    let at = client.at_current_block().await?;
    let value = at.storage().try_fetch(address, (NETUID,)).await?;
    Ok(value.map(|value| value.decode()).transpose()?.unwrap_or(0))
}

/// Neurons the last epoch gave incentive: none would mean that nothing was measured.
async fn ranked(client: &Client) -> Result<usize> {
    let address = dynamic::storage::<(u16,), Vec<u16>>(PALLET, "Incentive");
    let at = client.at_current_block().await?;
    let value = at.storage().try_fetch(address, (NETUID,)).await?;
    let incentive = value.map(|value| value.decode()).transpose()?.unwrap_or_default();
    Ok(incentive.iter().filter(|share| **share > 0).count())
}

/// Time and size of the metagraph in one call.
async fn metagraph(client: &Client) -> Result<(Duration, usize)> {
    let at = client.at_current_block().await?;
    let started = Instant::now();
    let args = codec::Encode::encode(&NETUID);
    let answer = at
        .runtime_apis()
        .call_raw("SubnetInfoRuntimeApi_get_metagraph", Some(&args))
        .await?;
    Ok((started.elapsed(), answer.len()))
}

/// Time between each two blocks as the chain itself tells it.
async fn intervals(client: &Client, from: u32, to: u32) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for number in from..=to {
        let address = dynamic::storage::<(), u64>("Timestamp", "Now");
        let at = client.at_block(u64::from(number)).await?;
        let value = at.storage().try_fetch(address, ()).await?.ok_or("no time")?;
        times.push(value.decode()?);
    }
    Ok(times
        .windows(2)
        .map(|pair| Duration::from_millis(pair[1].saturating_sub(pair[0])))
        .collect())
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}

fn spread(times: &mut [Duration]) -> serde_json::Value {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1)) - 1;
        times.get(place).copied().map(ms)
    };
    json!({ "count": times.len(), "p50": at(0.5), "p99": at(0.99), "max": times.last().copied().map(ms) })
}

fn table(figures: &serde_json::Value) -> Result<String> {
    let mut text = String::new();
    for (name, value) in figures.as_object().ok_or("no figures")? {
        match value.as_object() {
            Some(spread) => {
                let part = |key: &str| spread[key].to_string();
                writeln!(
                    text,
                    "{:<24} p50 {:>8}  p99 {:>8}  max {:>8}  of {}",
                    name.replace('_', " "),
                    part("p50"),
                    part("p99"),
                    part("max"),
                    part("count")
                )?;
            }
            None => writeln!(text, "{:<24} {value}", name.replace('_', " "))?,
        }
    }
    Ok(text.trim_end().to_owned())
}
