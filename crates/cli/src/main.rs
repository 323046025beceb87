//! `axoneme`: parse, run, end.

use axoneme::args::{Cli, Command};
use axoneme::{bench, drill, local, probe, up};
use axoneme_neuron::{daemon, exit};
use clap::Parser;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    exit::finish(daemon::block_on(|cancel| async {
        match cli.command {
            Command::Up(args) => up::run(args, cancel).await,
            Command::Bench(command) => bench::run(command, cancel).await,
            Command::Probe(args) => probe::run(&args, cancel).await,
            Command::Drill(args) => drill::run(&args, cancel).await,
            other => local::run(other, cancel).await,
        }
    }))
}
