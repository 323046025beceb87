//! An axon that says back what it is asked: `echo_axon [ADDRESS] [DEV KEY] [REFUSED HOTKEY ...] [--unlimited]`.
//!
//! Serves `Prompting`, and `StreamPrompting` word by word, over the v10 wire and btauth/1, until the end of its standard
//! input or Ctrl-C, with the development key //Bob unless told otherwise; `ed25519:` before the key makes it one of that
//! scheme. Prints its address and hotkey when ready, and `cancelled` for every handler whose caller went away. The last
//! message steers it: `sleep:SECONDS`, `status:CODE`, `panic`; a stream also `break it` (fails after the first word) and
//! `for ever`. `--unlimited`: no rate limits and more streams per caller, for measurements.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{
    Axon, Caller, CallerPolicy, CancellationToken, Forward, ForwardStream, HandlerError, Limits, TokenStream, Verdict,
};
use axoneme_protocol::{Prompting, StreamPrompting};
use axoneme_wallet::{AccountId, Keypair, Scheme};
use futures::StreamExt;

struct Echo;

/// Says so when it is dropped before it was told that all is well.
#[derive(Default)]
struct Watched {
    ended: bool,
}

impl Watched {
    fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            println!("cancelled");
        }
    }
}

/// Does what the last message says; what is said back otherwise.
async fn steer(roles: &[String], messages: &[String]) -> Result<String, HandlerError> {
    let last = messages.last().map_or("", String::as_str);
    if let Some(Ok(seconds)) = last.strip_prefix("sleep:").map(str::parse) {
        let pause = Duration::try_from_secs_f64(seconds).map_err(HandlerError::bad_request)?;
        let watched = Watched::default();
        tokio::time::sleep(pause).await;
        watched.ended();
    }
    if let Some(Ok(status)) = last.strip_prefix("status:").map(str::parse) {
        return Err(HandlerError::new(status, "as asked"));
    }
    assert_ne!(last, "panic", "as asked");
    let pairs: Vec<_> = roles
        .iter()
        .zip(messages)
        .map(|(role, text)| format!("{role}:{text}"))
        .collect();
    Ok(pairs.join(" | "))
}

#[async_trait]
impl Forward<Prompting> for Echo {
    async fn forward(
        &self,
        _caller: Caller,
        mut synapse: Prompting,
        _cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        synapse.completion = steer(&synapse.roles, &synapse.messages).await?;
        Ok(synapse)
    }
}

#[async_trait]
impl ForwardStream<StreamPrompting> for Echo {
    async fn forward(
        &self,
        _caller: Caller,
        synapse: StreamPrompting,
        _cancel: CancellationToken,
    ) -> Result<TokenStream, HandlerError> {
        let text = steer(&synapse.roles, &synapse.messages).await?;
        let endless = synapse.messages.last().is_some_and(|last| last == "for ever");
        let broken = synapse.messages.last().is_some_and(|last| last == "break it");
        let words: Vec<_> = text.split_inclusive(' ').map(str::to_owned).collect();
        let start = (words, 0, Watched::default());
        let pieces = futures::stream::unfold(start, move |(words, index, watched)| async move {
            // A pause, or the words would travel in one piece.
            tokio::time::sleep(Duration::from_millis(2)).await;
            if broken && index == 1 {
                watched.ended();
                let end = (Vec::new(), 0, Watched { ended: true });
                return Some((Err(HandlerError::internal("as asked")), end));
            }
            let place = if endless { index % words.len() } else { index };
            let Some(word) = words.get(place).cloned() else {
                watched.ended();
                return None;
            };
            Some((Ok(word), (words, index + 1, watched)))
        });
        Ok(pieces.boxed())
    }
}

struct Refuse(Vec<AccountId>);

impl CallerPolicy for Refuse {
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        if self.0.contains(caller) {
            Verdict::Refuse("on the list".into())
        } else {
            Verdict::Allow
        }
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        0.0
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter("info")
        .init();
    let (flags, arguments): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|text| text.starts_with("--"));
    let mut arguments = arguments.into_iter();
    let mut limits = Limits::default();
    if flags.iter().any(|flag| flag == "--unlimited") {
        (limits.per_ip, limits.per_hotkey, limits.stranger_checks) = (None, None, None);
        limits.streams.max_open_per_caller = 1024;
    }
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8091".into()).parse()?;
    let key = arguments.next().unwrap_or_else(|| "//Bob".into());
    let hotkey = match key.strip_prefix("ed25519:") {
        Some(uri) => Keypair::from_uri_with(Scheme::Ed25519, uri)?,
        None => Keypair::from_uri(&key)?,
    };
    let refused = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    let account = hotkey.account_id();
    let axon = Axon::builder(Arc::new(hotkey))
        .bind(address)
        .limits(limits)
        .policy(Arc::new(Refuse(refused)))
        .route::<Prompting>(Arc::new(Echo))
        .route_stream::<StreamPrompting>(Arc::new(Echo))
        .start()
        .await?;
    println!("ready {} {account}", axon.local_addr());
    let end_of_input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        _ = end_of_input => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    axon.shutdown(Duration::from_secs(3)).await;
    // The thread that reads standard input cannot be stopped; do not wait for it.
    std::process::exit(0)
}
