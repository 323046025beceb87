//! Reading answers that arrive piece by piece.

use axoneme_protocol::twresp::sse::{self, SignedStreamReader, StreamEvent, StreamLimits, TokenChunk};
use axoneme_protocol::{StreamingSynapse, Utf8Chunks};
use http::Response;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::answer::{Failure, Good};
use crate::response::{self, check_head, content_type, is_json, next_data, pairs, stream_head};
use crate::signed::{self, Asked};
use crate::stream::Pipe;

/// Reads raw UTF-8. Status and content are looked at before the first byte of it: an error is none.
pub(crate) async fn read_v10<S: StreamingSynapse>(
    response: Response<Incoming>,
    limit: usize,
    mut filled: S,
    pipe: &Pipe,
) -> Result<Good<S>, Failure> {
    if response.status().as_u16() != 200 || is_json(response.headers()) {
        response::read::<S>(response, limit).await?;
        return Err(Failure::invalid("the axon answered as a whole, not in pieces"));
    }
    let (parts, mut body) = response.into_parts();
    check_head(&parts)?;
    let message = stream_head(&parts.headers)?;
    if !content_type(&parts.headers).starts_with("text/") {
        return Err(Failure::invalid("the content is not declared as text"));
    }
    let (mut decoder, mut read) = (Utf8Chunks::new(), 0);
    while let Some(data) = next_data(&mut body).await? {
        read += data.len();
        if read > limit {
            return Err(Failure::too_large(limit));
        }
        let text = decoder.push(&data).map_err(Failure::invalid)?;
        filled.push(&text);
        pipe.push(&text);
    }
    decoder.finish().map_err(Failure::invalid)?;
    Ok(Good {
        synapse: filled,
        message,
        signed: false,
    })
}

/// Reads a signed stream, of which nothing counts until its end has come.
pub(crate) async fn read_signed<S: StreamingSynapse>(
    response: Response<Incoming>,
    asked: &Asked<'_>,
    limits: StreamLimits,
    mut filled: S,
    pipe: &Pipe,
) -> Result<Good<S>, Failure> {
    let (parts, mut body) = response.into_parts();
    check_head(&parts)?;
    if parts.status.as_u16() != 200 {
        return Err(signed::read_refusal(&parts, body, asked, limits.max_bytes).await);
    }
    if content_type(&parts.headers) != sse::CONTENT_TYPE {
        return Err(Failure::invalid("the answer is not an event stream"));
    }
    let mut reader = SignedStreamReader::new(pairs(&parts.headers), &asked.exchange, limits)?;
    let quiet = || Instant::now() + limits.max_idle;
    let mut until = quiet();
    loop {
        let next = timeout_at(until, next_data(&mut body)).await;
        let Some(data) = next.map_err(|_| Failure::timed_out(limits.max_idle))?? else {
            break;
        };
        for event in reader.push(&data)? {
            until = quiet();
            if let StreamEvent::Chunk(json) = event {
                let chunk: TokenChunk = serde_json::from_str(&json).map_err(Failure::invalid)?;
                filled.push(&chunk.token);
                pipe.push(&chunk.token);
            }
        }
    }
    reader.finish()?;
    Ok(Good {
        synapse: filled,
        message: "Success".into(),
        signed: true,
    })
}
