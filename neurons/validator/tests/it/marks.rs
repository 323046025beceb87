//! Marks by a language model on a server with OpenAI's chat completions.

use std::sync::Arc;

use axoneme_reward::{Response, Task};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use validator::{Host, ValidatorConfig, models, reward};

/// Reads one HTTP request: its first line, and its body.
async fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 8192];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        text.extend_from_slice(&part[..count]);
        let said = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = said.split_once("\r\n\r\n") else {
            continue;
        };
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
            let line = head.lines().next().unwrap_or_default().to_owned();
            return Some((line, serde_json::from_str(body).unwrap_or_default()));
        }
    }
}

/// A server whose model marks a text by the last number in it, does not read texts of the word `enormous`, and breaks on
/// those of the word `broken`.
async fn server() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                while let Some((line, body)) = read(&mut stream).await {
                    let prompt = body["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
                    let written = prompt.rsplit("<Answer>").next().unwrap_or_default();
                    let number = written.split(|c: char| !c.is_ascii_digit()).rfind(|it| !it.is_empty());
                    let (status, answer) = match line {
                        line if line.starts_with("GET") => ("200 OK", json!({ "data": [] })),
                        _ if written.contains("broken") => ("500 Broken", json!({ "error": "it broke" })),
                        _ if written.contains("enormous") => ("400 Bad", json!({ "error": "too long" })),
                        _ => (
                            "200 OK",
                            json!({ "choices": [{
                            "index": 0, "finish_reason": "stop",
                            "message": { "role": "assistant", "content": format!("{}</Score>", number.unwrap_or("no")) },
                        }] }),
                        ),
                    };
                    seen.lock().push(body);
                    let answer = answer.to_string();
                    let head = format!(
                        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                        answer.len()
                    );
                    let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
                }
            });
        }
    });
    (format!("http://{address}/v1"), asked)
}

/// Only the marks count.
fn config(model: &str) -> ValidatorConfig {
    let mut config = ValidatorConfig::default();
    config.neuron.blacklist_off = true;
    config.neuron.relevance_off = true;
    config.neuron.diversity_off = true;
    config.reward.dpo_weight = 0.0;
    config.reward.prompt_based_weight = 1.0;
    config.reward.prompt_based_model = Some(model.into());
    config.check().unwrap();
    config
}

#[tokio::test]
async fn one_line_names_a_server_whose_model_gives_the_marks() {
    let (url, asked) = server().await;
    let config = config(&format!("{url}#judge"));
    let parts = models::load(&config, &Host::default()).await.unwrap();
    let mut pipeline = reward::pipeline(&config, parts).unwrap();
    let mut raw = async |answers: &[&str]| {
        let answer = |text: &&str| Response {
            status: 200,
            completion: (*text).to_owned(),
        };
        let answers: Vec<Response> = answers.iter().map(answer).collect();
        let task = Task::new("answer0", "How many?", vec![]);
        let outcome = pipeline.judge(&task, &answers).await?;
        Ok::<_, axoneme_reward::RewardError>(outcome.records[0].raw.clone())
    };
    let many: Vec<String> = (0..=10).map(|mark| format!("worth {mark} points")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let marks = raw(&many).await.unwrap();
    let expected: Vec<f64> = (0..=10).map(|mark| f64::from(mark) / 10.0).collect();
    assert_eq!(marks, expected, "each has its own mark, in order");
    {
        let asked = asked.lock();
        let question = asked.iter().rev().find(|body| !body.is_null()).unwrap();
        assert_eq!(
            (&question["model"], &question["temperature"]),
            (&json!("judge"), &json!(0.0))
        );
        assert!(question["max_tokens"].as_u64().unwrap() <= 8);
        let prompt = question["messages"][0]["content"].as_str().unwrap();
        assert!(prompt.contains("How many?") && prompt.ends_with("<Score>"));
    }
    // One that the server's model cannot read costs nobody else anything; a server that fails judges nobody.
    assert_eq!(
        raw(&["worth 4", "enormous 9", "worth 6"]).await.unwrap(),
        [0.4, 0.0, 0.6]
    );
    let error = raw(&["worth 4", "broken"]).await.unwrap_err();
    assert!(error.to_string().contains("prompt_reward_model"), "{error}");
    assert!(raw(&["enormous 1", "enormous 2"]).await.is_err());
}

#[tokio::test]
async fn a_server_that_is_not_there_or_not_named_whole_stops_the_start() {
    let (url, _) = server().await;
    for (model, why) in [
        (url.clone(), "#model".to_owned()),
        (format!("{url}#"), "#model".to_owned()),
        ("http://127.0.0.1:1/v1#judge".into(), "cannot be reached".into()),
    ] {
        let Err(failure) = models::load(&config(&model), &Host::default()).await else {
            panic!("{model} was taken");
        };
        for part in [&why, "prompt-based reward", "--reward.prompt_based_weight 0"] {
            assert!(failure.message.contains(part), "{part}: {}", failure.message);
        }
    }
}
