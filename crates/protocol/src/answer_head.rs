//! The headers of an answer of the v10 wire, read strictly where they are numbers.
//!
//! None of them is signed in a way that binds it to the answer: use them for reports and status, never for identity.

use std::fmt::Display;
use std::str::FromStr;

use crate::envelope::{MAX_HEADER_VALUE, TerminalInfo};
use crate::text::{decimal_u64, is_body_hash, seconds};

const AXON: &str = "bt_header_axon_";
const DENDRITE: &str = "bt_header_dendrite_";

/// Why the headers of an answer cannot be used. A Python dendrite reports such an answer as status 422.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerHeadError {
    /// A header that should be a number is none.
    #[error("malformed header {header}")]
    Malformed {
        /// Name of the header, as defined by the wire.
        header: String,
    },
    /// A header that came twice: which one counts depends on the reader.
    #[error("header {header} came more than once")]
    Duplicate {
        /// Name of the header, as defined by the wire.
        header: String,
    },
}

/// What the headers of an answer say. Absent ones are `None`; unknown ones are ignored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnswerHead {
    /// The synapse's name.
    pub name: Option<String>,
    /// The timeout of the request, in seconds, echoed.
    pub timeout: Option<f64>,
    /// The answering end, by its own account.
    pub axon: TerminalInfo,
    /// The asking end, echoed.
    pub dendrite: TerminalInfo,
    /// Hash over the hash fields of the answer; 64 lower-case hex digits.
    pub body_hash: Option<String>,
}

impl AnswerHead {
    /// Reads the headers of an answer. Names are compared without case; texts are cut at 1024 characters, and what is
    /// not UTF-8 in them is replaced.
    pub fn parse<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, AnswerHeadError> {
        let (mut head, mut sizes) = (Self::default(), [None::<u64>; 2]);
        for (name, value) in headers {
            if !name.is_ascii() {
                continue;
            }
            let name = name.to_ascii_lowercase();
            let slot = Slot { header: &name, value };
            match name.as_str() {
                "name" => slot.text(&mut head.name)?,
                "timeout" => slot.seconds(&mut head.timeout)?,
                "header_size" => slot.number(&mut sizes[0])?,
                "total_size" => slot.number(&mut sizes[1])?,
                "computed_body_hash" => slot.hash(&mut head.body_hash)?,
                _ => {
                    if let Some(field) = name.strip_prefix(AXON) {
                        slot.terminal(&mut head.axon, field)?;
                    } else if let Some(field) = name.strip_prefix(DENDRITE) {
                        slot.terminal(&mut head.dendrite, field)?;
                    }
                }
            }
        }
        Ok(head)
    }
}

/// One header on its way to its place.
struct Slot<'a> {
    header: &'a str,
    value: &'a [u8],
}

impl Slot<'_> {
    fn terminal(&self, terminal: &mut TerminalInfo, field: &str) -> Result<(), AnswerHeadError> {
        match field {
            "status_code" => self.number(&mut terminal.status_code),
            "status_message" => self.text(&mut terminal.status_message),
            "process_time" => self.seconds(&mut terminal.process_time),
            "ip" => self.text(&mut terminal.ip),
            "port" => self.number(&mut terminal.port),
            "version" => self.number(&mut terminal.version),
            "nonce" => self.number(&mut terminal.nonce),
            "uuid" => self.text(&mut terminal.uuid),
            "hotkey" => self.text(&mut terminal.hotkey),
            "signature" => self.text(&mut terminal.signature),
            _ => Ok(()),
        }
    }

    fn text(&self, place: &mut Option<String>) -> Result<(), AnswerHeadError> {
        let text = String::from_utf8_lossy(self.value);
        self.put(place, Some(text.chars().take(MAX_HEADER_VALUE).collect()))
    }

    /// Digits only, within the range of the place.
    fn number<T: FromStr<Err: Display>>(&self, place: &mut Option<T>) -> Result<(), AnswerHeadError> {
        let digits = self.ascii().filter(|text| decimal_u64(text).is_some());
        self.put(place, digits.and_then(|text| text.parse().ok()))
    }

    fn seconds(&self, place: &mut Option<f64>) -> Result<(), AnswerHeadError> {
        self.put(place, self.ascii().and_then(seconds))
    }

    fn hash(&self, place: &mut Option<String>) -> Result<(), AnswerHeadError> {
        self.put(place, self.ascii().filter(|text| is_body_hash(text)).map(Into::into))
    }

    fn ascii(&self) -> Option<&str> {
        std::str::from_utf8(self.value).ok()
    }

    fn put<T>(&self, place: &mut Option<T>, value: Option<T>) -> Result<(), AnswerHeadError> {
        let header = || self.header.to_owned();
        let value = value.ok_or_else(|| AnswerHeadError::Malformed { header: header() })?;
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(AnswerHeadError::Duplicate { header: header() }),
        }
    }
}
