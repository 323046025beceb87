//! One synapse and its handler, with the type forgotten.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axoneme_protocol::body_hash::{body_matches, hash_values, hashed_values, matches};
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::python::PyValue;
use axoneme_protocol::{EmptyValue, Envelope, Ping, StreamingSynapse, Synapse, UnicodeVersion};
use http::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::auth::AuthPolicy;
use crate::handler::{Caller, Forward, ForwardStream, HandlerError, TokenStream};
use crate::meters::Meters;
use crate::queue::Permit;
use crate::refusal::Refusal;
use crate::stack::Gone;
use crate::streams::StreamSlot;

/// A route, the wires it accepts, and the largest body it takes.
pub(crate) struct Endpoint {
    pub(crate) route: Box<dyn Route>,
    pub(crate) auth: AuthPolicy,
    pub(crate) body_bytes: usize,
    /// `bt_header_input_obj_*`, the same in every answer.
    pub(crate) placeholders: Vec<(HeaderName, HeaderValue)>,
    pub(crate) meters: Meters,
}

impl Endpoint {
    pub(crate) fn new(route: Box<dyn Route>, auth: AuthPolicy, body_bytes: usize) -> Self {
        let placeholder = |(field, empty): &(&str, EmptyValue)| {
            let name = HeaderName::try_from(format!("bt_header_input_obj_{field}")).ok()?;
            Some((name, HeaderValue::from_static(empty.header_value())))
        };
        let placeholders = route.required_fields().iter().filter_map(placeholder).collect();
        let meters = Meters::new(route.name());
        Self {
            route,
            auth,
            body_bytes,
            placeholders,
            meters,
        }
    }
}

/// A route of the axon.
pub(crate) trait Route: Send + Sync {
    fn name(&self) -> &'static str;

    fn required_fields(&self) -> &'static [(&'static str, EmptyValue)];

    /// Whether anything of the body is under a v10 signature.
    fn is_hashed(&self) -> bool;

    /// Whether the answer is a stream.
    fn streams(&self) -> bool;

    /// Parses a body and compares its hash, where the wire has one; what comes back is ready to run.
    fn read(&self, body: &[u8], claimed_hash: Option<&str>) -> Result<Ready, Refusal>;
}

/// A parsed request, waiting for its handler.
pub(crate) type Ready = Box<dyn FnOnce(Caller, CancellationToken) -> Running + Send>;

/// A handler at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Handled, HandlerError>> + Send>>;

/// What a handler gave.
pub(crate) enum Handled {
    Whole(Box<dyn Whole>),
    Pieces(TokenStream),
}

/// What goes back up the stack.
pub(crate) enum Output {
    Whole(Box<dyn Whole>),
    /// A stream, or nothing when it ended before its first piece.
    Pieces(Option<Flow>),
}

/// A stream that has begun, and what it holds on to until it ends.
pub(crate) struct Flow {
    pub(crate) first: Option<String>,
    pub(crate) rest: TokenStream,
    pub(crate) deadline: tokio::time::Instant,
    pub(crate) _held: Held,
}

/// What ends with a stream: the right to run, a place among the caller's streams, and the wait of a handler that is
/// told when its reader goes away.
pub(crate) type Held = (Gone, Option<StreamSlot>, Option<Permit>);

/// A whole answer, ready to be written.
pub(crate) trait Whole: Send {
    /// The JSON of the v10 wire; sets the body hash in the envelope.
    fn in_envelope(&self, envelope: &mut Envelope) -> Result<Vec<u8>, String>;

    /// The fields alone.
    fn plain(&self) -> Result<Vec<u8>, String>;
}

/// An answer, and what was hashed of its question.
struct Answer<S> {
    synapse: S,
    question: Option<Hashed>,
}

impl<S: Synapse> Whole for Answer<S> {
    fn in_envelope(&self, envelope: &mut Envelope) -> Result<Vec<u8>, String> {
        let values = hashed_values(&self.synapse).map_err(|error| error.to_string())?;
        envelope.body_hash = match &self.question {
            // The hash fields are the question; handlers leave them as they are, and then the hash is the same.
            Some(question) if question.values == values => question.hash.clone(),
            _ => hash_values(&values, UnicodeVersion::OURS),
        };
        envelope.body(&self.synapse).map_err(|error| error.to_string())
    }

    fn plain(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(&self.synapse).map_err(|error| error.to_string())
    }
}

/// The values under a hash that was found right.
struct Hashed {
    values: Vec<PyValue>,
    hash: String,
}

/// The largest body whose hashed values are kept until it is answered. Keeping them costs memory, hashing again time.
const WORTH_KEEPING: usize = 16 << 10;

/// A handler that gives a whole answer.
pub(crate) struct WholeRoute<S: Synapse>(pub(crate) Arc<dyn Forward<S>>);

impl<S: Synapse> Route for WholeRoute<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn required_fields(&self) -> &'static [(&'static str, EmptyValue)] {
        S::REQUIRED_FIELDS
    }

    fn is_hashed(&self) -> bool {
        !S::HASH_FIELDS.is_empty()
    }

    fn streams(&self) -> bool {
        false
    }

    fn read(&self, body: &[u8], claimed_hash: Option<&str>) -> Result<Ready, Refusal> {
        let (synapse, question): (S, _) = parse(body, claimed_hash)?;
        let forward = self.0.clone();
        Ok(Box::new(move |caller, cancel| {
            Box::pin(async move {
                let synapse = forward.forward(caller, synapse, cancel).await?;
                Ok(Handled::Whole(Box::new(Answer { synapse, question })))
            })
        }))
    }
}

/// A handler that gives its answer in pieces.
pub(crate) struct StreamRoute<S: StreamingSynapse>(pub(crate) Arc<dyn ForwardStream<S>>);

impl<S: StreamingSynapse> Route for StreamRoute<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn required_fields(&self) -> &'static [(&'static str, EmptyValue)] {
        S::REQUIRED_FIELDS
    }

    fn is_hashed(&self) -> bool {
        !S::HASH_FIELDS.is_empty()
    }

    fn streams(&self) -> bool {
        true
    }

    fn read(&self, body: &[u8], claimed_hash: Option<&str>) -> Result<Ready, Refusal> {
        let (synapse, _): (S, _) = parse(body, claimed_hash)?;
        let forward = self.0.clone();
        Ok(Box::new(move |caller, cancel| {
            Box::pin(async move { forward.forward(caller, synapse, cancel).await.map(Handled::Pieces) })
        }))
    }
}

fn parse<S: Synapse>(body: &[u8], claimed_hash: Option<&str>) -> Result<(S, Option<Hashed>), Refusal> {
    let synapse: S = read_body(body).map_err(|error| Refusal::Body {
        synapse: S::NAME,
        what: match error.classify() {
            serde_json::error::Category::Data => "wrong or missing fields",
            _ => "malformed JSON",
        },
    })?;
    let Some(claimed) = claimed_hash else {
        return Ok((synapse, None));
    };
    let values = hashed_values(&synapse).map_err(|error| Refusal::internal(&error))?;
    if matches(&values, claimed) {
        let hash = claimed.to_owned();
        let kept = (body.len() <= WORTH_KEEPING).then_some(Hashed { values, hash });
        return Ok((synapse, kept));
    }
    // There are values that a body spells in more than one way.
    match body_matches(&synapse, body, claimed) {
        Ok(true) => Ok((synapse, None)),
        Ok(false) => Err(Refusal::BodyHash),
        Err(error) => Err(Refusal::internal(&error)),
    }
}

/// The built-in ping every axon answers.
pub(crate) struct Pong;

#[async_trait::async_trait]
impl Forward<Ping> for Pong {
    async fn forward(&self, _: Caller, ping: Ping, _: CancellationToken) -> Result<Ping, HandlerError> {
        Ok(ping)
    }
}
