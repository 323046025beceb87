//! Continues a chat on the command line.
//!
//! `cargo run --release -p axoneme-llm --example generate -- "prompt" [tokens] [model]`

use std::io::Write;
use std::sync::Arc;

use axoneme_llm::{
    DeviceChoice, Engine, EngineConfig, Event, Message, ModelRef, ModelStore, Request, SMOLLM2_135M, StderrProgress,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let prompt = arguments
        .next()
        .unwrap_or_else(|| "Name three rivers and the seas they flow into.".into());
    let tokens = arguments.next().map_or(Ok(96), |tokens| tokens.parse())?;
    let model: ModelRef = arguments.next().as_deref().unwrap_or("default").parse()?;

    let store = ModelStore::new(None);
    let path = store
        .ensure(&model, &SMOLLM2_135M, Arc::new(StderrProgress::new()))
        .await?;
    let engine = Engine::load(&path, DeviceChoice::Auto, EngineConfig::default())?;
    let mut answer = engine.submit(Request::new(vec![Message::user(prompt)], tokens))?;
    while let Some(event) = answer.next().await {
        match event {
            Event::Token(piece) => {
                print!("{piece}");
                std::io::stdout().flush()?;
            }
            Event::Done { reason, usage } => eprintln!("\n[{}; {usage:?}]", reason.as_str()),
        }
    }
    Ok(())
}
