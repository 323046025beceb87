//! Which synapse is meant, and whether it takes a body of that size.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use hyper::body::Body;

use super::shared::Shared;
use super::stage::{Asked, Check};
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct FindRoute(pub(crate) Arc<Shared>);

impl Check for FindRoute {
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let uri = &asked.parts.uri;
        let name = uri.path().strip_prefix('/').unwrap_or_default();
        // A route has one spelling. With a host in the target, a proxy on the way could have read another one.
        let found = self.0.routes.get(name).filter(|_| uri.authority().is_none());
        let Some(endpoint) = found else {
            return Err(Refusal::unknown_route(name, self.0.routes.keys().copied()));
        };
        let limit = endpoint.body_bytes;
        asked.endpoint = Some(endpoint.clone());
        if asked.parts.method != Method::POST {
            return Err(Refusal::Method);
        }
        check_content_type(&asked.parts.headers)?;
        // Before a byte of it is read.
        match asked.body.size_hint().exact() {
            Some(length) if length > limit as u64 => Err(Refusal::TooLarge { limit }),
            _ => Ok(()),
        }
    }
}

/// Refuses bodies that do not say they are JSON; the Python axon does so too.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(CONTENT_TYPE).map_or(&[][..], |value| value.as_bytes());
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    let is_json = essence.eq_ignore_ascii_case(b"application/json")
        || essence
            .split_at_checked(b"application/".len())
            .is_some_and(|(family, form)| {
                family.eq_ignore_ascii_case(b"application/") && form.to_ascii_lowercase().ends_with(b"+json")
            });
    if is_json {
        Ok(())
    } else {
        Err(Refusal::BadRequest("the content type must be application/json"))
    }
}
