//! `validator export`: tables, training data and wandb runs from event files.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use axoneme_neuron::{ExitCode, Failure};
use axoneme_tracking::export::{Counts, Filter, Format, export, export_wandb};
use axoneme_tracking::wandb::WandbConfig;
use axoneme_tracking::{TrackingError, files, read_all, write_parquet};
use clap::{Parser, ValueEnum};

/// Tables, training data and wandb runs from event files
#[derive(Debug, Parser)]
#[command(name = "validator export")]
struct Arguments {
    /// An event file (events.jsonl), or the data directory with all of them
    events: PathBuf,
    /// What comes out
    #[arg(long, value_enum, default_value = "best")]
    format: As,
    /// Where to; standard output for text. A file for parquet, a folder for wandb
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// Only runs with this tag; may be given several times, then all of them
    #[arg(long)]
    tag: Vec<String>,
    /// Only prompt runs whose best answer does not have this phrase; may be given several times
    #[arg(long)]
    without: Vec<String>,
    /// Only tasks whose name begins so
    #[arg(long)]
    task: Option<String>,
    /// Project of the wandb runs
    #[arg(long, default_value = "openvalidators")]
    project: String,
    /// Team or user of the wandb runs; that of whoever uploads if it is empty
    #[arg(long, default_value = "")]
    entity: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum As {
    /// JSON array of prompt and best answer
    Best,
    /// JSON array with every answer and its score
    Scores,
    /// One line per answer
    Csv,
    /// JSON lines of prompt and completion, those that earned something
    FineTuning,
    /// One row per prompt run
    Parquet,
    /// Runs for `wandb sync`
    Wandb,
}

/// Runs the command with what follows its name.
///
/// # Errors
/// With the exit code of what could not be read or written.
pub fn command(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<(), Failure> {
    let name = std::iter::once(std::ffi::OsString::from("validator export"));
    let arguments = match Arguments::try_parse_from(name.chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            print!("{error}");
            return Ok(());
        }
        Err(error) => return Err(Failure::message(ExitCode::Usage, error.to_string())),
    };
    let counts = run(&arguments)?;
    eprintln!(
        "{} prompt runs written, {} left out, {} damaged lines passed over",
        counts.written, counts.left_out, counts.damaged
    );
    Ok(())
}

fn run(arguments: &Arguments) -> Result<Counts, Failure> {
    let failed = |error: TrackingError| Failure::new(ExitCode::Failure, &error);
    // Before a file of that name is replaced.
    files(&arguments.events).map_err(failed)?;
    let filter = Filter {
        tags: arguments.tag.clone(),
        without: arguments.without.clone(),
        task: arguments.task.clone(),
    };
    let format = match arguments.format {
        As::Best => Format::Best,
        As::Scores => Format::Scores,
        As::Csv => Format::Csv,
        As::FineTuning => Format::FineTuning,
        As::Parquet => {
            let out = needed(arguments, "a file")?;
            if filter != Filter::default() {
                let message = "--format parquet takes all prompt runs; filter the table instead of the export";
                return Err(Failure::message(ExitCode::Usage, message));
            }
            let written = write_parquet(read_all(&arguments.events).map_err(failed)?, out).map_err(failed)?;
            return Ok(Counts {
                written,
                ..Counts::default()
            });
        }
        As::Wandb => {
            let config = WandbConfig {
                folder: needed(arguments, "a folder")?.clone(),
                project: arguments.project.clone(),
                entity: arguments.entity.clone(),
                notes: String::new(),
            };
            let (runs, counts) = export_wandb(&arguments.events, &filter, &config).map_err(failed)?;
            for run in runs {
                println!("{}", run.display());
            }
            return Ok(counts);
        }
    };
    let mut out: Box<dyn Write> = match &arguments.out {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|error| {
            Failure::message(ExitCode::Failure, format!("cannot write {}: {error}", path.display()))
        })?)),
    };
    export(&arguments.events, format, &filter, &mut *out).map_err(failed)
}

fn needed<'a>(arguments: &'a Arguments, what: &str) -> Result<&'a PathBuf, Failure> {
    let missing = || Failure::message(ExitCode::Usage, format!("--out is missing: {what} to write to"));
    arguments.out.as_ref().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str]) -> Result<(), Failure> {
        command(arguments.iter().map(std::ffi::OsString::from))
    }

    #[test]
    fn every_format_is_written_and_misuse_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let line = "{\"header\":{\"tags\":[\"mock\"]}}\n{\"name\":\"answer0\",\"prompt\":\"p\",\"uids\":[1],\
                    \"completions\":[\"c\"],\"rewards\":[1.0],\"best\":\"c\"}\n";
        std::fs::write(path("events.jsonl"), line).unwrap();
        let events = folder.path().to_str().unwrap();
        for (format, name) in [
            ("best", "a.json"),
            ("scores", "b.json"),
            ("csv", "c.csv"),
            ("fine-tuning", "d.jsonl"),
        ] {
            call(&[events, "--format", format, "--tag", "mock", "--out", &path(name)]).unwrap();
            assert!(std::fs::metadata(path(name)).unwrap().len() > 10, "{format}");
        }
        call(&[events, "--format", "parquet", "--out", &path("e.parquet")]).unwrap();
        call(&[events, "--format", "wandb", "--out", events]).unwrap();
        assert_eq!(std::fs::read_dir(path("wandb")).unwrap().count(), 1);
        for (wrong, says) in [
            (vec!["--format", "best"], "EVENTS"),
            (vec![events, "--format", "wandb"], "--out"),
            (
                vec![events, "--format", "parquet", "--out", "x", "--tag", "y"],
                "all prompt runs",
            ),
        ] {
            let failure = call(&wrong).unwrap_err();
            assert_eq!(failure.code, ExitCode::Usage);
            assert!(failure.message.contains(says), "{}", failure.message);
        }
        let failure = call(&["/nowhere/at/all", "--out", &path("a.json")]).unwrap_err();
        assert!(
            failure.message.contains("cannot list /nowhere/at/all"),
            "{}",
            failure.message
        );
        let kept = std::fs::metadata(path("a.json")).unwrap().len();
        assert!(kept > 10, "what was there is not touched");
    }
}
