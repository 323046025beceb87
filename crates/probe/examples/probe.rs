//! The kit by itself, without the rest of `axoneme`: `probe HOST:PORT --hotkey SS58 [--uri //Alice] …`.

use axoneme_probe::ProbeArgs;
use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    probe: ProbeArgs,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let passed = Cli::parse().probe.run().await?;
    std::process::exit(i32::from(!passed));
}
