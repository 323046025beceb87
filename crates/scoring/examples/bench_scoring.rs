//! Scores what it is told to, for `scripts/bench/scoring.sh`: one JSON command a line, one JSON answer a line.
//!
//! `{"kind": "classify" | "embed" | "minilm" | "log_prob", "folder": …, "inputs": [text or [text, text]], "prompt": …}`
//! answers `{"seconds": …, "cpu_seconds": …, "results": …}`; loading a model is not counted.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use axoneme_llm::Embedder;
use axoneme_scoring::{DeviceChoice, Head, Input, Pooling, RepeatPenalty, Scoring, ScoringConfig, ScoringModel};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

enum Model {
    Scoring(ScoringModel),
    Embedder(Box<Embedder>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let threads = std::env::args()
        .nth(1)
        .and_then(|threads| threads.parse().ok())
        .unwrap_or(0);
    // The embedder works on the process's own pool.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let scoring = Scoring::start(ScoringConfig {
        threads,
        device: DeviceChoice::Cpu,
        ..ScoringConfig::default()
    })?;
    let mut loaded: Vec<(String, Model)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let (kind, folder) = (text(&command["kind"])?, text(&command["folder"])?);
        let name = format!("{kind} {folder}");
        if !loaded.iter().any(|(known, _)| *known == name) {
            loaded.push((name.clone(), load(&scoring, kind, Path::new(folder)).await?));
        }
        let Some((_, model)) = loaded.iter().find(|(known, _)| *known == name) else {
            continue;
        };
        let inputs = command["inputs"].as_array().cloned().unwrap_or_default();
        let (started, cpu) = (Instant::now(), cpu_seconds());
        let results = run(model, kind, &command, inputs).await?;
        let answer = json!({
            "seconds": started.elapsed().as_secs_f64(),
            "cpu_seconds": cpu_seconds() - cpu,
            "results": results,
        });
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str, Failure> {
    value.as_str().ok_or_else(|| "expected a text".into())
}

async fn load(scoring: &Scoring, kind: &str, folder: &Path) -> Result<Model, Failure> {
    let head = match kind {
        "minilm" => return Ok(Model::Embedder(Box::new(Embedder::load(folder, DeviceChoice::Cpu)?))),
        "classify" => Head::Classify,
        "log_prob" => Head::LogProb,
        _ => Head::Embed {
            pooling: Pooling::Mean,
            normalise: true,
            windows: false,
        },
    };
    Ok(Model::Scoring(scoring.load(folder, head).await?))
}

async fn run(model: &Model, kind: &str, command: &Value, inputs: Vec<Value>) -> Result<Value, Failure> {
    let texts = |inputs: Vec<Value>| -> Result<Vec<String>, Failure> {
        inputs.iter().map(|input| Ok(text(input)?.to_owned())).collect()
    };
    Ok(match (model, kind) {
        (Model::Embedder(embedder), _) => json!(embedder.embed(texts(inputs)?).await?),
        (Model::Scoring(model), "log_prob") => {
            let prompt = text(&command["prompt"])?.to_owned();
            json!(
                model
                    .mean_log_prob(prompt, texts(inputs)?, RepeatPenalty::Reference)
                    .await?
            )
        }
        (Model::Scoring(model), kind) => {
            let input = |input: &Value| -> Result<Input, Failure> {
                match input.as_array() {
                    Some(pair) => Ok(Input::Pair(text(&pair[0])?.to_owned(), text(&pair[1])?.to_owned())),
                    None => Ok(Input::Text(text(input)?.to_owned())),
                }
            };
            let inputs = inputs.iter().map(input).collect::<Result<Vec<_>, Failure>>()?;
            match kind {
                "classify" => json!(model.logits(inputs).await?),
                _ => json!(model.embed(inputs).await?),
            }
        }
    })
}

/// CPU seconds of all threads of this process, where the system says so.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
