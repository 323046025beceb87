//! A miner in front of a real server with chat completions. `scripts/interop/openai.sh` starts llama.cpp's own and runs
//! these; where `AXONEME_OPENAI_URL` names no server they have nothing to do and say so.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::admin::{admin_of, status, wait_until};
use crate::harness::{Running, Subnet};

/// The server's base URL and its name of the model; the key is in `OPENAI_API_KEY`, which the miner reads itself.
fn server() -> Option<(String, String)> {
    let url = std::env::var("AXONEME_OPENAI_URL").ok();
    if url.is_none() {
        eprintln!("skipped: AXONEME_OPENAI_URL names no server; run scripts/interop/openai.sh");
    }
    Some((url?, std::env::var("AXONEME_OPENAI_MODEL").unwrap_or_default()))
}

fn start(subnet: &Subnet, url: &str, model: &str, more: &[&str]) -> Running {
    let mut flags = vec!["--axon.port", "0", "--miner.type", "openai", "--openai.base_url", url];
    flags.extend(["--openai.model_name", model, "--openai.temperature", "0"]);
    flags.extend(["--openai.presence_penalty", "0", "--openai.frequency_penalty", "0"]);
    flags.extend(more);
    let mut miner = subnet.start_daemon("miner", "miner", &flags);
    miner.wait_for("axon published on chain");
    miner
}

/// What the server says to the same question, asked by another client and not streamed.
fn asked_directly(url: &str, model: &str, question: &str, tokens: u64) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let body = json!({
            "model": model, "max_tokens": tokens, "temperature": 0, "top_p": 1,
            "messages": [{ "role": "user", "content": question }],
        });
        let request = reqwest::Client::new()
            .post(format!("{url}/chat/completions"))
            .json(&body);
        let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
        let answer = request
            .bearer_auth(key)
            .send()
            .await
            .unwrap()
            .json::<Json>()
            .await
            .unwrap();
        let content = &answer["choices"][0]["message"]["content"];
        content.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    })
}

#[test]
fn a_miner_answers_with_what_a_real_server_says_in_time_and_says_when_it_cannot() {
    let Some((url, model)) = server() else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    let mut miner = start(&subnet, &url, &model, &["--openai.max_tokens", "12"]);
    let admin = admin_of(&mut miner);
    wait_until("the miner is ready", || status(&admin, "/readyz").0 == 200);
    let question = "What is the capital of France?";
    let answer = subnet.ask("validator", &mut miner, question, Duration::from_secs(60));
    assert!(answer.is_success(), "{} {}", answer.status, answer.message);
    println!("12 tokens: {:?}", answer.synapse.completion);
    assert_eq!(answer.synapse.completion, asked_directly(&url, &model, question, 12));
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));

    // Far more than can be written in so short a time: what is there by then comes back. A busy machine may need longer
    // for the first word.
    let mut miner = start(&subnet, &url, &model, &["--openai.max_tokens", "3000"]);
    let long = "Write a very long story about a river, with many chapters.";
    let said = [3, 12, 30].into_iter().find_map(|seconds| {
        let answer = subnet.ask("validator", &mut miner, long, Duration::from_secs(seconds));
        let said = answer.is_success().then_some(answer.synapse.completion)?;
        println!("{seconds} seconds: {} characters", said.len());
        (!said.is_empty()).then_some(said)
    });
    assert!(said.is_some(), "nothing came back:\n{}", miner.said().join("\n"));
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));

    // A key that the server does not know, read from where the flag says.
    let wrong = ["--openai.api_key_env", "PATH"];
    let mut miner = start(&subnet, &url, &model, &wrong);
    let admin = admin_of(&mut miner);
    wait_until("the miner says that the key is refused", || {
        let (code, why) = status(&admin, "/readyz");
        code == 503 && why.contains("answers:")
    });
    let answer = subnet.ask("validator", &mut miner, question, Duration::from_secs(10));
    assert!(!answer.is_success());
    assert!(
        !answer.message.contains(&url),
        "a caller learns where the answers come from: {}",
        answer.message
    );
    assert_eq!(miner.interrupt(Duration::from_secs(5)).code(), Some(0));
}
