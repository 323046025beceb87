//! Every recorded answer, and what has to become of it.

use std::fmt::Debug;
use std::time::Duration;

use axoneme_dendrite::{Answer, DendriteConfig, Outcome};
use axoneme_protocol::{Prompting, StatusClass, StreamPrompting};
use serde_json::Value;

use crate::scripted::{Act, Server, alice, target};

/// Where this dendrite has to differ from the Python one: case, status, why.
const STRICTER: [(&str, u16, &str); 5] = [
    (
        "R02",
        422,
        "an answer that says no status is a failure; in Python its status stays unset",
    ),
    ("R09", 503, "a header cannot make a success of a failure"),
    ("R24", 422, "redirects are not followed, and this one has no JSON"),
    (
        "R27",
        422,
        "same status; in Python the completion was taken before the header was looked at",
    ),
    ("T02", 422, "as R02"),
];

#[tokio::test]
async fn recorded_answers_end_as_in_a_python_dendrite_or_stricter() {
    let path = format!("{}/tests/vectors/dendrite_outcomes.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("json");
    let (mut whole, mut streams) = (0, 0);
    for case in file["cases"].as_array().expect("cases") {
        let timeout = Duration::from_secs_f64(case["timeout"].as_f64().expect("timeout"));
        let hangs = case["result"]["status_code"] == 408;
        let says = case["server_sends"].as_str().unwrap_or("").as_bytes().to_vec();
        let server = Server::start(move |_| match (&says, hangs) {
            (says, true) => Act::Say(says.clone()),
            (says, false) => Act::SayAndClose(says.clone()),
        })
        .await;
        let whom = match case["id"].as_str() {
            Some("R22") => target("127.0.0.1:1".parse().expect("address")), // nothing listens
            _ => server.target(),
        };
        let dendrite = alice(DendriteConfig::default());
        let question = Prompting::ask("hello");
        if case["stream"] == true {
            let mut stream = dendrite.stream(&whom, StreamPrompting::from(question), timeout);
            let mut seen = String::new();
            while let Some(piece) = stream.next().await {
                seen += piece.unverified();
            }
            check(
                case,
                &stream.finish().await,
                |synapse| &synapse.completion,
                |synapse| &synapse.messages,
            );
            check_pieces(case, &seen);
            streams += 1;
        } else {
            let answer = dendrite.call(&whom, question, timeout).await;
            check(
                case,
                &answer,
                |synapse| &synapse.completion,
                |synapse| &synapse.messages,
            );
            whole += 1;
        }
    }
    assert_eq!((whole, streams), (32, 7));
}

/// What a reader sees of a stream before its end: all that a Python one sees, but never an error.
fn check_pieces(case: &Value, seen: &str) {
    let theirs = case["result"]["chunks"].as_array().expect("chunks").iter();
    let theirs: String = theirs.map(|chunk| chunk.as_str().expect("a chunk")).collect();
    match case["id"].as_str() {
        Some("T02" | "T04") => assert_eq!(seen, "", "nothing of an answer that cannot count"),
        id => assert_eq!(seen, theirs, "{id:?}"),
    }
}

fn check<S: Debug>(case: &Value, answer: &Answer<S>, completion: fn(&S) -> &String, messages: fn(&S) -> &Vec<String>) {
    let id = case["id"].as_str().expect("id");
    let result = &case["result"];
    let stricter = STRICTER.iter().find(|(known, ..)| *known == id);
    let expected = stricter.map_or_else(
        || result["status_code"].as_u64().expect("a status") as u16,
        |(_, status, _)| *status,
    );
    assert_eq!(answer.status, expected, "{id}: {answer:?}");
    let success = result["is_success"] == true && stricter.is_none();
    assert_eq!(answer.is_success(), success, "{id}: {answer:?}");
    assert_eq!(answer.class() == StatusClass::Success, success, "{id}");
    assert!(!answer.signed, "{id}");
    // Of an answer that does not count nothing is taken, not even what came before it was cut off.
    let taken = if success {
        result["completion"].as_str().expect("completion")
    } else {
        ""
    };
    assert_eq!(completion(&answer.synapse), taken, "{id}");
    // The question stays ours whatever the answer says.
    assert_eq!(*messages(&answer.synapse), ["hello"], "{id}");
    if stricter.is_none() {
        let timed = result["process_time_set"] == true;
        assert_eq!(answer.process_time.is_some(), timed, "{id}: {answer:?}");
        let theirs = result["status_message"].as_str().unwrap_or("");
        let first_words = |text: &str| text.split(':').next().unwrap_or("").to_owned();
        if theirs.is_ascii() && !theirs.starts_with("Service unavailable") {
            assert_eq!(first_words(&answer.message), first_words(theirs), "{id}");
        }
    }
}

#[tokio::test]
async fn outcomes_tell_what_happened() {
    let dendrite = alice(DendriteConfig::default());
    let second = Duration::from_secs(1);
    let nobody = target("127.0.0.1:1".parse().expect("address"));
    let answer = dendrite.call(&nobody, Prompting::ask("hello"), second).await;
    assert_eq!(answer.outcome, Outcome::Unreachable);
    assert_eq!(answer.message, "Service unavailable at 127.0.0.1:1/Prompting");

    let server = Server::start(|_| Act::Hang).await;
    let answer = dendrite
        .call(&server.target(), Prompting::ask("hello"), second / 2)
        .await;
    assert_eq!(
        (answer.outcome, answer.message.as_str()),
        (Outcome::TimedOut, "Request timeout after 0.5 seconds")
    );
    assert_eq!(answer.class(), StatusClass::Timeout);

    let server = Server::start(|_| Act::SayAndClose(Vec::new())).await;
    let answer = dendrite.call(&server.target(), Prompting::ask("hello"), second).await;
    assert_eq!(answer.outcome, Outcome::Disconnected);
    assert_eq!(
        server.asked.lock().len(),
        1,
        "a fresh connection that closes is not tried again"
    );
}

#[tokio::test]
async fn endless_answers_are_cut() {
    let config = DendriteConfig {
        answer_bytes: 10_000,
        ..DendriteConfig::default()
    };
    let dendrite = alice(config);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nbt_header_axon_status_code: 200\r\n";
    let body = "x".repeat(1_000_000);
    let declared = format!("{head}content-length: 1000000\r\n\r\n{body}");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\nf4240\r\n{body}\r\n0\r\n\r\n");
    let endless_head = format!("{head}x: {}", "y".repeat(10_000_000));
    for (says, outcome) in [
        (declared, Outcome::TooLarge),
        (chunked, Outcome::TooLarge),
        (endless_head, Outcome::NotHttp),
    ] {
        let server = Server::start(move |_| Act::SayAndClose(says.clone().into_bytes())).await;
        let answer = dendrite
            .call(&server.target(), Prompting::ask("hello"), Duration::from_secs(5))
            .await;
        assert_eq!(answer.outcome, outcome, "{answer:?}");
    }
}

#[tokio::test]
async fn what_an_axon_says_about_itself_is_made_printable() {
    let body = r#"{"message": "\u001b[31mred\r\nalert"}"#;
    let length = body.len();
    let says = format!("HTTP/1.1 503 x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    let server = Server::start(move |_| Act::SayAndClose(says.clone().into())).await;
    let dendrite = alice(DendriteConfig::default());
    let answer = dendrite
        .call(&server.target(), Prompting::ask("hello"), Duration::from_secs(2))
        .await;
    assert_eq!((answer.status, answer.outcome), (503, Outcome::Refused), "{answer:?}");
    assert_eq!(answer.message, "?[31mred  alert");
}

#[tokio::test]
async fn axons_at_private_addresses_are_not_asked() {
    let server = Server::start(|_| Act::Say(crate::scripted::good("hi"))).await;
    let signer = std::sync::Arc::new(crate::scripted::bob());
    let dendrite = axoneme_dendrite::Dendrite::new(signer, DendriteConfig::default()).expect("usable settings");
    let answer = dendrite
        .call(&server.target(), Prompting::ask("hello"), Duration::from_secs(2))
        .await;
    assert_eq!(
        (answer.status, answer.outcome),
        (503, Outcome::PrivateAddress),
        "{answer:?}"
    );
    assert!(server.asked.lock().is_empty());
}
