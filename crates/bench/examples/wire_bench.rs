//! The `bench` commands without the rest of `axoneme`: `cargo run --release -p axoneme-bench --example wire_bench -- --help`.

use axoneme_bench::{BenchCommand, BenchError, Relaunch};
use clap::Parser;

/// Load and measurements for axons and dendrites
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: BenchCommand,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let run = async { axoneme_bench::run(Cli::parse().command, Relaunch::this(&["serve"])?).await };
    let result: Result<(), BenchError> = run.await;
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
