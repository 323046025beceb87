//! The client of chat completions against servers that are written out here, byte by byte.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::{Completion, FinishReason, Message, Sampling};

const PATIENCE: Duration = Duration::from_secs(20);

/// Reads one request: head and body.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.expect("a request");
        assert!(count > 0, "the client went away");
        text.extend_from_slice(&part[..count]);
        let said = String::from_utf8_lossy(&text).to_ascii_lowercase();
        if let Some((head, body)) = said.split_once("\r\n\r\n") {
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            if body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length")) {
                return String::from_utf8(text).expect("text");
            }
        }
    }
}

/// A server that answers its connections with these bytes one after another, a pause after each part of one; and what it
/// was asked. `None` in a part leaves the connection open until the client closes it.
async fn server(answers: Vec<Vec<Option<&'static [u8]>>>) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = sender.send(read_request(&mut stream).await);
            for part in answer {
                match part {
                    Some(bytes) => {
                        let _ = stream.write_all(bytes).await;
                        let _ = stream.flush().await;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    None => {
                        let closed = stream.read(&mut [0; 1]).await;
                        let _ = sender.send(format!("closed: {}", closed.is_err() || closed.is_ok_and(|n| n == 0)));
                    }
                }
            }
        }
    });
    (format!("http://{address}/v1"), asked)
}

fn client(base_url: String) -> OpenAi {
    OpenAi::new(OpenAiConfig {
        base_url,
        model: "some-model".into(),
        api_key: Some("hush".into()),
        frequency_penalty: 0.5,
        ..OpenAiConfig::default()
    })
    .expect("settings")
}

fn ask() -> Request {
    let sampling = Sampling {
        temperature: 0.7,
        ..Sampling::default()
    };
    let messages = vec![Message::system("Be kind."), Message::new("wizard", "Hello")];
    Request::new(messages, 9).sampled(sampling).within(PATIENCE)
}

async fn answer(client: &OpenAi, request: Request) -> Result<Completion, GenerateError> {
    let answer = async { Ok(client.generate(request).await?.completion().await) };
    tokio::time::timeout(PATIENCE, answer).await.expect("in time")
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_stream_is_put_together_wherever_it_is_cut_and_the_question_is_what_servers_expect() {
    let (url, mut asked) = server(vec![vec![
        Some(HEAD),
        Some(b": a comment\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\nda"),
        Some(b"ta: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"caf\xc3"),
        Some(b"\xa9\"}}]}\r\n\r\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"another\"}}]}\n\n"),
        Some(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\n au lait\"},\"finish_reason\":\"length\"}]}\n\n"),
        Some(b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n"),
    ]])
    .await;
    let said = answer(&client(url), ask()).await.expect("an answer");
    assert_eq!(said.text, "caf\u{e9}\n au lait");
    assert_eq!(
        (said.reason, said.prompt_tokens, said.completion_tokens),
        (FinishReason::Length, 12, 4)
    );
    assert!(said.first_token_after.is_some());

    let question = asked.recv().await.expect("asked");
    let (head, body) = question.split_once("\r\n\r\n").expect("head and body");
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Bearer hush"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["model"], "some-model");
    assert_eq!(
        body["messages"][0],
        serde_json::json!({"role": "system", "content": "Be kind."})
    );
    assert_eq!(body["messages"][1]["role"], "user", "roles that no server knows");
    assert_eq!((&body["max_tokens"], &body["temperature"]), (&9.into(), &0.7.into()));
    assert_eq!(
        (&body["stream"], &body["frequency_penalty"]),
        (&true.into(), &0.5.into())
    );
    assert!(
        body.get("presence_penalty").is_none() && body.get("repetition_penalty").is_none(),
        "{body}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let (url, _asked) = server(vec![vec![Some(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
          {\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"all of it\"},\
          \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}",
    )]])
    .await;
    let said = answer(&client(url), ask()).await.expect("an answer");
    assert_eq!(
        (said.text.as_str(), said.reason, said.completion_tokens),
        ("all of it", FinishReason::Stop, 2)
    );
}

#[tokio::test]
async fn what_is_there_at_the_deadline_stands_and_the_server_is_told_to_stop() {
    let piece = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n";
    let (url, mut asked) = server(vec![vec![Some(HEAD), Some(piece), None]]).await;
    let begun = Instant::now();
    let said = answer(&client(url), ask().within(Duration::from_millis(700)))
        .await
        .expect("an answer");
    assert_eq!((said.text.as_str(), said.reason), ("half", FinishReason::Deadline));
    assert!(begun.elapsed() < PATIENCE / 2);
    asked.recv().await.expect("asked");
    assert_eq!(asked.recv().await.as_deref(), Some("closed: true"));
}

#[tokio::test]
async fn an_answer_that_nobody_wants_any_more_ends_the_work_of_the_server() {
    let piece = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n";
    let (url, mut asked) = server(vec![vec![Some(HEAD), Some(piece), None]]).await;
    let mut generation = client(url).generate(ask()).await.expect("begun");
    assert_eq!(generation.next().await, Some(Event::Token("half".into())));
    drop(generation);
    asked.recv().await.expect("asked");
    let closed = tokio::time::timeout(PATIENCE, asked.recv()).await.expect("in time");
    assert_eq!(closed.as_deref(), Some("closed: true"));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_a_refused_key_is_not() {
    let busy = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let done = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"now\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (url, _asked) = server(vec![vec![Some(busy)], vec![Some(HEAD), Some(done)]]).await;
    assert_eq!(answer(&client(url), ask()).await.expect("an answer").text, "now");

    let refused = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 33\r\nconnection: close\r\n\r\n{\"error\":{\"message\":\"no\\nsuch key\"}}";
    let (url, _asked) = server(vec![vec![Some(refused)]]).await;
    let error = answer(&client(url), ask()).await.expect_err("refused");
    assert!(matches!(&error, GenerateError::Key { status: 401, .. }), "{error}");
    assert!(!error.is_passing() && !error.to_string().contains("hush"), "{error}");
}

#[tokio::test]
async fn torn_and_foreign_answers_are_failures_and_not_texts() {
    let torn = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choi";
    let foreign = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>welcome</html>";
    let late = b"data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
    for parts in [
        vec![Some(HEAD), Some(&torn[..])],
        vec![Some(&foreign[..])],
        vec![Some(HEAD), Some(&late[..])],
        vec![Some(HEAD)],
    ] {
        let (url, _asked) = server(vec![parts]).await;
        assert_eq!(
            answer(&client(url), ask()).await.expect("begun").reason,
            FinishReason::Failed
        );
    }
    let nothing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (url, _asked) = server(vec![vec![Some(nothing)]]).await;
    let error = answer(&client(url), ask()).await.expect_err("nothing there");
    assert!(matches!(error, GenerateError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn places_are_given_back_and_a_check_tells_a_server_that_is_gone() {
    let held = OpenAi::new(OpenAiConfig {
        concurrent: 1,
        ..client(server(vec![vec![Some(HEAD), None]; 2]).await.0).config()
    })
    .expect("settings");
    let first = held.generate(ask()).await.expect("begun");
    let error = held.generate(ask()).await.expect_err("full");
    assert!(
        error.is_passing() && matches!(error, GenerateError::Busy { .. }),
        "{error}"
    );
    drop(first);
    let end = Instant::now() + PATIENCE;
    while held.generate(ask()).await.is_err() {
        assert!(Instant::now() < end, "the place was not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = listener.local_addr().expect("an address");
    drop(listener);
    let error = client(format!("http://{gone}/v1/")).check().await.expect_err("gone");
    assert!(matches!(error, GenerateError::Unreachable { .. }), "{error}");
}

#[test]
fn settings_that_make_no_sense_are_refused_and_keys_are_not_shown() {
    for base_url in ["", "127.0.0.1:80", "ftp://host", "http://user:word@host/v1"] {
        let config = OpenAiConfig {
            base_url: base_url.into(),
            ..OpenAiConfig::default()
        };
        assert!(OpenAi::new(config).is_err(), "{base_url}");
    }
    let config = OpenAiConfig {
        frequency_penalty: 3.0,
        ..OpenAiConfig::default()
    };
    assert!(OpenAi::new(config).is_err());
    let plain = client("http://10.0.0.1/v1".into());
    assert!(
        plain.exposes_key() && !format!("{plain:?}").contains("hush"),
        "{plain:?}"
    );
    assert!(!client("http://127.0.0.1:8080/v1".into()).exposes_key());
    assert!(!client("https://example.org/v1".into()).exposes_key());
}
