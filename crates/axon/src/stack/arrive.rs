//! The body: in bounded memory, and in time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use super::shared::Shared;
use super::stage::{Asked, Step};
use crate::limits::Limits;
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct Arrive(pub(crate) Arc<Shared>);

impl Step for Arrive {
    async fn take(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let limit = asked.endpoint()?.body_bytes;
        if !asked.familiar {
            // What a stranger may make this side keep is bounded for all strangers together.
            let most = asked.body.size_hint().exact().unwrap_or(limit as u64).min(limit as u64);
            let share = self.0.stranger_bytes.take(most as usize);
            asked.share = Some(share.ok_or(Refusal::Busy)?);
        }
        asked.bytes = read(&mut asked.body, limit, &self.0.limits, asked.first_byte).await?;
        Ok(())
    }
}

/// Reads a whole body, or says why not.
async fn read(body: &mut Incoming, limit: usize, limits: &Limits, first_byte: Instant) -> Result<Bytes, Refusal> {
    let expected = body.size_hint().exact();
    let mut first = None;
    let mut all = BytesMut::new();
    let mut count = 0;
    loop {
        // Most bodies came along with their head: no timer for those.
        let frame = match futures::FutureExt::now_or_never(body.frame()) {
            Some(frame) => frame,
            None => {
                let until = first_byte + limits.time_for(count);
                tokio::time::timeout_at(until, body.frame())
                    .await
                    .map_err(|_| Refusal::SlowRequest)?
            }
        };
        let Some(frame) = frame else {
            break;
        };
        let frame = frame.map_err(|_| Refusal::BadRequest("the body ended early or is badly framed"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        count += data.len();
        if count > limit {
            return Err(Refusal::TooLarge { limit });
        }
        match (&first, all.is_empty()) {
            (None, true) if expected == Some(data.len() as u64) => first = Some(data),
            _ => {
                // The whole capacity only for what has a length: a chunked body has to earn its memory.
                if all.is_empty() {
                    all.reserve(expected.unwrap_or(0).min(64 << 10) as usize);
                }
                all.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// Throws away the rest of a small body so that the connection can be kept; false when it cannot.
pub(crate) async fn drain(body: &mut Incoming) -> bool {
    const WORTH_READING: usize = 64 << 10;
    const WORTH_WAITING: std::time::Duration = std::time::Duration::from_millis(200);
    match body.size_hint().exact() {
        Some(0) => true,
        Some(length) if length <= WORTH_READING as u64 => {
            let reading = async {
                while let Some(frame) = body.frame().await {
                    if frame.is_err() {
                        return false;
                    }
                }
                true
            };
            tokio::time::timeout(WORTH_WAITING, reading).await.unwrap_or(false)
        }
        _ => body.is_end_stream(),
    }
}
