//! What a case is.

use futures::future::BoxFuture;

use crate::session::Session;
use crate::socket::Seen;

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Group {
    /// Requests of honest peers, which must be served.
    Valid,
    /// Who signed what, for whom, and when.
    Identity,
    /// Headers that cannot be what they should be.
    Headers,
    /// Bodies that are not the synapse, or not the one that was signed.
    Body,
    /// What answers have to look like, and must not give away.
    Answers,
    /// Names, paths and methods.
    Routing,
    /// Framing that two readers could understand differently, and things that are not HTTP.
    Framing,
    /// Senders that take their time, or send too much.
    Abuse,
    /// Signed requests of SDK 11.
    Btauth,
}

impl Group {
    /// A word for tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Identity => "identity",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::Answers => "answers",
            Self::Routing => "routing",
            Self::Framing => "framing",
            Self::Abuse => "abuse",
            Self::Btauth => "btauth",
        }
    }
}

/// What the rules of the wire require of an axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Answered with 200.
    Served,
    /// Not served; one of these statuses says best why. An empty list: the connection is closed, or any error.
    Refused(&'static [u16]),
    /// Better not served: the rules recommend a refusal with one of these statuses and do not require it.
    BetterRefused(&'static [u16]),
    /// The connection ends, with or without an error answer, within the limit for slow requests.
    Ended,
    /// Not required either way; the axon has to go on serving others.
    Anything,
}

/// Plays a case; an error means that the case could not be set up.
pub(crate) type Play = for<'a> fn(&'a Session) -> BoxFuture<'a, Result<Seen, String>>;

/// One case.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Short name, stable between versions.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// What is sent.
    pub about: &'static str,
    /// What is required.
    pub expect: Expect,
    pub(crate) play: Play,
}
