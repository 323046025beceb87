//! The btauth wire: signed requests, signed answers, and never a silent way down.

use std::time::Duration;

use axoneme_dendrite::{BtauthConfig, DendriteConfig, DendriteError, Outcome, Wire};
use axoneme_protocol::{Prompting, StatusClass};
use axoneme_wallet::{Keypair, Scheme};

use crate::scripted::{Act, Asked, Server, alice, bob, good, signed, with_headers};

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER: &str = r#"{"roles":["user"],"messages":["another question"],"completion":"hi"}"#;

fn config(btauth: BtauthConfig) -> DendriteConfig {
    DendriteConfig {
        btauth,
        ..DendriteConfig::default()
    }
}

#[tokio::test]
async fn a_request_is_bound_to_its_axon_and_its_answer_to_the_request() {
    let server = Server::answering(|_, asked| Act::Say(signed(asked, &bob(), 200, ANSWER))).await;
    let dendrite = alice(DendriteConfig::default());
    let target = server.target().over(Wire::Btauth);
    for _ in 0..3 {
        let answer = dendrite.call(&target, Prompting::ask("it's \u{e9}"), TIMEOUT).await;
        assert!(answer.is_success() && answer.signed, "{answer:?}");
        assert_eq!((answer.status, answer.synapse.completion.as_str()), (200, "hi"));
        assert_eq!(answer.synapse.messages, ["it's \u{e9}"], "the question stays");
    }
    let asked = server.asked.lock().clone();
    let heads: Vec<_> = asked.iter().map(Asked::btauth).collect();
    assert!(heads.windows(2).all(|two| two[0].nonce < two[1].nonce));
    for request in &asked {
        assert_eq!(request.line, "POST /Prompting HTTP/1.1");
        // Only the fields of the synapse, and nothing of the v10 wire.
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("json");
        let members: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["completion", "messages", "roles"]);
        assert!(request.headers.iter().all(|(name, _)| !name.starts_with("bt_header")));
        assert_eq!(request.connection, 0, "the connection is kept");
    }
    assert_eq!(dendrite.signers(), [bob().account_id()]);
}

#[tokio::test]
async fn either_scheme_signs_and_is_understood() {
    let miner = || Keypair::from_uri_with(Scheme::Ed25519, "//Bob").expect("uri");
    let server = Server::answering(move |_, asked| {
        let headers = asked.headers.iter();
        let head = axoneme_protocol::BtauthHead::parse(headers.map(|(n, v)| (n.as_str(), v.as_bytes()))).expect("head");
        assert_eq!(head.scheme, Scheme::Ed25519);
        assert!(head.verify(
            "POST",
            "/Prompting",
            &axoneme_protocol::btauth::body_sha256(&asked.body)
        ));
        let exchange = axoneme_protocol::Exchange {
            nonce: head.nonce,
            sender: &head.sender,
            responder: &miner().account_id(),
        };
        let headers = axoneme_protocol::twresp::sign_response(&miner(), &exchange, 200, ANSWER.as_bytes());
        let headers: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        Act::Say(with_headers(200, &headers, ANSWER))
    })
    .await;
    let signer = std::sync::Arc::new(Keypair::from_uri_with(Scheme::Ed25519, "//Alice").expect("uri"));
    let config = DendriteConfig {
        allow_private: true,
        ..DendriteConfig::default()
    };
    let dendrite = axoneme_dendrite::Dendrite::new(signer, config).expect("usable settings");
    let target = axoneme_dendrite::AxonTarget {
        hotkey: miner().account_id(),
        ..server.target().over(Wire::Btauth)
    };
    let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert!(answer.is_success() && answer.signed, "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_nobody_or_another_signed_does_not_count() {
    type Answering = fn(&Asked) -> Vec<u8>;
    let cases: [(&str, Outcome, Answering); 6] = [
        ("no signature", Outcome::Unsigned, |_| with_headers(200, "", ANSWER)),
        ("half of the headers", Outcome::Unsigned, |_| {
            with_headers(200, "X-TW-Resp-Version: 1\r\n", ANSWER)
        }),
        ("another key", Outcome::BadSignature, |asked| {
            signed(asked, &Keypair::from_uri("//Mallory").expect("uri"), 200, ANSWER)
        }),
        ("another body", Outcome::BadSignature, |asked| {
            let answer = String::from_utf8(signed(asked, &bob(), 200, ANSWER)).expect("text");
            answer.replace(r#""hi""#, r#""ho""#).into_bytes()
        }),
        ("another status", Outcome::BadSignature, |asked| {
            let answer = String::from_utf8(signed(asked, &bob(), 500, ANSWER)).expect("text");
            answer.replacen("500", "200", 1).into_bytes()
        }),
        ("an error made of a success", Outcome::BadSignature, |asked| {
            let answer = String::from_utf8(signed(asked, &bob(), 200, ANSWER)).expect("text");
            answer.replacen("200", "403", 1).into_bytes()
        }),
    ];
    for (what, outcome, answering) in cases {
        let server = Server::answering(move |_, asked| Act::Say(answering(asked))).await;
        let dendrite = alice(DendriteConfig::default());
        let target = server.target().over(Wire::Btauth);
        let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
        assert_eq!((answer.outcome, answer.status), (outcome, 422), "{what}: {answer:?}");
        assert_eq!(
            (answer.signed, answer.synapse.completion.as_str()),
            (false, ""),
            "{what}"
        );
        assert!(dendrite.signers().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn the_answer_to_an_earlier_question_is_not_one_to_this() {
    let first: std::sync::Arc<parking_lot::Mutex<Option<Vec<u8>>>> = std::sync::Arc::default();
    let server = Server::answering(move |_, asked| {
        let mut first = first.lock();
        Act::Say(first.get_or_insert_with(|| signed(asked, &bob(), 200, ANSWER)).clone())
    })
    .await;
    let dendrite = alice(DendriteConfig::default());
    let target = server.target().over(Wire::Btauth);
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
        outcomes.push(answer.outcome);
    }
    assert_eq!(outcomes, [Outcome::Answered, Outcome::BadSignature]);
}

#[tokio::test]
async fn unsigned_answers_can_be_allowed_but_wrong_signatures_never() {
    let settings = || {
        config(BtauthConfig {
            require_signature: false,
            ..BtauthConfig::default()
        })
    };
    // The question's own fields stand in for those the answer leaves out.
    let server = Server::start(|_| Act::Say(with_headers(200, "", r#"{"completion": "hi"}"#))).await;
    let target = server.target().over(Wire::Btauth);
    let answer = alice(settings()).call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert!(answer.is_success() && !answer.signed, "{answer:?}");
    assert_eq!(answer.synapse.completion, "hi");

    let mallory = || Keypair::from_uri("//Mallory").expect("uri");
    let server = Server::answering(move |_, asked| Act::Say(signed(asked, &mallory(), 200, ANSWER))).await;
    let target = server.target().over(Wire::Btauth);
    let answer = alice(settings()).call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!(answer.outcome, Outcome::BadSignature, "{answer:?}");
}

#[tokio::test]
async fn errors_say_their_code_and_whether_the_miner_signed_them() {
    let error = r#"{"error":{"code":"tw.forbidden_low_stake","message":"too little","request_id":"r"}}"#;
    let server = Server::answering(move |_, asked| Act::Say(signed(asked, &bob(), 403, error))).await;
    let dendrite = alice(DendriteConfig::default());
    let target = server.target().over(Wire::Btauth);
    let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!(
        (answer.status, answer.outcome, answer.signed),
        (403, Outcome::Refused, true)
    );
    assert_eq!(answer.message, "tw.forbidden_low_stake: too little");
    assert_eq!(answer.class(), StatusClass::Blacklisted);

    // Before the axon knows who asks it signs nothing.
    let error = r#"{"error":{"code":"tw.auth_stale","message":"old"}}"#;
    let server = Server::start(move |_| Act::Say(with_headers(401, "", error))).await;
    let target = server.target().over(Wire::Btauth);
    let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!(
        (answer.status, answer.outcome, answer.signed),
        (401, Outcome::Refused, false)
    );
    assert_eq!(answer.message, "tw.auth_stale: old");
}

/// A v10 axon: it answers v10 requests, and says its marker to any other.
fn v10_only(_: usize, asked: &Asked) -> Act {
    Act::Say(match asked.header("x-bittensor-signature") {
        None => good("hi"),
        Some(_) => with_headers(
            500,
            "bt_header_axon_status_code: 500\r\n",
            r#"{"message":"Internal Server Error #1"}"#,
        ),
    })
}

#[tokio::test]
async fn an_axon_of_the_old_wire_is_asked_again_only_when_that_is_allowed() {
    let server = Server::answering(v10_only).await;
    let target = server.target().over(Wire::Btauth);
    let answer = alice(DendriteConfig::default())
        .call(&target, Prompting::ask("hello"), TIMEOUT)
        .await;
    assert_eq!((answer.status, answer.outcome), (500, Outcome::Refused));
    assert!(answer.message.contains("v10"), "{}", answer.message);
    assert_eq!(server.asked.lock().len(), 1);

    let falling_back = config(BtauthConfig {
        fall_back_to_v10: true,
        ..BtauthConfig::default()
    });
    let answer = alice(falling_back)
        .call(&target, Prompting::ask("hello"), TIMEOUT)
        .await;
    assert!(answer.is_success() && !answer.signed, "{answer:?}");
    assert_eq!(server.asked.lock().len(), 3);

    // Any other 500 is no marker.
    let server = Server::start(|_| Act::Say(with_headers(500, "", "{}"))).await;
    let falling_back = config(BtauthConfig {
        fall_back_to_v10: true,
        ..BtauthConfig::default()
    });
    let target = server.target().over(Wire::Btauth);
    let answer = alice(falling_back)
        .call(&target, Prompting::ask("hello"), TIMEOUT)
        .await;
    assert_eq!((answer.status, server.asked.lock().len()), (500, 1));
}

#[tokio::test]
async fn a_miner_that_once_signed_is_never_asked_over_the_weaker_wire() {
    // It signs its first answer; then somebody in between makes it look like an old axon.
    let server = Server::answering(|number, asked| match number {
        0 => Act::Say(signed(asked, &bob(), 200, ANSWER)),
        _ => v10_only(number, asked),
    })
    .await;
    let falling_back = || BtauthConfig {
        fall_back_to_v10: true,
        ..BtauthConfig::default()
    };
    let target = server.target().over(Wire::Btauth);
    let dendrite = alice(config(falling_back()));
    assert!(dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await.signed);
    let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!((answer.status, answer.outcome), (500, Outcome::Refused));
    assert_eq!(server.asked.lock().len(), 2, "no v10 request went out");

    // The next run can be told.
    let next = alice(config(BtauthConfig {
        known_signers: dendrite.signers(),
        ..falling_back()
    }));
    let answer = next.call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!((answer.status, server.asked.lock().len()), (500, 3));
}

#[tokio::test]
async fn attempts_are_repeated_only_as_configured_and_signed_anew() {
    let flaky = |number, asked: &Asked| match number {
        0 => Act::Say(with_headers(503, "", "{}")),
        _ => Act::Say(signed(asked, &bob(), 200, ANSWER)),
    };
    let server = Server::answering(flaky).await;
    let target = server.target().over(Wire::Btauth);
    let answer = alice(DendriteConfig::default())
        .call(&target, Prompting::ask("hello"), TIMEOUT)
        .await;
    assert_eq!(
        (answer.status, server.asked.lock().len()),
        (503, 1),
        "one attempt by default"
    );

    let server = Server::answering(flaky).await;
    let target = server.target().over(Wire::Btauth);
    let twice = BtauthConfig {
        attempts: 2,
        ..BtauthConfig::default()
    };
    let answer = alice(config(twice.clone()))
        .call(&target, Prompting::ask("hello"), TIMEOUT)
        .await;
    assert!(answer.is_success(), "{answer:?}");
    let asked = server.asked.lock().clone();
    assert!(asked[0].btauth().nonce < asked[1].btauth().nonce);

    // A silent axon is not asked again unless told so.
    for (attempt_timeout, times, status) in [(None, 1, 408), (Some(Duration::from_millis(100)), 2, 200)] {
        let server = Server::answering(move |number, asked| match number {
            0 => Act::Hang,
            _ => flaky(number, asked),
        })
        .await;
        let target = server.target().over(Wire::Btauth);
        let settings = BtauthConfig {
            attempt_timeout,
            ..twice.clone()
        };
        let answer = alice(config(settings))
            .call(&target, Prompting::ask("hello"), Duration::from_millis(800))
            .await;
        assert_eq!(
            (answer.status, server.asked.lock().len()),
            (status, times),
            "{answer:?}"
        );
    }

    let never = config(BtauthConfig {
        attempts: 0,
        ..BtauthConfig::default()
    });
    let refused = axoneme_dendrite::Dendrite::new(std::sync::Arc::new(bob()), never).expect_err("no attempts");
    assert_eq!(refused, DendriteError::NoAttempts);
}
