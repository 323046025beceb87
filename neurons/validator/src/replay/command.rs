//! `validator replay FILE`: the command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use axoneme_neuron::config::Command;
use axoneme_neuron::{ExitCode, Failure};
use axoneme_tracking::{Record, TrackingError};
use serde_json::{Map, Value};

use super::report::Report;
use super::{Replay, ReplayError};
use crate::config::ValidatorConfig;
use crate::judges::{Judges, judges};
use crate::run::{Host, score_rule};

/// What it does, for `validator replay --help`.
pub const HELP: &str = "\
Judges recorded answers again.

Usage: validator replay FILE [--json] [settings]

FILE is an event file (events.jsonl) or the folder of all event files of a validator. Without settings, the recorded ones
judge, and the command says whether rewards, scores and weights are the same, bit for bit; it ends with 0 if they are and
with 1 if not. With settings, such as --reward.dpo_weight 0.6 or --config other.toml, the same answers are judged by
those, on top of the recorded ones, and the difference is shown.

  --json  Print the result as JSON
";

/// What the command line asked for.
struct Asked {
    path: PathBuf,
    json: bool,
    /// Everything else: settings.
    settings: Vec<OsString>,
}

/// Runs the command with the arguments after `replay`. Returns whether the record agrees, which with other settings it
/// always does.
///
/// # Errors
/// With the exit code of what could not be read, loaded or judged.
pub async fn run(args: impl IntoIterator<Item = OsString>, host: &Host) -> Result<bool, Failure> {
    let mut asked = Asked {
        path: PathBuf::new(),
        json: false,
        settings: Vec::new(),
    };
    for arg in args {
        if arg == "--help" || arg == "-h" {
            print!("{HELP}");
            return Ok(true);
        } else if arg == "--json" {
            asked.json = true;
        } else if asked.path.as_os_str().is_empty() && !arg.to_string_lossy().starts_with('-') {
            asked.path = arg.into();
        } else {
            asked.settings.push(arg);
        }
    }
    if asked.path.as_os_str().is_empty() {
        return Err(Failure::message(ExitCode::Usage, HELP));
    }
    let report = replay(&asked.path, asked.settings, host).await?;
    match asked.json {
        true => println!("{:#}", report.json()),
        false => print!("{report}"),
    }
    Ok(report.other_settings || report.agrees())
}

/// Judges a file, or all files of a folder, again.
///
/// # Errors
/// As [`run`].
pub async fn replay(path: &Path, settings: Vec<OsString>, host: &Host) -> Result<Report, Failure> {
    let failure = |error: ReplayError| Failure::new(ExitCode::Failure, &error);
    let files = axoneme_tracking::files(path).map_err(unreadable)?;
    let header = first_header(&files)?;
    let recorded = recorded_config(&header);
    let other_settings = !settings.is_empty();
    let config = match other_settings {
        false => recorded,
        true => overlay(&recorded, settings)?,
    };
    config.check().map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let seed = header.get("seed").and_then(Value::as_u64).unwrap_or(0);
    let Judges {
        pipeline,
        gating,
        answers,
        ..
    } = judges(&config, host, seed).await?;
    let mut replay = Replay::new(pipeline, gating, score_rule(&config), other_settings).with_answers(answers);
    let mut damaged = 0;
    for file in &files {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut records = axoneme_tracking::read(file).map_err(unreadable)?;
        for record in records.by_ref() {
            match record.map_err(unreadable)? {
                Record::Header(header) => replay.begin(&header, folder).await.map_err(failure)?,
                Record::Event(event) if replay.has_begun() => replay.event(event).await.map_err(failure)?,
                Record::Event(_) => {
                    let path = file.clone();
                    return Err(failure(ReplayError::NoStart { path }));
                }
            }
        }
        damaged += records.damaged();
    }
    let mut report = replay.finish().await.map_err(failure)?;
    report.damaged = damaged;
    Ok(report)
}

/// The settings in a header; what it does not have is the default. Models run on the CPU, where every bit is the same.
fn recorded_config(header: &Map<String, Value>) -> ValidatorConfig {
    let mut all = serde_json::to_value(ValidatorConfig::default()).unwrap_or_default();
    for section in ["neuron", "reward", "blacklist", "gating", "dataset"] {
        if let (Some(Value::Object(recorded)), Some(Value::Object(known))) = (header.get(section), all.get_mut(section))
        {
            for (field, value) in recorded {
                if known.contains_key(field) {
                    known.insert(field.clone(), value.clone());
                }
            }
        }
    }
    let mut config: ValidatorConfig = serde_json::from_value(all).unwrap_or_default();
    config.neuron.device = "cpu".into();
    config
}

fn overlay(recorded: &ValidatorConfig, settings: Vec<OsString>) -> Result<ValidatorConfig, Failure> {
    match crate::program().resolve_over(recorded, settings, []) {
        Ok(Command::Run(loaded)) => Ok(loaded.config),
        Ok(Command::Print(text) | Command::Usage(text)) => Err(Failure::message(ExitCode::Usage, text)),
        Err(error) => Err(error.into()),
    }
}

fn first_header(files: &[PathBuf]) -> Result<Map<String, Value>, Failure> {
    for file in files {
        for record in axoneme_tracking::read(file).map_err(unreadable)? {
            if let Record::Header(header) = record.map_err(unreadable)? {
                return Ok(header);
            }
        }
    }
    let path = files.first().cloned().unwrap_or_default();
    Err(Failure::new(ExitCode::Failure, &ReplayError::NoStart { path }))
}

fn unreadable(error: TrackingError) -> Failure {
    Failure::new(ExitCode::Failure, &error)
}
