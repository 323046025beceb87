//! The engine on a tiny model with random weights: it babbles, but in time and to the right caller.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A copy of a tiny model with a chat template, whose end tokens are never drawn by the seeds used here.
fn engine(config: EngineConfig) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "config.json", "model.safetensors"] {
        std::fs::copy(fixture("qwen3-logprob").join(name), folder.path().join(name)).unwrap();
    }
    let template = "{% for m in messages %}{{ m.content }}{% endfor %}:";
    std::fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
    Engine::load(folder.path(), DeviceChoice::Cpu, config).unwrap()
}

fn config() -> EngineConfig {
    EngineConfig {
        threads: 1,
        max_slots: 2,
        queue: 2,
        context: 256,
        prefill_chunk: 8,
        chat_template: None,
    }
}

fn ask(prompt: &str, tokens: usize) -> Request {
    let sampling = Sampling {
        temperature: 1.0,
        seed: 5,
        ..Sampling::default()
    };
    Request::new(vec![Message::user(prompt)], tokens).sampled(sampling)
}

async fn answer(engine: &Engine, request: Request) -> Completion {
    let generation = engine.submit(request).unwrap();
    tokio::time::timeout(PATIENCE, generation.completion())
        .await
        .expect("the engine answers")
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_alone_and_in_company() {
    let engine = engine(EngineConfig {
        max_slots: 4,
        queue: 8,
        ..config()
    });
    let alone = answer(&engine, ask("tell me about rivers", 30)).await;
    assert!(
        alone.completion_tokens > 0 && alone.completion_tokens <= 30,
        "{alone:?}"
    );
    assert_eq!(alone.prompt_tokens, "tell me about rivers:".len());
    let prompts = [
        "tell me about rivers",
        "tell me about the sea",
        "tell me about rivers",
        "something else",
    ];
    let running: Vec<_> = prompts
        .iter()
        .map(|prompt| engine.submit(ask(prompt, 30)).unwrap())
        .collect();
    let mut texts = Vec::new();
    for generation in running {
        texts.push(
            tokio::time::timeout(PATIENCE, generation.completion())
                .await
                .unwrap()
                .text,
        );
    }
    assert_eq!(texts[0], alone.text);
    assert_eq!(texts[2], alone.text);
    assert_ne!(texts[1], alone.text);
}

#[tokio::test]
async fn streamed_pieces_add_up_to_the_completion() {
    let engine = engine(config());
    let whole = answer(&engine, ask("stream", 25)).await;
    let mut generation = engine.submit(ask("stream", 25)).unwrap();
    let (mut text, mut ends) = (String::new(), 0);
    while let Some(event) = tokio::time::timeout(PATIENCE, generation.next()).await.unwrap() {
        match event {
            Event::Token(piece) => text.push_str(&piece),
            Event::Done { usage, .. } => {
                ends += 1;
                assert_eq!(usage.completion_tokens, whole.completion_tokens);
                assert!(usage.first_token_after.is_some());
            }
        }
    }
    assert_eq!((text, ends), (whole.text, 1));
    assert!(generation.next().await.is_none());
}

#[tokio::test]
async fn an_answer_ends_at_its_length_and_at_the_end_of_the_context() {
    let engine = engine(config());
    let short = answer(&engine, ask("abc", 3)).await;
    assert_eq!((short.reason, short.completion_tokens), (FinishReason::Length, 3));
    let none = answer(&engine, ask("abc", 0)).await;
    assert_eq!((none.reason, none.text.as_str()), (FinishReason::Length, ""));
    let long = answer(&engine, ask(&"x".repeat(240), 1000)).await;
    assert!(long.prompt_tokens + long.completion_tokens <= 256, "{long:?}");
}

#[tokio::test]
async fn a_prompt_longer_than_the_context_is_refused_with_both_numbers() {
    let engine = engine(config());
    let error = engine.submit(ask(&"x".repeat(300), 5)).unwrap_err();
    assert!(
        matches!(
            error,
            EngineError::PromptTooLong {
                tokens: 301,
                context: 256
            }
        ),
        "{error}"
    );
    let error = engine
        .submit(ask("x", 5).sampled(Sampling {
            top_p: 2.0,
            ..Sampling::default()
        }))
        .unwrap_err();
    assert!(matches!(error, EngineError::Sampling { name: "top_p", .. }), "{error}");
}

#[tokio::test]
async fn a_full_engine_refuses_and_a_freed_place_admits_again() {
    let engine = engine(config());
    let mut running = Vec::new();
    // A tiny model's answer may end while the next ones are submitted, so it can take more than five.
    let refused = (0..10_000).find_map(|_| engine.submit(ask("busy", 200)).map(|answer| running.push(answer)).err());
    assert!(matches!(refused, Some(EngineError::Busy { limit: 4 })), "{refused:?}");
    drop(running.pop());
    let started = Instant::now();
    let admitted = loop {
        match engine.submit(ask("late", 3)) {
            Ok(generation) => break generation,
            Err(EngineError::Busy { .. }) if started.elapsed() < PATIENCE => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    drop(running);
    let late = tokio::time::timeout(PATIENCE, admitted.completion()).await.unwrap();
    assert_eq!(late.reason, FinishReason::Length);
}

#[tokio::test]
async fn cancelling_ends_an_answer_and_keeps_what_was_said() {
    let engine = engine(config());
    let request = ask("cancel me", 240);
    let cancel = request.cancel.clone();
    let mut generation = engine.submit(request).unwrap();
    let first = tokio::time::timeout(PATIENCE, generation.next()).await.unwrap();
    cancel.cancel();
    assert!(matches!(first, Some(Event::Token(_))));
    let rest = tokio::time::timeout(PATIENCE, generation.completion()).await.unwrap();
    assert!(
        matches!(rest.reason, FinishReason::Cancelled | FinishReason::Length),
        "{rest:?}"
    );
    assert_eq!(engine.free_places(), 4);
}

#[tokio::test]
async fn a_deadline_ends_an_answer_with_what_exists() {
    let engine = engine(config());
    let past = Request {
        deadline: Some(Instant::now()),
        ..ask("too late", 50)
    };
    let nothing = answer(&engine, past).await;
    assert_eq!((nothing.reason, nothing.text.as_str()), (FinishReason::Deadline, ""));
    let started = Instant::now();
    let limit = Duration::from_millis(60);
    let cut = answer(&engine, ask("in time", 240).within(limit)).await;
    assert!(
        matches!(
            cut.reason,
            FinishReason::Deadline | FinishReason::Length | FinishReason::Stop
        ),
        "{cut:?}"
    );
    assert!(
        started.elapsed() < limit + Duration::from_millis(250),
        "took {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_frees_its_place() {
    let engine = engine(config());
    for _ in 0..20 {
        drop(engine.submit(ask("never mind", 200)));
        let started = Instant::now();
        while engine.free_places() < 3 {
            assert!(started.elapsed() < PATIENCE, "the place was not freed");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn scores_meet_the_reference_in_pieces_and_in_company() {
    let text = std::fs::read_to_string(fixture("qwen3-logprob").join("io.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let engine = engine(config());
    let _company = engine.submit(ask("while this one talks", 200)).unwrap();
    for case in json["cases"].as_array().unwrap() {
        let (prompt, completion) = (case["prompt"].as_str().unwrap(), case["completion"].as_str().unwrap());
        // Others before, after and equal to it must not matter.
        let completions: Vec<String> = [" something else entirely", completion, "defghidefghidefg", completion]
            .map(str::to_owned)
            .into();
        for (key, penalty) in [
            ("mean_logprob", RepeatPenalty::Off),
            ("mean_logprob_with_repeat_penalty", RepeatPenalty::Reference),
        ] {
            let scores = engine
                .dpo_score(prompt.to_owned(), completions.clone(), penalty)
                .await
                .unwrap();
            let expected = case["expected"][key].as_f64().unwrap() as f32;
            assert!(
                (scores[1] - expected).abs() < 1e-4,
                "{key} of {completion:?}: {scores:?}, expected {expected}"
            );
            assert_eq!(scores[1].to_bits(), scores[3].to_bits());
        }
        let scored = engine
            .score(prompt.to_owned(), vec![completion.to_owned()])
            .await
            .unwrap();
        let expected = case["expected"]["mean_logprob"].as_f64().unwrap() as f32;
        assert!((scored[0].mean() - expected).abs() < 1e-4);
        let tokens = engine.tokenizer().encode(&format!("{prompt}{completion}")).unwrap();
        assert!(tokens.ends_with(&scored[0].tokens));
    }
}

#[tokio::test]
async fn completions_not_worth_scoring_get_the_floor() {
    let engine = engine(EngineConfig {
        context: 32,
        ..config()
    });
    let completions: Vec<String> = ["", "     \n     ", "short", "long enough"].map(str::to_owned).into();
    let scores = engine
        .dpo_score("prompt".into(), completions.clone(), RepeatPenalty::Reference)
        .await
        .unwrap();
    assert_eq!(scores[..3], [-11.0; 3]);
    assert!(scores[3] > -11.0 && scores[3] < 0.0, "{scores:?}");
    let scores = engine
        .dpo_score("p".repeat(40), completions, RepeatPenalty::Reference)
        .await
        .unwrap();
    assert_eq!(
        scores, [-11.0; 4],
        "a prompt that fills the context leaves nothing to score"
    );
    assert!(
        engine
            .dpo_score("p".into(), vec![], RepeatPenalty::Off)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_model_without_a_chat_template_still_scores() {
    let engine = Engine::load(&fixture("llama-logprob"), DeviceChoice::Cpu, config()).unwrap();
    assert!(matches!(engine.submit(ask("x", 5)), Err(EngineError::NoTemplate)));
    let scores = engine.score("What is ".into(), vec!["this?".into()]).await.unwrap();
    assert_eq!(scores[0].log_probs.len(), 5);
    assert_eq!(engine.free_places(), 4);
}
