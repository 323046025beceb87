//! Asks one axon many questions at once and prints a report: `query ADDRESS HOTKEY [COUNT] [CONCURRENCY] [MESSAGE]`.
//!
//! Signs with the development key //Alice. Ends with 0 only if every answer is a 200 that says what was asked, which
//! is what the echo example and `scripts/interop/py_axon.py` answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
use axoneme_protocol::Prompting;
use axoneme_wallet::Keypair;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, hotkey, rest @ ..] = arguments.as_slice() else {
        return Err("usage: query ADDRESS HOTKEY [COUNT] [CONCURRENCY] [MESSAGE]".into());
    };
    let address: SocketAddr = address.parse()?;
    let target = AxonTarget::new(hotkey.parse()?, address.ip(), address.port());
    let count: usize = rest.first().map_or(Ok(1), |text| text.parse())?;
    let concurrency: usize = rest.get(1).map_or(Ok(1), |text| text.parse())?;
    let message = rest.get(2).cloned().unwrap_or_else(|| "hello".into());

    let config = DendriteConfig {
        allow_private: true,
        ..DendriteConfig::default()
    };
    let dendrite = Dendrite::new(Arc::new(Keypair::from_uri("//Alice")?), config)?;
    let gate = Arc::new(Semaphore::new(concurrency));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for index in 0..count {
        let (dendrite, gate, message) = (
            dendrite.clone(),
            gate.clone(),
            message.replace("{i}", &index.to_string()),
        );
        tasks.spawn(async move {
            let _permit = gate.acquire().await;
            let answer = dendrite
                .call(&target, Prompting::ask(message.clone()), Duration::from_secs(12))
                .await;
            (answer.synapse.completion == format!("user:{message}"), answer)
        });
    }
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    let mut times = Vec::new();
    let mut right = 0;
    while let Some(ended) = tasks.join_next().await {
        let (as_asked, answer) = ended?;
        right += usize::from(as_asked);
        times.extend(answer.process_time);
        let status = if answer.status == 200 {
            "200".into()
        } else {
            format!("{} {}", answer.status, answer.message)
        };
        *statuses.entry(status).or_default() += 1;
    }
    let wall = began.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let quantile = |q: f64| times.get(((times.len() as f64 * q) as usize).min(times.len().saturating_sub(1)));
    println!(
        "{count} requests, {concurrency} at once: {right} right, statuses {statuses:?}, {:.0} per second, \
         p50 {:.1} ms, p99 {:.1} ms",
        count as f64 / wall,
        quantile(0.5).copied().unwrap_or(f64::NAN) * 1e3,
        quantile(0.99).copied().unwrap_or(f64::NAN) * 1e3,
    );
    Ok(if right == count {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
