//! An axon that says back what it is asked: `echo_axon [ADDRESS] [DEV KEY] [REFUSED HOTKEY ...]`.
//!
//! Serves `Prompting` until the end of its standard input or Ctrl-C, with the development key //Bob unless told
//! otherwise. Prints its address and hotkey when ready. The last message steers it: `sleep:SECONDS`, `status:CODE`,
//! `panic`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{Axon, Caller, CallerPolicy, CancellationToken, Forward, HandlerError, Verdict};
use axoneme_protocol::Prompting;
use axoneme_wallet::{AccountId, Keypair};

struct Echo;

#[async_trait]
impl Forward<Prompting> for Echo {
    async fn forward(
        &self,
        _caller: Caller,
        mut synapse: Prompting,
        _cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        let last = synapse.messages.last().map_or("", String::as_str);
        if let Some(Ok(seconds)) = last.strip_prefix("sleep:").map(str::parse) {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        if let Some(Ok(status)) = last.strip_prefix("status:").map(str::parse) {
            return Err(HandlerError::new(status, "as asked"));
        }
        assert_ne!(last, "panic", "as asked");
        let pairs = synapse.roles.iter().zip(&synapse.messages);
        synapse.completion = pairs
            .map(|(role, text)| format!("{role}:{text}"))
            .collect::<Vec<_>>()
            .join(" | ");
        Ok(synapse)
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
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8091".into()).parse()?;
    let hotkey = Keypair::from_uri(&arguments.next().unwrap_or_else(|| "//Bob".into()))?;
    let refused = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    let account = hotkey.account_id();
    let axon = Axon::builder(Arc::new(hotkey))
        .bind(address)
        .policy(Arc::new(Refuse(refused)))
        .route::<Prompting>(Arc::new(Echo))
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
