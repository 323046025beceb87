//! The body, as the synapse it should be.

use bytes::Bytes;

use super::stage::{Asked, Check};
use crate::head::Head;
use crate::refusal::Refusal;

#[derive(Clone, Copy)]
pub(crate) struct Parse;

impl Check for Parse {
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let claimed_hash = match asked.head()? {
            Head::V10(head) => Some(head.body_hash.as_str()),
            // Every byte of the body is under the signature already.
            Head::Btauth(_) => None,
        };
        let ready = asked.endpoint()?.route.read(&asked.bytes, claimed_hash)?;
        asked.ready = Some(ready);
        asked.bytes = Bytes::new();
        Ok(())
    }
}
