//! Framing that HTTP allows but that another program on the way could read differently.

use http::Version;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};

use super::stage::{Asked, Check};
use crate::refusal::Refusal;

#[derive(Clone, Copy)]
pub(crate) struct Form;

impl Check for Form {
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let headers = &asked.parts.headers;
        // Its value does not matter: Python dendrites write 0.0.0.0 when they ask themselves.
        let hosts = headers.get_all(HOST).iter().count();
        if hosts > 1 || (hosts == 0 && asked.parts.version != Version::HTTP_10) {
            return Err(Refusal::BadRequest("a request has one host header"));
        }
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        if codings.next().is_some_and(|coding| coding != "chunked") || codings.next().is_some() {
            return Err(Refusal::BadRequest(
                "transfer encodings other than chunked are not accepted",
            ));
        }
        if asked.place.timing.is_ambiguous() || headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
            return Err(Refusal::BadRequest("more than one statement of the body's length"));
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(Refusal::BadRequest("compressed bodies are not accepted"));
        }
        Ok(())
    }
}
