//! What can go wrong between a client and its endpoint.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::schedule::parse_duration;

/// Latency of `delay` unless it says another.
const DELAY: Duration = Duration::from_secs(2);

/// An HTTP status that endpoints refuse clients with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 429, with `Retry-After: 1`.
    TooManyRequests,
    /// 503, with `Retry-After: 1`.
    Unavailable,
}

impl Refusal {
    /// The status and its words.
    pub fn status(self) -> (u16, &'static str) {
        match self {
            Self::TooManyRequests => (429, "Too Many Requests"),
            Self::Unavailable => (503, "Service Unavailable"),
        }
    }
}

/// What is wrong with the endpoint while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every connection is reset, and so is every new one.
    Cut,
    /// What the client sends arrives; at the first byte of the answer the connection is reset, so that the client
    /// cannot know.
    CutAnswers,
    /// The endpoint ends its direction and goes on reading. New connections get the same.
    HalfClose,
    /// Everything is swallowed and nothing closed; new connections are accepted and never answered. A connection that
    /// was alive then stays dead for good, as one whose peer has vanished.
    HalfOpen,
    /// Nothing passes, and nothing is lost: it all arrives when the fault is over.
    Stall,
    /// Everything takes this much longer, each way.
    Delay(Duration),
    /// Connections are closed, and handshakes answered with this status.
    Refuse(Refusal),
    /// Requests on open and new connections are answered with a JSON-RPC error of this code and do not arrive.
    RpcError(i32),
    /// Of the next frame from the endpoint only half arrives, then the connection ends.
    Truncate,
    /// `specVersion` is this, in every answer and notification that carries one.
    RuntimeVersion(u32),
}

/// Names as flags and files write them, and what each means.
pub(crate) const NAMES: [(&str, &str); 12] = [
    ("cut", "reset all connections and every new one"),
    (
        "cut-answers",
        "requests arrive, the connection is reset at the first byte of the answer",
    ),
    ("half-close", "the endpoint ends its direction and goes on reading"),
    ("half-open", "accept, swallow everything, never answer, never close"),
    ("stall", "nothing passes until it is over, nothing is lost"),
    ("delay[=2s]", "everything takes this much longer, each way"),
    ("429", "close connections, refuse handshakes with 429"),
    ("503", "close connections, refuse handshakes with 503"),
    ("rpc-429", "answer every request with a JSON-RPC error 429"),
    ("rpc-503", "answer every request with a JSON-RPC error 503"),
    ("truncate", "half a frame, then the end of the connection"),
    ("runtime-version=N", "serve spec version N"),
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("cut"),
            Self::CutAnswers => f.write_str("cut-answers"),
            Self::HalfClose => f.write_str("half-close"),
            Self::HalfOpen => f.write_str("half-open"),
            Self::Stall => f.write_str("stall"),
            Self::Delay(by) => write!(f, "delay={by:?}"),
            Self::Refuse(refusal) => write!(f, "{}", refusal.status().0),
            Self::RpcError(code) => write!(f, "rpc-{code}"),
            Self::Truncate => f.write_str("truncate"),
            Self::RuntimeVersion(version) => write!(f, "runtime-version={version}"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let fault = match (name, value) {
            ("cut", None) => Self::Cut,
            ("cut-answers", None) => Self::CutAnswers,
            ("half-close", None) => Self::HalfClose,
            ("half-open", None) => Self::HalfOpen,
            ("stall", None) => Self::Stall,
            ("delay", None) => Self::Delay(DELAY),
            ("delay", Some(by)) => Self::Delay(parse_duration(by)?),
            ("429", None) => Self::Refuse(Refusal::TooManyRequests),
            ("503", None) => Self::Refuse(Refusal::Unavailable),
            ("rpc-429", None) => Self::RpcError(429),
            ("rpc-503", None) => Self::RpcError(503),
            ("truncate", None) => Self::Truncate,
            ("runtime-version", Some(version)) => match version.parse() {
                Ok(version) => Self::RuntimeVersion(version),
                Err(_) => return Err(format!("`{version}` is no spec version; write runtime-version=999")),
            },
            _ => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                return Err(format!("`{text}` is no fault; choose from {}", names.join(", ")));
            }
        };
        Ok(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_fault_is_read_and_written_alike() {
        for (name, _) in NAMES {
            let text = name.replace("[=2s]", "=2s").replace("=N", "=470");
            let fault: Fault = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(fault.to_string(), text);
        }
        assert_eq!("delay=250ms".parse(), Ok(Fault::Delay(Duration::from_millis(250))));
        assert_eq!("delay".parse(), Ok(Fault::Delay(DELAY)));
    }

    #[test]
    fn a_wrong_fault_names_the_right_ones() {
        for wrong in [
            "",
            "kut",
            "cut=1",
            "delay=fast",
            "runtime-version",
            "runtime-version=new",
            "418",
        ] {
            let error = wrong.parse::<Fault>().expect_err(wrong);
            assert!(
                error.contains("half-open") || error.contains("500ms") || error.contains("=999"),
                "{error}"
            );
        }
    }
}
