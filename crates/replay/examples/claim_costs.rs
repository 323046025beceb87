//! What a claim costs in each store, and what a full store weighs.
//!
//! `cargo run --release -p axoneme-replay --example claim_costs [redis-url]`

use std::sync::Arc;
use std::time::{Duration, Instant};

use axoneme_protocol::nonce::NonceUse;
use axoneme_protocol::{Clock, MemoryNonceStore, NonceStore, NonceWindow, SystemClock};
use axoneme_replay::{ReplayConfig, Scope, open};
use axoneme_wallet::AccountId;

/// As long as those of Python callers.
const UUID: &str = "6c5e2a9e-c6b1-11f0-a1a5-0242ac110002";

fn used(hotkey: &AccountId, nonce: u64) -> NonceUse<'_> {
    NonceUse {
        hotkey,
        uuid: UUID,
        nonce,
    }
}

async fn concurrently(name: &str, store: Arc<dyn NonceStore>, tasks: u64, each: u64) {
    let first = SystemClock::default().unix_ns() + 60_000_000_000;
    let begun = Instant::now();
    let claiming = (0..tasks).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            let hotkey = AccountId([7; 32]);
            for n in 0..each {
                let nonce = first + task * each + n;
                store.claim(used(&hotkey, nonce)).await.expect("accepted");
            }
        })
    });
    for task in claiming.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    let took = begun.elapsed();
    let claims = (tasks * each) as f64;
    println!(
        "{name}, {tasks} at once: {:.0} claims/s, {:.1} µs from call to answer",
        claims / took.as_secs_f64(),
        took.as_secs_f64() * 1e6 * tasks as f64 / claims
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let window = NonceWindow::default();
    let capacity = 1 << 18;
    let hotkey = AccountId([7; 32]);

    let memory = MemoryNonceStore::new(clock.clone(), window, capacity);
    let now = clock.unix_ns();
    let begun = Instant::now();
    for n in 0..capacity as u64 {
        // Spread over the window as steady load is.
        memory.claim_now(used(&hotkey, now - n % 64 * 1_000_000_000 - n))?;
    }
    let took = begun.elapsed();
    println!(
        "memory: {:.0} ns a claim; {:.1} bytes a nonce, {:.1} MB for {capacity}",
        took.as_nanos() as f64 / capacity as f64,
        memory.heap_bytes() as f64 / capacity as f64,
        memory.heap_bytes() as f64 / 1e6,
    );

    let dir = std::env::temp_dir().join(format!("claim-costs-{}", std::process::id()));
    let scope = Scope {
        clock,
        horizon: window.horizon(),
        hotkey: &hotkey,
        capacity,
        data_dir: &dir,
    };
    let file = open(&"file".parse::<ReplayConfig>()?, scope.clone()).await?;
    for (tasks, each) in [(1, 10_000), (64, 2000)] {
        concurrently("file", file.clone(), tasks, each).await;
    }
    drop(file);
    let begun = Instant::now();
    drop(open(&"file".parse::<ReplayConfig>()?, scope.clone()).await?);
    println!("file: opened with 138000 nonces in {:?}", begun.elapsed());
    std::fs::remove_dir_all(&dir)?;

    if let Some(url) = std::env::args().nth(1) {
        let redis = open(&url.parse()?, scope).await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
        for (tasks, each) in [(1, 5000), (64, 1000)] {
            concurrently("redis", redis.clone(), tasks, each).await;
        }
    }
    Ok(())
}
