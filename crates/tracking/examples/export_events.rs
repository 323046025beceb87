//! Turns a folder of event files into wandb runs and a Parquet file: `export_events EVENTS FOLDER`. Prints the folder of each
//! run.

use std::path::{Path, PathBuf};

use axoneme_tracking::export::{Filter, export_wandb};
use axoneme_tracking::wandb::WandbConfig;
use axoneme_tracking::{read_all, write_parquet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [events, folder] = paths.as_slice() else {
        return Err("usage: export_events EVENTS FOLDER".into());
    };
    let config = WandbConfig {
        folder: folder.clone(),
        project: "openvalidators".into(),
        entity: "opentensor-dev".into(),
        notes: "written by an example".into(),
    };
    let (runs, counts) = export_wandb(Path::new(events), &Filter::default(), &config)?;
    for run in runs {
        println!("{}", run.display());
    }
    write_parquet(read_all(events)?, &folder.join("events.parquet"))?;
    eprintln!("{} prompt runs, {} damaged lines", counts.written, counts.damaged);
    Ok(())
}
