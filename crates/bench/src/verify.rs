//! `bench verify`: what the parts of one request cost on one core.

use std::fmt;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axoneme_protocol::body_hash::{body_hash, hashed_values, matches};
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::signing::signed_message;
use axoneme_protocol::{Prompting, SignedHead};
use axoneme_wallet::{AccountId, Keypair, Scheme};
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::error::BenchError;
use crate::requests::{Template, Wire};
use crate::schedule::unix_ns;

/// Nanoseconds, medians.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct VerifyReport {
    /// One sr25519 signature over the message of a v10 request.
    pub sr25519_verify_ns: f64,
    /// One ed25519 signature likewise.
    pub ed25519_verify_ns: f64,
    /// One sr25519 signature made.
    pub sr25519_sign_ns: f64,
    /// The headers of a request, parsed and checked for shape.
    pub head_ns: f64,
    /// The body, parsed, hashed and compared.
    pub body_ns: f64,
    /// What one core could do if a request were nothing but its signature check.
    pub bound_per_cpu_second: f64,
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("sr25519 verify", self.sr25519_verify_ns),
            ("ed25519 verify", self.ed25519_verify_ns),
            ("sr25519 sign", self.sr25519_sign_ns),
            ("request headers", self.head_ns),
            ("body and hash", self.body_ns),
        ];
        for (name, ns) in rows {
            writeln!(f, "{name:<16} {ns:>8.0} ns")?;
        }
        write!(f, "at most {:.0} requests per CPU second", self.bound_per_cpu_second)
    }
}

/// Measures.
pub fn run(args: &VerifyArgs) -> Result<VerifyReport, BenchError> {
    let sr25519 = Signed::new(Scheme::Sr25519)?;
    let ed25519 = Signed::new(Scheme::Ed25519)?;
    let request = Request::new(args.body_bytes)?;
    let time = args.seconds;
    let sr25519_verify_ns = median(time, |round| black_box(sr25519.verify(round)));
    Ok(VerifyReport {
        sr25519_verify_ns,
        ed25519_verify_ns: median(time, |round| black_box(ed25519.verify(round))),
        sr25519_sign_ns: median(time, |round| {
            black_box(sr25519.key.sign(sr25519.messages[round % MESSAGES].0.as_bytes())) != [0; 64]
        }),
        head_ns: median(time, |_| black_box(request.head())),
        body_ns: median(time, |_| black_box(request.body())),
        bound_per_cpu_second: 1e9 / sr25519_verify_ns,
    })
}

/// Different messages, so that nothing can be remembered from one to the next.
const MESSAGES: usize = 256;

/// Length of the measurements of which the median is taken. Shorter than what other programs leave this one at a time.
const ROUND: Duration = Duration::from_millis(1);

struct Signed {
    key: Keypair,
    account: AccountId,
    messages: Vec<(String, [u8; 64])>,
}

impl Signed {
    fn new(scheme: Scheme) -> Result<Self, BenchError> {
        let key = Keypair::from_uri_with(scheme, "//Alice")?;
        let account = key.account_id();
        let receiver = Keypair::from_uri("//Bob")?.account_id();
        let hash = body_hash(&Prompting::ask("hello")).map_err(|error| BenchError::Build(error.to_string()))?;
        let uuid = uuid::Uuid::new_v4().to_string();
        let messages = (0..MESSAGES as u64).map(|index| {
            let message = signed_message(unix_ns() + index, &account, &receiver, &uuid, &hash);
            let signature = key.sign(message.as_bytes());
            (message, signature)
        });
        let messages = messages.collect();
        Ok(Self { key, account, messages })
    }

    fn verify(&self, round: usize) -> bool {
        let (message, signature) = &self.messages[round % MESSAGES];
        self.account
            .verify_with(self.key.scheme(), message.as_bytes(), signature)
    }
}

/// A request as it arrives, taken apart as HTTP libraries do.
struct Request {
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    claimed: String,
}

impl Request {
    fn new(body_bytes: usize) -> Result<Self, BenchError> {
        let (alice, bob) = (Keypair::from_uri("//Alice")?, Keypair::from_uri("//Bob")?.account_id());
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 8091));
        let template = Template::new(Wire::V10, target, &alice, bob, body_bytes)?;
        let mut bytes = Vec::new();
        template.write(&template.sign(&alice, unix_ns()), &mut bytes);
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut fields);
        let length = match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            other => return Err(BenchError::Build(format!("{other:?}"))),
        };
        let headers: Vec<_> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
            .collect();
        let body = bytes[length..].to_vec();
        let request = Self {
            claimed: body_hash(&Prompting::ask(template.text()))
                .map_err(|error| BenchError::Build(error.to_string()))?,
            headers,
            body,
        };
        if request.head() && request.body() {
            Ok(request)
        } else {
            Err(BenchError::Build("the request does not pass its own checks".into()))
        }
    }

    fn head(&self) -> bool {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()));
        SignedHead::parse(headers).is_ok()
    }

    fn body(&self) -> bool {
        let Ok(synapse) = read_body::<Prompting>(&self.body) else {
            return false;
        };
        hashed_values(&synapse).is_ok_and(|values| matches(&values, &self.claimed))
    }
}

/// The median time of one `work`, nanoseconds. `work` gets a running number.
fn median(time: Duration, mut work: impl FnMut(usize) -> bool) -> f64 {
    let rounds = (time.as_nanos() / ROUND.as_nanos()).max(1);
    let mut times: Vec<f64> = (0..rounds).map(|_| one_round(ROUND, &mut work)).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn one_round(time: Duration, work: &mut impl FnMut(usize) -> bool) -> f64 {
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < time || count == 0 {
        // Several at a time, so that looking at the clock costs nothing.
        for _ in 0..16 {
            work(count);
            count += 1;
        }
    }
    began.elapsed().as_secs_f64() * 1e9 / count as f64
}
