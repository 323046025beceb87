//! Whom to ask, with which key and synapse.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axoneme_protocol::UnicodeVersion;
use axoneme_protocol::body_hash::hash_values;
use axoneme_protocol::python::{PyValue, capture};
use axoneme_wallet::{AccountId, Keypair};
use serde_json::{Map, Value};

use crate::draft::Draft;
use crate::error::ProbeError;
use crate::signed::Signed;
use crate::socket::{Seen, Socket};

/// The synapse that honest requests carry.
#[derive(Debug, Clone, PartialEq)]
pub struct SynapseSpec {
    /// Name, which is the route.
    pub name: String,
    /// Its fields.
    pub body: Map<String, Value>,
    /// The fields under the body hash, in hash order.
    pub hash_fields: Vec<String>,
}

impl SynapseSpec {
    /// A synapse from its name, its JSON and its hash fields.
    ///
    /// # Errors
    /// [`ProbeError::Synapse`] when the JSON is no object or lacks a hash field.
    pub fn new(name: &str, body: &str, hash_fields: &[String]) -> Result<Self, ProbeError> {
        let body: Map<String, Value> =
            serde_json::from_str(body).map_err(|error| ProbeError::Synapse(error.to_string()))?;
        if let Some(missing) = hash_fields.iter().find(|field| !body.contains_key(*field)) {
            return Err(ProbeError::Synapse(format!("it has no `{missing}`")));
        }
        Ok(Self {
            name: name.to_owned(),
            body,
            hash_fields: hash_fields.to_vec(),
        })
    }

    /// The hash of `body` as this side computes it.
    pub(crate) fn hash(&self, body: &Map<String, Value>) -> String {
        let values: Vec<PyValue> = self
            .hash_fields
            .iter()
            .filter_map(|field| capture(body.get(field)?).ok())
            .collect();
        hash_values(&values, UnicodeVersion::OURS)
    }

    /// Placeholders that a Python axon needs, one per field.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = (String, &'static str)> + '_ {
        self.body.iter().map(|(field, value)| {
            let empty = match value {
                Value::Array(_) => "W10=",
                Value::Object(_) => "e30=",
                Value::String(_) | Value::Null => "IiI=",
                Value::Number(number) if number.is_f64() => "MC4w",
                Value::Number(_) => "MA==",
                Value::Bool(_) => "ZmFsc2U=",
            };
            (format!("bt_header_input_obj_{field}"), empty)
        })
    }
}

/// Everything a case needs to ask its question.
pub(crate) struct Session {
    pub(crate) target: SocketAddr,
    pub(crate) hotkey: AccountId,
    pub(crate) signer: Keypair,
    pub(crate) synapse: SynapseSpec,
    /// Longest wait for the answer to an honest request.
    pub(crate) patience: Duration,
    /// Longest time after which a slow sender's connection has to be gone.
    pub(crate) slow_limit: Duration,
    /// Junk requests a second, when there is to be a flood.
    pub(crate) flood: Option<u32>,
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Session {
    /// An honest v10 request, ready to be damaged.
    pub(crate) fn draft(&self) -> Draft {
        Draft::honest(self, &self.synapse.name, &self.synapse.body, &self.synapse.hash_fields)
    }

    /// An honest ping: the built-in route without fields.
    pub(crate) fn ping(&self) -> Draft {
        Draft::honest(self, "Synapse", &Map::new(), &[])
    }

    /// An honest request of SDK 11.
    pub(crate) fn signed(&self) -> Signed {
        Signed::honest(self)
    }

    /// Sends bytes on a connection of their own and reads one answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Result<Seen, String> {
        let mut socket = Socket::open(self.target).await?;
        // A server may answer and close before it has read everything.
        socket.write(bytes, self.patience).await;
        Ok(socket.read(self.patience).await)
    }
}
