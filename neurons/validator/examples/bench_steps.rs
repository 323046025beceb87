//! Judges prompt runs as the daemon does, for `scripts/bench/steps.sh`: one JSON command a line, one JSON answer a line.
//!
//! The argument is a configuration file of the validator; the judges are built from it. `{"task": …, "answers": [[status,
//! completion], …]}` answers `{"seconds": …, "cpu_seconds": …, "rewards": …, "fields": …}`: what was shown to the masks and
//! judged, with everything that is remembered from the runs before. `{"scoring_prompts": [[kind, base text, completion], …]}`
//! answers the prompts of the prompt-based reward.

use std::io::{BufRead, Write};
use std::time::Instant;

use axoneme_reward::functions::prompt_based::scoring_prompt;
use axoneme_reward::task::TaskKind;
use axoneme_reward::{Response, Task};
use serde_json::{Value, json};
use validator::judges::judges;
use validator::{Host, ValidatorConfig};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("usage: bench_steps CONFIG")?;
    let config: ValidatorConfig = toml::from_str(&std::fs::read_to_string(path)?)?;
    config.check()?;
    let judges = judges(&config, &Host::default(), 1).await;
    let mut pipeline = judges.map_err(|failure| failure.message)?.pipeline;
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let answer = match command.get("scoring_prompts") {
            Some(asked) => json!(
                serde_json::from_value::<Vec<(TaskKind, String, String)>>(asked.clone())?
                    .iter()
                    .map(|(kind, base, completion)| scoring_prompt(*kind, base, completion))
                    .collect::<Vec<_>>()
            ),
            None => {
                let task: Task = serde_json::from_value(command["task"].clone())?;
                let answers: Vec<(u16, String)> = serde_json::from_value(command["answers"].clone())?;
                let response = |(status, completion)| Response { status, completion };
                let answers: Vec<Response> = answers.into_iter().map(response).collect();
                let (started, cpu) = (Instant::now(), cpu_seconds());
                pipeline.observe(&answers).await?;
                let outcome = pipeline.judge(&task, &answers).await?;
                json!({
                    "seconds": started.elapsed().as_secs_f64(),
                    "cpu_seconds": cpu_seconds() - cpu,
                    "rewards": outcome.rewards,
                    "fields": outcome.fields(),
                })
            }
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
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
