//! Answers the cases of `scripts/differential`: `differential < CASES > ANSWERS`, both JSON lines.
//!
//! A real axon on a loopback port with a clock that shows the moment of each request; the bytes of a case go to it as
//! they are. Every answer is `[status, text]`: for a 200 what the handler made of the question, else the message.

mod client;
mod synapses;

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{
    Axon, AxonHandle, Caller, CancellationToken, Forward, ForwardStream, HandlerError, Limits, TokenStream,
};
use axoneme_protocol::{Clock, ManualClock, Prompting, StreamPrompting, Synapse};
use axoneme_wallet::Keypair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use client::Client;
use synapses::{Older, Ordered, Say, Zoo};

#[derive(Deserialize)]
struct Case {
    id: u64,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    /// Nanoseconds since 1970.
    at: u64,
    /// The request in base64.
    raw: String,
    /// Whether the connection may be of no use afterwards.
    own: bool,
}

#[derive(Serialize)]
struct Answers {
    id: u64,
    answers: Vec<(u16, String)>,
}

/// Nanoseconds.
const BEFORE: u64 = 1_000_000_000_000;

struct Echo;

#[async_trait]
impl<S: Synapse + Say> Forward<S> for Echo {
    async fn forward(&self, _: Caller, mut synapse: S, _: CancellationToken) -> Result<S, HandlerError> {
        synapse.say();
        Ok(synapse)
    }
}

#[async_trait]
impl ForwardStream<StreamPrompting> for Echo {
    async fn forward(
        &self,
        _: Caller,
        mut synapse: StreamPrompting,
        _: CancellationToken,
    ) -> Result<TokenStream, HandlerError> {
        synapse.say();
        Ok(futures::stream::iter([Ok(synapse.completion)]).boxed())
    }
}

async fn start(clock: Arc<ManualClock>) -> Result<AxonHandle, Box<dyn std::error::Error>> {
    let limits = Limits {
        per_ip: None,
        per_hotkey: None,
        stranger_checks: None,
        stranger_bytes: 1 << 30,
        ..Limits::default()
    };
    let axon = Axon::builder(Arc::new(Keypair::from_uri("//Bob")?))
        .bind("127.0.0.1:0".parse()?)
        .limits(limits)
        .clock(clock)
        .route::<Prompting>(Arc::new(Echo))
        .route::<Zoo>(Arc::new(Echo))
        .route::<Ordered>(Arc::new(Echo))
        .route::<Older>(Arc::new(Echo))
        .route_stream::<StreamPrompting>(Arc::new(Echo));
    Ok(axon.start().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut clock, mut axon): (Option<Arc<ManualClock>>, Option<AxonHandle>) = (None, None);
    let mut client = None;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let mut answers = Vec::new();
        for step in case.steps {
            // The axon starts well before the first request: it trusts nothing that was signed before its own start.
            let clock = clock.get_or_insert_with(|| Arc::new(ManualClock::at(step.at.saturating_sub(BEFORE))));
            if axon.is_none() {
                axon = Some(start(clock.clone()).await?);
            }
            clock.advance(Duration::from_nanos(step.at.saturating_sub(clock.unix_ns())));
            let address = axon.as_ref().ok_or("no axon")?.local_addr();
            let client = client.get_or_insert_with(|| Client::new(address));
            answers.push(client.ask(&STANDARD.decode(step.raw)?, step.own).await);
        }
        serde_json::to_writer(&mut out, &Answers { id: case.id, answers })?;
        out.write_all(b"\n")?;
    }
    if let Some(axon) = axon {
        axon.shutdown(Duration::from_secs(1)).await;
    }
    Ok(())
}
