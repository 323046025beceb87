//! An axon that says back what it is asked: `echo_axon [ADDRESS] [DEV KEY] [REFUSED HOTKEY ...] [--unlimited]`.
//!
//! Serves `Prompting`, and `StreamPrompting` a word at a time, on the v10 wire and over `btauth/1`, until the end of its
//! standard input or Ctrl-C, with the development key //Bob unless told otherwise. Prints its address and hotkey when
//! ready. `--unlimited`: no rate limits, for measurements. The last message steers it: `sleep:SECONDS`, `status:CODE`,
//! `panic`, and in a stream `break` as a word of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{
    Axon, Caller, CallerPolicy, CancellationToken, Forward, ForwardStream, HandlerError, Limits, TokenStream, Verdict,
};
use axoneme_protocol::{Prompting, StreamPrompting};
use axoneme_wallet::{AccountId, Keypair};
use futures::StreamExt;

struct Echo;

/// Does what the last message says, or gives the text to answer with.
async fn obey(roles: &[String], messages: &[String]) -> Result<String, HandlerError> {
    let last = messages.last().map_or("", String::as_str);
    if let Some(Ok(seconds)) = last.strip_prefix("sleep:").map(str::parse) {
        let pause = Duration::try_from_secs_f64(seconds).map_err(HandlerError::bad_request)?;
        tokio::time::sleep(pause).await;
    }
    if let Some(Ok(status)) = last.strip_prefix("status:").map(str::parse) {
        return Err(HandlerError::new(status, "as asked"));
    }
    assert_ne!(last, "panic", "as asked");
    let pairs = roles.iter().zip(messages).map(|(role, text)| format!("{role}:{text}"));
    Ok(pairs.collect::<Vec<_>>().join(" | "))
}

#[async_trait]
impl Forward<Prompting> for Echo {
    async fn forward(
        &self,
        _caller: Caller,
        mut synapse: Prompting,
        _cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        synapse.completion = obey(&synapse.roles, &synapse.messages).await?;
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
        let text = obey(&synapse.roles, &synapse.messages).await?;
        let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        let words = futures::stream::iter(words).map(|word| match word.trim() {
            "break" => Err(HandlerError::internal("as asked")),
            _ => Ok(word),
        });
        Ok(words.boxed())
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
    }
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8091".into()).parse()?;
    let hotkey = Keypair::from_uri(&arguments.next().unwrap_or_else(|| "//Bob".into()))?;
    let refused = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    let account = hotkey.account_id();
    let axon = Axon::builder(Arc::new(hotkey))
        .bind(address)
        .policy(Arc::new(Refuse(refused)))
        .limits(limits)
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
