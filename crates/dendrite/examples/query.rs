//! Asks one axon many questions at once and prints a report. Signs with a development key.
//!
//! ```text
//! query ADDRESS HOTKEY [COUNT] [CONCURRENCY] [MESSAGE]       over the v10 wire
//!   --stream          StreamPrompting in pieces; also checks that more than one piece came when the answer has words
//!   --btauth          over btauth/1, with signed answers
//!   --echo            asks Echo and not Prompting, as scripts with an SDK 11 server behind them answer it
//!   --unsigned        takes btauth answers that are not signed
//!   --fallback        falls back to v10 when a btauth axon turns out to speak nothing else
//!   --uri URI         the key to sign with, //Alice
//!   --ed25519         as an ed25519 key
//!   --tls-key HEX     TLS to this published key (algorithm byte and key)
//!   --timeout SECONDS for each question, 12
//!   --expect STATUS   every answer must have this status, 200
//! ```
//!
//! `{i}` in the message becomes the number of the question. Ends with 0 only if every answer is a 200 that says what was
//! asked: `user:MESSAGE` from Prompting and StreamPrompting, which is what the echo example of the axon and
//! `scripts/interop/py_axon.py` answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axoneme_dendrite::{Answer, AxonTarget, BtauthConfig, Dendrite, DendriteConfig, PublishedTls, TlsPolicy, Wire};
use axoneme_protocol::{EmptyValue, Prompting, StreamPrompting, Synapse};
use axoneme_wallet::{Keypair, Scheme};
use clap::Parser;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[derive(Parser)]
struct Flags {
    address: SocketAddr,
    hotkey: String,
    #[arg(default_value_t = 1)]
    count: usize,
    #[arg(default_value_t = 1)]
    concurrency: usize,
    #[arg(default_value = "hello")]
    message: String,
    #[arg(long)]
    stream: bool,
    #[arg(long)]
    btauth: bool,
    #[arg(long, requires = "btauth")]
    echo: bool,
    #[arg(long)]
    unsigned: bool,
    #[arg(long)]
    fallback: bool,
    #[arg(long, default_value = "//Alice")]
    uri: String,
    #[arg(long)]
    ed25519: bool,
    #[arg(long)]
    tls_key: Option<String>,
    #[arg(long, default_value_t = 12.0)]
    timeout: f64,
    #[arg(long, default_value_t = 200)]
    expect: u16,
}

/// What a server of SDK 11 that knows nothing of synapses says about a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Echo {
    text: String,
    #[serde(default)]
    caller: String,
    #[serde(default)]
    echo: String,
}

impl Synapse for Echo {
    const NAME: &'static str = "Echo";
    const HASH_FIELDS: &'static [&'static str] = &["text"];
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[("text", EmptyValue::Str)];

    fn take_answer(&mut self, answer: Self) {
        (self.caller, self.echo) = (answer.caller, answer.echo);
    }
}

/// How one question ended.
struct Ended {
    right: bool,
    status: u16,
    message: String,
    signed: bool,
    seconds: Option<f64>,
}

impl Ended {
    fn new<S>(answer: Answer<S>, right: impl FnOnce(&S) -> bool) -> Self {
        Self {
            right: answer.is_success() && right(&answer.synapse),
            status: answer.status,
            message: answer.message,
            signed: answer.signed,
            seconds: answer.process_time,
        }
    }
}

async fn ask(dendrite: Dendrite, target: AxonTarget, flags: &Flags, message: String) -> Ended {
    let timeout = Duration::from_secs_f64(flags.timeout);
    let expected = format!("user:{message}");
    if flags.echo {
        let echo = Echo {
            text: message.clone(),
            caller: String::new(),
            echo: String::new(),
        };
        let answer = dendrite.call(&target, echo, timeout).await;
        return Ended::new(answer, |echo| echo.echo.contains(&message) && !echo.caller.is_empty());
    }
    if !flags.stream {
        let answer = dendrite.call(&target, Prompting::ask(message), timeout).await;
        return Ended::new(answer, |synapse| synapse.completion == expected);
    }
    let question = StreamPrompting::from(Prompting::ask(message));
    let mut stream = dendrite.stream(&target, question, timeout);
    let (mut pieces, mut seen) = (0, String::new());
    while let Some(piece) = stream.next().await {
        pieces += 1;
        seen.push_str(piece.unverified());
    }
    let words = expected.contains(' ');
    let answer = stream.finish().await;
    Ended::new(answer, |synapse| {
        synapse.completion == expected && seen == expected && (pieces > 1 || !words)
    })
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let flags = Arc::new(Flags::parse());
    let mut target = AxonTarget::new(flags.hotkey.parse()?, flags.address.ip(), flags.address.port());
    if flags.btauth {
        target = target.over(Wire::Btauth);
    }
    let mut config = DendriteConfig {
        allow_private: true,
        btauth: BtauthConfig {
            require_signature: !flags.unsigned,
            fall_back_to_v10: flags.fallback,
            ..BtauthConfig::default()
        },
        ..DendriteConfig::default()
    };
    if let Some(key) = &flags.tls_key {
        target = target.with_tls(PublishedTls::read(&hex::decode(key)?));
        config.tls = TlsPolicy::Https;
    }
    let scheme = if flags.ed25519 {
        Scheme::Ed25519
    } else {
        Scheme::Sr25519
    };
    let signer = Keypair::from_uri_with(scheme, &flags.uri)?;
    let dendrite = Dendrite::new(Arc::new(signer), config)?;

    let gate = Arc::new(Semaphore::new(flags.concurrency));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for index in 0..flags.count {
        let (dendrite, gate, flags) = (dendrite.clone(), gate.clone(), flags.clone());
        let message = flags.message.replace("{i}", &index.to_string());
        tasks.spawn(async move {
            let _permit = gate.acquire().await;
            let mut ended = ask(dendrite, target, &flags, message).await;
            if flags.expect != 200 {
                ended.right = ended.status == flags.expect;
            }
            ended
        });
    }
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    let (mut times, mut right, mut signed) = (Vec::new(), 0, 0);
    while let Some(ended) = tasks.join_next().await {
        let ended = ended?;
        right += usize::from(ended.right);
        signed += usize::from(ended.signed);
        times.extend(ended.seconds);
        let status = match ended.status {
            200 => "200".into(),
            status => format!("{status} {}", ended.message),
        };
        *statuses.entry(status).or_default() += 1;
    }
    let wall = began.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let quantile = |q: f64| times.get(((times.len() as f64 * q) as usize).min(times.len().saturating_sub(1)));
    println!(
        "{} requests, {} at once: {right} right, {signed} signed, statuses {statuses:?}, {:.0} per second, \
         p50 {:.1} ms, p99 {:.1} ms",
        flags.count,
        flags.concurrency,
        flags.count as f64 / wall,
        quantile(0.5).copied().unwrap_or(f64::NAN) * 1e3,
        quantile(0.99).copied().unwrap_or(f64::NAN) * 1e3,
    );
    Ok(if right == flags.count {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
