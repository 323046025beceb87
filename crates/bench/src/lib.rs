//! Load and measurements for axons and dendrites, Python's included.
//!
//! The client must not be what is measured: requests are signed before the clock starts ([`schedule`]), and sent by one
//! thread over raw sockets ([`engine`]). The axon runs in a process of its own, so that its CPU time and memory can be
//! told from the client's.
//!
//! | module | what |
//! | --- | --- |
//! | [`requests`], [`schedule`] | pre-signed requests, and when each goes out |
//! | [`engine`] | sends them, counts answers and times |
//! | [`axon`] | `bench axon`: throughput, latency, what verification adds |
//! | [`junk`] | a flood of junk beside an honest caller |
//! | [`fanout`] | `bench dendrite`: one round to many axons |
//! | [`verify`] | what one signature check costs |
//! | [`serve`], [`bare`], [`child`] | what is measured when no target is named |
//! | [`process`] | CPU time and memory of a process |

pub mod args;
pub mod axon;
pub mod bare;
pub mod child;
mod connection;
pub mod engine;
mod error;
pub mod fanout;
pub mod junk;
pub mod process;
pub mod report;
pub mod requests;
pub mod schedule;
pub mod serve;
pub mod verify;

pub use args::BenchCommand;
pub use child::Relaunch;
pub use error::BenchError;
pub use requests::Wire;

/// Runs a command and prints its report to standard output. `relaunch` says how to start `bench serve`.
pub async fn run(command: BenchCommand, relaunch: Relaunch) -> Result<(), BenchError> {
    match command {
        BenchCommand::Serve(args) => serve::serve(&args).await,
        BenchCommand::Dendrite(args) => print(&fanout::run(&args, &relaunch).await?, args.json),
        // These two keep a thread busy and need no runtime.
        BenchCommand::Axon(args) => blocking(move || print(&axon::run(&args, &relaunch)?, args.json)).await,
        BenchCommand::Verify(args) => blocking(move || print(&verify::run(&args)?, args.json)).await,
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), BenchError> + Send + 'static) -> Result<(), BenchError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| BenchError::Build(error.to_string()))?
}

fn print<R: serde::Serialize + std::fmt::Display>(report: &R, json: bool) -> Result<(), BenchError> {
    if json {
        let text = serde_json::to_string(report).map_err(|error| BenchError::Build(error.to_string()))?;
        println!("{text}");
    } else {
        println!("{report}");
    }
    Ok(())
}
