//! The headers of a request, read strictly.
//!
//! The Python axon accepts `1_000` as an integer, any header whose name contains a known one, and takes one of several
//! duplicates. Each of these lets a middleman and the axon read different things, so here they are refused.

use std::time::Duration;

use axoneme_wallet::AccountId;
use axoneme_wallet::batch::Claim;

use crate::signing::{parse_signature, signed_message};
use crate::text::{decimal_u64, is_body_hash, printable, seconds};

/// Most placeholder headers of required fields. Far above what a synapse has; keeps the search for duplicates short.
const MAX_INPUT_OBJECTS: usize = 64;

/// Why the headers of a request were refused. Never holds text of the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// A part of the identity is absent: an authentication failure.
    #[error("Missing {what}")]
    Missing {
        /// Which part.
        what: &'static str,
    },
    /// The sender is not the ss58 address of this network: an authentication failure.
    #[error("the sender is not a prefix 42 ss58 address")]
    Hotkey,
    /// The signature is not `0x` and 128 hex digits: an authentication failure.
    #[error("the signature is not 0x and 128 hex digits")]
    Signature,
    /// A header that cannot be what it should be.
    #[error("malformed header {header}")]
    Malformed {
        /// Name of the header.
        header: &'static str,
    },
    /// A header that came twice.
    #[error("header {header} came more than once")]
    Duplicate {
        /// Name of the header.
        header: &'static str,
    },
}

impl HeadError {
    /// Whether this is a failure to authenticate (401) and not a malformed request (400).
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Hotkey | Self::Signature)
    }
}

/// The signed part of a request and what came with it. Nothing is verified yet.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedHead {
    /// Nanoseconds since 1970, by the caller's clock.
    pub nonce: u64,
    /// The caller's lane; `[0-9A-Za-z-]{1,64}`.
    pub uuid: String,
    /// Who claims to ask.
    pub hotkey: AccountId,
    /// Over [`signed_message`].
    pub signature: [u8; 64],
    /// The claimed hash of the body, 64 lower-case hex digits.
    pub body_hash: String,
    /// How long the caller waits. Not signed.
    pub timeout: Option<Duration>,
    /// The caller's SDK version. Not signed.
    pub version: Option<u64>,
}

impl SignedHead {
    /// Reads the headers of a request. Names are compared without case, as HTTP does; unknown ones are ignored.
    pub fn parse<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, HeadError> {
        let found = Found::collect(headers)?;
        for (header, is_fine) in CHECKED {
            if found.get(header).is_some_and(|value| !is_fine(value)) {
                return Err(HeadError::Malformed { header });
            }
        }
        let nonce = found.get(NONCE).ok_or(HeadError::Missing { what: "Nonce" })?;
        let nonce = decimal_u64(nonce).ok_or(HeadError::Malformed { header: NONCE })?;
        let hotkey = found.get(HOTKEY).ok_or(HeadError::Missing { what: "Hotkey" })?;
        let hotkey = hotkey.parse().map_err(|_| HeadError::Hotkey)?;
        let uuid = found.get(UUID).ok_or(HeadError::Missing { what: "UUID" })?;
        let body_hash = found.get(BODY_HASH).ok_or(HeadError::Missing { what: "Body Hash" })?;
        let signature = found.get(SIGNATURE).filter(|text| !text.is_empty());
        let signature = signature.ok_or(HeadError::Missing { what: "Signature" })?;
        let signature = parse_signature(signature).ok_or(HeadError::Signature)?;
        Ok(Self {
            nonce,
            uuid: uuid.to_owned(),
            hotkey,
            signature,
            body_hash: body_hash.to_owned(),
            timeout: found.get(TIMEOUT).and_then(duration),
            version: found.get(VERSION).and_then(decimal_u64),
        })
    }

    /// What has to hold for this request: to be checked with those of others.
    pub fn claim(&self, own: &AccountId) -> Claim {
        Claim {
            account: self.hotkey,
            message: signed_message(self.nonce, &self.hotkey, own, &self.uuid, &self.body_hash).into_bytes(),
            signature: self.signature,
        }
    }

    /// Whether the claimed sender signed this request for `own`.
    pub fn verify(&self, own: &AccountId) -> bool {
        let message = signed_message(self.nonce, &self.hotkey, own, &self.uuid, &self.body_hash);
        self.hotkey.verify(message.as_bytes(), &self.signature)
    }
}

const NONCE: &str = "bt_header_dendrite_nonce";
const HOTKEY: &str = "bt_header_dendrite_hotkey";
const UUID: &str = "bt_header_dendrite_uuid";
const SIGNATURE: &str = "bt_header_dendrite_signature";
const VERSION: &str = "bt_header_dendrite_version";
const BODY_HASH: &str = "computed_body_hash";
const TIMEOUT: &str = "timeout";
const INPUT_OBJECT: &str = "bt_header_input_obj_";

/// Whether a value is fine for its header.
type Check = fn(&str) -> bool;

/// Every header of the wire that is not a placeholder, with the check its value has to pass.
const CHECKED: [(&str, Check); 25] = [
    ("name", any),
    (TIMEOUT, |value| seconds(value).is_some()),
    ("header_size", is_integer),
    ("total_size", is_integer),
    (BODY_HASH, is_body_hash),
    (NONCE, is_integer),
    (HOTKEY, any),
    (UUID, is_uuid),
    (SIGNATURE, any),
    (VERSION, is_integer),
    ("bt_header_dendrite_ip", any),
    ("bt_header_dendrite_port", is_integer),
    ("bt_header_dendrite_status_code", is_integer),
    ("bt_header_dendrite_status_message", any),
    ("bt_header_dendrite_process_time", |value| seconds(value).is_some()),
    ("bt_header_axon_ip", any),
    ("bt_header_axon_port", is_integer),
    ("bt_header_axon_status_code", is_integer),
    ("bt_header_axon_status_message", any),
    ("bt_header_axon_process_time", |value| seconds(value).is_some()),
    ("bt_header_axon_version", is_integer),
    ("bt_header_axon_nonce", is_integer),
    ("bt_header_axon_uuid", any),
    ("bt_header_axon_hotkey", any),
    ("bt_header_axon_signature", any),
];

/// The headers of the wire that a request carries, each at most once.
///
/// Of the placeholders of required fields only the names are looked at: their content is for Python axons.
struct Found<'a> {
    values: [Option<&'a str>; CHECKED.len()],
    input_objects: Vec<&'a str>,
}

impl<'a> Found<'a> {
    fn collect(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, HeadError> {
        let mut found = Self {
            values: [None; CHECKED.len()],
            input_objects: Vec::new(),
        };
        for (name, value) in headers {
            if let Some(place) = CHECKED.iter().position(|(known, _)| known.eq_ignore_ascii_case(name)) {
                let header = CHECKED[place].0;
                let value = printable(value).ok_or(HeadError::Malformed { header })?;
                if found.values[place].replace(value).is_some() {
                    return Err(HeadError::Duplicate { header });
                }
            } else if let Some(field) = strip_prefix_ignoring_case(name, INPUT_OBJECT) {
                found.note_input_object(field)?;
            }
        }
        Ok(found)
    }

    fn note_input_object(&mut self, field: &'a str) -> Result<(), HeadError> {
        if self.input_objects.iter().any(|known| known.eq_ignore_ascii_case(field)) {
            return Err(HeadError::Duplicate { header: INPUT_OBJECT });
        }
        if self.input_objects.len() == MAX_INPUT_OBJECTS {
            return Err(HeadError::Malformed { header: INPUT_OBJECT });
        }
        self.input_objects.push(field);
        Ok(())
    }

    fn get(&self, header: &str) -> Option<&'a str> {
        let place = CHECKED.iter().position(|(known, _)| *known == header)?;
        self.values[place]
    }
}

fn strip_prefix_ignoring_case<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let head = name.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &name[prefix.len()..])
}

fn any(_value: &str) -> bool {
    true
}

fn is_integer(value: &str) -> bool {
    decimal_u64(value).is_some()
}

/// No dots, so that the dotted message that is signed has one reading only.
fn is_uuid(value: &str) -> bool {
    (1..=64).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A timeout beyond what a Duration holds is as good as infinite; callers cap it anyway.
fn duration(value: &str) -> Option<Duration> {
    seconds(value).map(|number| Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}
