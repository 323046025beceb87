//! Names, paths and methods.

use super::once;
use crate::case::{Case, Expect};
use crate::session::Session;

/// No such thing here.
const UNKNOWN: Expect = Expect::Refused(&[404]);
/// Not that way.
const METHOD: Expect = Expect::Refused(&[404, 405]);

pub(super) const CASES: &[Case] = &[
    once!(
        "unknown",
        Routing,
        "a synapse that the axon does not have",
        UNKNOWN,
        |session| path(session, "/NoSuchSynapse".into())
    ),
    once!("root", Routing, "the path /", UNKNOWN, |session| path(
        session,
        "/".into()
    )),
    once!("case", Routing, "the name in lower case", UNKNOWN, |session| {
        path(session, format!("/{}", session.synapse.name.to_lowercase()))
    }),
    once!(
        "double-slash",
        Routing,
        "two slashes before the name",
        UNKNOWN,
        |session| path(session, format!("//{}", session.synapse.name))
    ),
    once!("below", Routing, "something below the name", UNKNOWN, |session| path(
        session,
        format!("/{}/x", session.synapse.name)
    )),
    once!("dots", Routing, "../ in the path", UNKNOWN, |session| path(
        session,
        format!("/x/../{}", session.synapse.name)
    )),
    once!("encoded-slash", Routing, "%2f in the path", UNKNOWN, |session| path(
        session,
        format!("/%2f{}", session.synapse.name)
    )),
    once!("null-path", Routing, "%00 in the path", UNKNOWN, |session| path(
        session,
        format!("/{}%00", session.synapse.name)
    )),
    once!(
        "markup",
        Routing,
        "a name that is markup, to see whether it is echoed into headers",
        Expect::Refused(&[400, 404]),
        |session| { path(session, "/%0d%0aX-Injected:%201<b>".into()) }
    ),
    once!(
        "query",
        Routing,
        "a query after the name",
        Expect::Anything,
        |session| path(session, format!("/{}?x=1", session.synapse.name))
    ),
    once!(
        "absolute",
        Routing,
        "an absolute form of the target",
        Expect::Anything,
        |session| { path(session, format!("http://elsewhere.example/{}", session.synapse.name)) }
    ),
    once!("star", Routing, "OPTIONS *", METHOD, |session| {
        session
            .draft()
            .http()
            .with(|http| {
                http.method = "OPTIONS".into();
                http.path = "*".into()
            })
            .bytes()
    }),
    once!(
        "get",
        Routing,
        "GET with the body of a POST",
        Expect::BetterRefused(&[404, 405]),
        |session| method(session, "GET")
    ),
    once!("put", Routing, "PUT", METHOD, |session| method(session, "PUT")),
    once!("options", Routing, "OPTIONS", METHOD, |session| method(
        session, "OPTIONS"
    )),
    once!(
        "trace",
        Routing,
        "TRACE",
        Expect::Refused(&[400, 404, 405, 501]),
        |session| method(session, "TRACE")
    ),
    once!(
        "connect",
        Routing,
        "CONNECT",
        Expect::Refused(&[400, 404, 405, 501]),
        |session| {
            session
                .draft()
                .http()
                .with(|http| {
                    http.method = "CONNECT".into();
                    http.path = "elsewhere.example:443".into()
                })
                .bytes()
        }
    ),
    once!(
        "made-up",
        Routing,
        "a method that nobody knows",
        Expect::Refused(&[400, 404, 405, 501]),
        |session| method(session, "ANSWER")
    ),
];

fn path(session: &Session, path: String) -> Vec<u8> {
    session.draft().http().with(|http| http.path = path).bytes()
}

fn method(session: &Session, method: &str) -> Vec<u8> {
    session
        .draft()
        .http()
        .with(|http| http.method = method.to_owned())
        .bytes()
}
