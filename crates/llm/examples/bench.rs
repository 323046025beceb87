//! How fast the default models are here: reading prompts, writing answers, scoring, embedding.
//!
//! `cargo run --release -p axoneme-llm --example bench`

use std::sync::Arc;
use std::time::Instant;

use axoneme_llm::{
    DeviceChoice, Embedder, Engine, EngineConfig, MINILM_L6, Message, ModelRef, ModelStore, RepeatPenalty, Request,
    SMOLLM2_135M, StderrProgress,
};

const ROUNDS: usize = 3;
const ANSWER: usize = 48;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = ModelStore::new(None);
    let progress = Arc::new(StderrProgress::new());
    let path = store
        .ensure(&ModelRef::Default, &SMOLLM2_135M, progress.clone())
        .await?;
    let started = Instant::now();
    let engine = Engine::load(&path, DeviceChoice::Auto, EngineConfig::default())?;
    println!("language model loaded in {:.2} s", started.elapsed().as_secs_f32());

    for round in 0..ROUNDS {
        one_answer(&engine, round).await?;
    }
    for round in 0..ROUNDS {
        four_answers(&engine, "the same prompt", |_| round).await?;
        four_answers(&engine, "four prompts", |caller| 100 + 10 * round + caller).await?;
    }
    for round in 0..ROUNDS {
        scoring(&engine, round).await?;
    }
    let folder = store.ensure(&ModelRef::Default, &MINILM_L6, progress).await?;
    let embedder = Embedder::load(&folder, DeviceChoice::Auto)?;
    for round in 0..ROUNDS {
        embedding(&embedder, round).await?;
    }
    Ok(())
}

/// About 200 tokens; different from the first word on for each number, so that nothing read earlier helps.
fn prompt(number: usize) -> String {
    let facts = "The river rises in the hills, passes three towns and a mill, and reaches the sea after ninety \
        miles. Salmon were once common in it; a weir built for the mill stopped them, and a ladder opened last year \
        lets them pass again. Anglers count the fish each autumn. ";
    format!("Report {number}. {}Summarise this in two sentences.", facts.repeat(3))
}

fn request(number: usize) -> Request {
    Request::new(
        vec![
            Message::system(format!("You are assistant {number}.")),
            Message::user(prompt(number)),
        ],
        ANSWER,
    )
}

async fn one_answer(engine: &Engine, round: usize) -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let answer = engine.submit(request(1000 + round))?.completion().await;
    let total = started.elapsed().as_secs_f64();
    let first = answer.first_token_after.unwrap_or_default().as_secs_f64();
    println!(
        "one answer: {} + {} tokens in {total:.2} s; prompt {:.0} tokens/s, answer {:.0} tokens/s",
        answer.prompt_tokens,
        answer.completion_tokens,
        answer.prompt_tokens as f64 / first,
        (answer.completion_tokens.max(2) - 1) as f64 / (total - first),
    );
    Ok(())
}

async fn four_answers(
    engine: &Engine,
    what: &str,
    number: impl Fn(usize) -> usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let mut answers = Vec::new();
    for caller in 0..4 {
        answers.push(engine.submit(request(2000 + number(caller)))?);
    }
    let mut tokens = 0;
    for answer in answers {
        tokens += answer.completion().await.completion_tokens;
    }
    let total = started.elapsed().as_secs_f64();
    println!(
        "four answers, {what}: {tokens} tokens in {total:.2} s, {:.0} tokens/s in all",
        tokens as f64 / total
    );
    Ok(())
}

async fn scoring(engine: &Engine, round: usize) -> Result<(), Box<dyn std::error::Error>> {
    let completion = |number: usize| {
        format!(
            " The {number}th report says that a river of ninety miles, which passes three towns and a mill before it \
             reaches the sea, has salmon again, because a ladder beside the weir lets them pass; anglers, who count \
             the fish in each autumn, are glad about it, and so are the towns."
        )
    };
    let completions: Vec<String> = (0..4).map(completion).collect();
    let started = Instant::now();
    let scores = engine
        .dpo_score(prompt(3000 + round), completions, RepeatPenalty::Reference)
        .await?;
    println!(
        "dpo scores of four completions in {:.2} s: {scores:.3?}",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn embedding(embedder: &Embedder, round: usize) -> Result<(), Box<dyn std::error::Error>> {
    let texts = (0..32).map(|number| {
        format!(
            "Round {round}, text {number}: the river has salmon again, because a ladder beside the weir lets them pass."
        )
    });
    let started = Instant::now();
    let vectors = embedder.embed(texts.collect()).await?;
    let total = started.elapsed().as_secs_f64();
    println!(
        "{} embeddings in {total:.2} s, {:.0} per second",
        vectors.len(),
        vectors.len() as f64 / total
    );
    Ok(())
}
