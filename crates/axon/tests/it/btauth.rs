//! `btauth/1` callers on the same handlers: what is accepted, what is refused with which code, and who signed what.

use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{AuthKind, AuthPolicy, CallerPolicy, Ground, Limits, Rate, Verdict};
use axoneme_protocol::twresp::{self, Exchange};
use axoneme_protocol::{Prompting, btauth};
use axoneme_wallet::{AccountId, Keypair, Scheme};

use crate::peer::{Raw, Reply, asking, key, now_ns, start};

const SECOND: u64 = 1_000_000_000;

/// A request of //Alice to //Bob, and what its answer has to be signed over.
pub struct Question {
    pub raw: Raw,
    pub nonce: u64,
    pub sender: AccountId,
}

impl Question {
    pub fn new(body: &str) -> Self {
        Self::by(&key("//Alice"), Some("//Bob"), now_ns(), "/Prompting", body)
    }

    pub fn asking(message: &str) -> Self {
        Self::new(&serde_json::json!({ "roles": ["user"], "messages": [message] }).to_string())
    }

    pub fn by(signer: &Keypair, receiver: Option<&str>, nonce: u64, path: &str, body: &str) -> Self {
        let receiver = receiver.map(|uri| key(uri).account_id());
        let signed = btauth::sign(signer, receiver.as_ref(), "POST", path, body.as_bytes(), nonce);
        let mut headers = vec![
            ("Host".into(), "axon".into()),
            ("Content-Type".into(), "application/json".into()),
        ];
        headers.extend(signed.into_iter().map(|(name, value)| (name.into(), value)));
        let raw = Raw {
            method: "POST",
            path: path.into(),
            headers,
            body: body.into(),
        };
        Self {
            raw,
            nonce,
            sender: signer.account_id(),
        }
    }

    pub fn is_signed(&self, reply: &Reply) -> bool {
        let bob = key("//Bob").account_id();
        let exchange = Exchange {
            nonce: self.nonce,
            sender: &self.sender,
            responder: &bob,
        };
        let headers = || {
            reply
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
        };
        if !twresp::is_signed(headers()) {
            return false;
        }
        twresp::verify_response(headers(), &exchange, reply.status, &reply.body).expect("a good signature");
        true
    }
}

/// The code of an error, after a look at its form.
fn code(reply: &Reply) -> String {
    let error = &reply.json()["error"];
    let id = error["request_id"].as_str().expect("an id");
    assert_eq!(reply.header("x-tw-request-id"), Some(id));
    assert!(error["message"].is_string());
    assert_eq!(reply.header("bt_header_axon_status_code"), None, "no v10 headers");
    error["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn a_signed_request_is_served_and_its_answer_signed() {
    let (axon, handler) = start(|axon| axon).await;
    let question = Question::asking("hello");
    let reply = question.raw.send(axon.local_addr()).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert!(question.is_signed(&reply));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("x-tw-request-id").is_some());
    let body = reply.json();
    assert_eq!(body["completion"], "echo hello");
    assert_eq!(
        body.as_object().expect("an object").len(),
        3,
        "the fields and nothing else"
    );
    let caller = handler.seen.lock().clone().expect("a caller");
    assert_eq!((caller.hotkey, caller.auth), (question.sender, AuthKind::Btauth));
    assert_eq!((caller.uuid.as_str(), caller.version, caller.timeout), ("", None, None));
    // The v10 wire is served beside it, unsigned.
    let reply = asking("hello").send(axon.local_addr()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-tw-resp-signature"), None);
    assert_eq!(
        handler.seen.lock().as_ref().map(|caller| caller.auth),
        Some(AuthKind::V10)
    );
}

#[tokio::test]
async fn ed25519_callers_are_served() {
    let (axon, _) = start(|axon| axon).await;
    let signer = Keypair::from_uri_with(Scheme::Ed25519, "//Alice").expect("key");
    let body = r#"{"roles": ["user"], "messages": ["hello"]}"#;
    let question = Question::by(&signer, Some("//Bob"), now_ns(), "/Prompting?a=%20b", body);
    let reply = question.raw.send(axon.local_addr()).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert!(question.is_signed(&reply));
    let other_scheme = question.raw.without("X-Bittensor-Crypto");
    assert_eq!(
        code(&other_scheme.send(axon.local_addr()).await),
        "tw.auth_bad_signature"
    );
}

#[tokio::test]
async fn what_is_not_signed_for_this_axon_now_never_reaches_the_handler() {
    let (axon, handler) = start(|axon| axon).await;
    let to = axon.local_addr();
    let body = r#"{"roles": ["user"], "messages": ["hello"]}"#;
    let alice = key("//Alice");
    let honest = Question::new(body).raw;
    assert_eq!(honest.send(to).await.status, 200);
    let at = |nonce| Question::by(&alice, Some("//Bob"), nonce, "/Prompting", body).raw;
    let fresh = || Question::new(body).raw;
    let v10 = asking("hello");
    for (raw, expected, what) in [
        (honest, "tw.auth_replayed", "a replay"),
        (at(now_ns() - 11 * SECOND), "tw.auth_stale", "11 s old"),
        (at(now_ns() + 3 * SECOND), "tw.auth_stale", "3 s ahead"),
        (
            fresh().body(body.replace("hello", "other")),
            "tw.auth_bad_signature",
            "another body",
        ),
        (
            fresh().body(format!("{body} ")),
            "tw.auth_bad_signature",
            "a space more",
        ),
        (
            Raw {
                path: "/Prompting?x=1".into(),
                ..fresh()
            },
            "tw.auth_bad_signature",
            "another target",
        ),
        (
            Question::by(&alice, Some("//Charlie"), now_ns(), "/Prompting", body).raw,
            "tw.auth_wrong_receiver",
            "for another",
        ),
        (
            Question::by(&alice, None, now_ns(), "/Prompting", body).raw,
            "tw.auth_wrong_receiver",
            "for anybody",
        ),
        (
            fresh().set("X-Bittensor-Nonce", "1_0"),
            "tw.auth_malformed",
            "an odd nonce",
        ),
        (fresh().without("X-Bittensor-Nonce"), "tw.auth_malformed", "no nonce"),
        (
            fresh().set("X-Bittensor-Version", "2"),
            "tw.auth_malformed",
            "another version",
        ),
        (
            fresh().set("X-Bittensor-Signature", "0xzz"),
            "tw.auth_malformed",
            "no hex",
        ),
        (
            fresh().set("X-Bittensor-Signature", ""),
            "tw.auth_malformed",
            "an empty signature",
        ),
        (
            fresh().also("X-Bittensor-Nonce", "5"),
            "tw.auth_malformed",
            "two nonces",
        ),
        (
            fresh().set("X-Bittensor-Crypto", "ed25519"),
            "tw.auth_bad_signature",
            "another scheme",
        ),
        (
            v10.also("X-Bittensor-Signature", "0x00"),
            "tw.auth_malformed",
            "a v10 request with a signature of this wire",
        ),
    ] {
        let reply = raw.send(to).await;
        assert_eq!((reply.status, code(&reply).as_str()), (401, expected), "{what}");
        assert_eq!(reply.header("x-tw-resp-signature"), None, "{what} is signed");
    }
    assert_eq!(handler.count(), 1);
    // A nonce is spent per wire: the same number on the other one is another request.
    let mut question = Question::new(body);
    let nonce = question.nonce;
    assert_eq!(question.raw.send(to).await.status, 200);
    question = Question::by(&key("//Charlie"), Some("//Bob"), nonce, "/Prompting", body);
    assert_eq!(question.raw.send(to).await.status, 200, "another sender");
}

struct OnlyCharlie;

impl CallerPolicy for OnlyCharlie {
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        if *caller == key("//Charlie").account_id() {
            Verdict::Allow
        } else if *caller == key("//Dave").account_id() {
            Verdict::Unknown
        } else {
            Verdict::Forbid(Ground::NotRegistered, "hotkey not registered".into())
        }
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        0.0
    }
}

#[tokio::test]
async fn errors_after_authentication_are_signed_and_those_before_are_not() {
    let limits = Limits {
        handler_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    for (question, status, expected) in [
        (Question::new("[]"), 422, "tw.invalid_request"),
        (Question::new("{\"roles\": 1}"), 422, "tw.invalid_request"),
        (Question::asking("panic"), 500, "tw.handler_error"),
        (Question::asking("internal"), 500, "tw.handler_error"),
        (Question::asking("hang"), 504, "tw.handler_timeout"),
    ] {
        let reply = question.raw.send(to).await;
        assert_eq!((reply.status, code(&reply).as_str()), (status, expected));
        assert!(question.is_signed(&reply), "{expected}");
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
    }
    let unknown = Question::by(&key("//Alice"), Some("//Bob"), now_ns(), "/Nope", "{}");
    let reply = unknown.raw.send(to).await;
    assert_eq!((reply.status, code(&reply).as_str()), (404, "tw.not_found"));
    assert!(!unknown.is_signed(&reply));

    let (axon, _) = start(|axon| axon.policy(Arc::new(OnlyCharlie))).await;
    let question = Question::asking("hello");
    let reply = question.raw.send(axon.local_addr()).await;
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (403, "tw.forbidden_not_registered")
    );
    assert!(question.is_signed(&reply));
    let body = r#"{"roles": ["user"], "messages": ["hello"]}"#;
    let question = Question::by(&key("//Dave"), Some("//Bob"), now_ns(), "/Prompting", body);
    let reply = question.raw.send(axon.local_addr()).await;
    assert_eq!((reply.status, code(&reply).as_str()), (503, "tw.metagraph_stale"));
    assert!(!question.is_signed(&reply));

    let rate = Some(Rate {
        per_second: 0.5,
        burst: 1.0,
    });
    let per_hotkey = Limits {
        per_hotkey: rate,
        ..Limits::default()
    };
    let per_ip = Limits {
        per_ip: rate,
        ..Limits::default()
    };
    for (limits, signed) in [(per_hotkey, true), (per_ip, false)] {
        let (axon, _) = start(|axon| axon.limits(limits)).await;
        // The first request of all takes from its address; admitted, the caller has a bucket of its own there.
        let mut question = Question::asking("hello");
        let mut reply = question.raw.send(axon.local_addr()).await;
        while reply.status == 200 {
            question = Question::asking("hello");
            reply = question.raw.send(axon.local_addr()).await;
        }
        assert_eq!((reply.status, code(&reply).as_str()), (429, "tw.rate_limited"));
        assert!(
            reply
                .header("retry-after")
                .is_some_and(|after| after.parse::<u64>().is_ok_and(|s| s >= 1))
        );
        assert_eq!(question.is_signed(&reply), signed);
    }
}

#[tokio::test]
async fn routes_speak_the_wires_they_are_told_to() {
    let (axon, handler) = start(|axon| axon.auth(AuthPolicy::BTAUTH)).await;
    let reply = asking("hello").send(axon.local_addr()).await;
    assert_eq!(reply.status, 410, "the other wire is gone");
    assert_eq!(reply.header("bt_header_axon_status_code"), Some("410"));
    let reply = asking("hello")
        .without("bt_header_dendrite_signature")
        .send(axon.local_addr())
        .await;
    assert_eq!((reply.status, code(&reply).as_str()), (401, "tw.auth_malformed"));
    assert_eq!(Question::asking("hello").raw.send(axon.local_addr()).await.status, 200);
    assert_eq!(handler.count(), 1);

    let unsigned = AuthPolicy {
        sign_responses: false,
        require_receiver: false,
        ..AuthPolicy::BOTH
    };
    let (axon, _) = start(|axon| axon.auth(AuthPolicy::V10).route_auth::<Prompting>(unsigned)).await;
    let body = r#"{"roles": ["user"], "messages": ["hello"]}"#;
    let question = Question::by(&key("//Alice"), None, now_ns(), "/Prompting", body);
    let reply = question.raw.send(axon.local_addr()).await;
    assert_eq!((reply.status, question.is_signed(&reply)), (200, false));
    // The ping route follows the axon's policy, and answers in the words it speaks.
    let ping = Question::by(&key("//Alice"), Some("//Bob"), now_ns(), "/Synapse", "{}");
    let reply = ping.raw.send(axon.local_addr()).await;
    assert_eq!(
        (reply.status, reply.header("bt_header_axon_status_code")),
        (401, Some("401"))
    );
}

#[tokio::test]
async fn a_ping_is_answered_on_both_wires() {
    let (axon, _) = start(|axon| axon).await;
    let ping = Question::by(&key("//Alice"), Some("//Bob"), now_ns(), "/Synapse", "{}");
    let reply = ping.raw.send(axon.local_addr()).await;
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"{}"[..]));
    assert!(ping.is_signed(&reply));
}
