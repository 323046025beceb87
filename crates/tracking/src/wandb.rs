//! Runs as the wandb client writes them when it is offline.
//!
//! A run is a folder `wandb/offline-run-{time}-{id}` with a transaction log, which `wandb sync` uploads when somebody calls
//! it, and a folder `files`. Nothing here opens a connection.

mod frames;
mod messages;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng;
use serde_json::{Map, Value, json};

use crate::{StepEvent, TrackingError};
use frames::Frames;
use messages::{Item, Kind, Record};

/// Oldest version of the service that may read the log; what its own client of today writes.
const MIN_CONSUMER: &str = "0.70.0";

/// Where runs are written and how they are filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WandbConfig {
    /// Runs are written into `wandb` in this folder.
    pub folder: PathBuf,
    /// Project.
    pub project: String,
    /// Team or user; empty for that of whoever uploads.
    pub entity: String,
    /// Notes.
    pub notes: String,
}

/// A run that is being written.
pub struct WandbRun {
    folder: PathBuf,
    id: String,
    frames: Frames,
    /// Records written.
    records: i64,
    /// Prompt runs written.
    steps: i64,
    started: f64,
    /// The newest row, which becomes the summary.
    newest: Vec<(String, String)>,
    /// Files that are named in the log.
    files: Vec<String>,
}

impl WandbRun {
    /// Begins a run now. What `header` has is the run's configuration, its list `tags` the run's tags.
    ///
    /// # Errors
    /// [`TrackingError::Io`] where the folder or the log cannot be made.
    pub fn begin(config: &WandbConfig, header: &Map<String, Value>) -> Result<Self, TrackingError> {
        Self::begin_at(config, header, now())
    }

    /// Begins a run at a time, seconds since 1970: for events that were recorded before.
    ///
    /// # Errors
    /// As [`WandbRun::begin`].
    pub fn begin_at(config: &WandbConfig, header: &Map<String, Value>, started: f64) -> Result<Self, TrackingError> {
        let started = if started.is_finite() {
            started.clamp(0.0, 4e9)
        } else {
            0.0
        };
        let id = new_id();
        let folder = config
            .folder
            .join("wandb")
            .join(format!("offline-run-{}-{id}", civil(started as u64)));
        let files = folder.join("files");
        std::fs::create_dir_all(&files).map_err(TrackingError::io("make", &files))?;
        let log = folder.join(format!("run-{id}.wandb"));
        let frames = Frames::create(&log).map_err(TrackingError::io("make", &log))?;
        let mut run = Self {
            folder,
            id: id.clone(),
            frames,
            records: 0,
            steps: 0,
            started,
            newest: Vec::new(),
            files: Vec::new(),
        };
        run.put(Kind::Header(messages::Header {
            version: Some(messages::Version {
                producer: concat!("axoneme-", env!("CARGO_PKG_VERSION")).into(),
                min_consumer: MIN_CONSUMER.into(),
            }),
        }))?;
        let tags = header.get("tags").and_then(Value::as_array);
        let tags = tags
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let settings = header.iter().filter(|(name, _)| *name != "tags");
        let mut update = vec![Item::top("_wandb", "{}".into())];
        update.extend(settings.map(|(name, value)| Item::top(name, value.to_string())));
        run.put(Kind::Run(messages::Run {
            run_id: id,
            entity: config.entity.clone(),
            project: config.project.clone(),
            config: Some(messages::Config { update }),
            notes: config.notes.clone(),
            tags,
            start_time: Some(messages::Timestamp {
                seconds: started as i64,
                nanos: (started.fract() * 1e9) as i32,
            }),
        }))?;
        Ok(run)
    }

    /// Writes a prompt run as a row of the history. Fields that are null are left out.
    ///
    /// # Errors
    /// [`TrackingError::Io`]; the run cannot be gone on with then.
    pub fn log(&mut self, event: &StepEvent) -> Result<(), TrackingError> {
        self.put_row(row(event), event.time)
    }

    /// Writes anything else as a row of the history, such as scores at a checkpoint.
    ///
    /// # Errors
    /// As [`WandbRun::log`].
    pub fn log_fields(&mut self, fields: &Map<String, Value>) -> Result<(), TrackingError> {
        let there = fields.iter().filter(|(_, value)| !value.is_null());
        self.put_row(
            there.map(|(name, value)| (name.clone(), value.to_string())).collect(),
            None,
        )
    }

    fn put_row(&mut self, mut row: Vec<(String, String)>, time: Option<f64>) -> Result<(), TrackingError> {
        let time = time.unwrap_or_else(now);
        let runtime = (time - self.started).max(0.0);
        row.push(("_step".into(), self.steps.to_string()));
        row.push(("_timestamp".into(), number(time)));
        row.push(("_runtime".into(), number(runtime)));
        let item = row
            .iter()
            .map(|(name, json)| Item::nested(name, json.clone()))
            .collect();
        self.put(Kind::History(messages::History {
            item,
            step: Some(messages::Step { num: self.steps }),
        }))?;
        // What is short; the rest comes with the end.
        let short = row
            .iter()
            .filter(|(_, json)| !json.starts_with(['[', '{']) && json.len() < 100);
        let update = short.map(|(name, json)| Item::nested(name, json.clone())).collect();
        self.put(Kind::Summary(messages::Summary { update }))?;
        self.steps += 1;
        self.newest = row;
        Ok(())
    }

    /// Puts a file into the run, replacing one of the same name.
    ///
    /// # Errors
    /// [`TrackingError::Io`] where it cannot be written.
    pub fn save_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let name = name.trim_start_matches('.').to_owned();
        let folder = self.folder.join("files");
        let path = folder.join(&name);
        let io = || TrackingError::io("write", &path);
        let mut file = tempfile::Builder::new()
            .prefix(".file-")
            .tempfile_in(&folder)
            .map_err(io())?;
        file.write_all(bytes).map_err(io())?;
        file.persist(&path).map_err(|error| error.error).map_err(io())?;
        if !self.files.contains(&name) {
            self.put(Kind::Files(messages::Files {
                files: vec![messages::FileItem {
                    path: name.clone(),
                    policy: messages::AT_THE_END,
                }],
            }))?;
            self.files.push(name);
        }
        Ok(())
    }

    /// Ends the run: its newest row is the summary.
    ///
    /// # Errors
    /// [`TrackingError::Io`]; without its end a run counts as crashed and its rows are still there.
    pub fn finish(mut self, exit_code: i32) -> Result<(), TrackingError> {
        let newest = std::mem::take(&mut self.newest);
        let update = newest
            .into_iter()
            .map(|(name, json)| Item::nested(&name, json))
            .collect();
        self.put(Kind::Summary(messages::Summary { update }))?;
        let runtime = (now() - self.started).clamp(0.0, f64::from(i32::MAX)) as i32;
        self.put(Kind::Exit(messages::Exit { exit_code, runtime }))
    }

    /// The folder that `wandb sync` takes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn put(&mut self, kind: Kind) -> Result<(), TrackingError> {
        self.records += 1;
        let record = Record {
            num: self.records,
            kind: Some(kind),
            info: Some(messages::Info {
                stream_id: self.id.clone(),
            }),
        };
        let path = self.folder.clone();
        self.frames
            .write(&record)
            .map_err(TrackingError::io("write the run", &path))
    }
}

/// The fields of a row with their values as JSON, as this service writes it: with `NaN`.
fn row(event: &StepEvent) -> Vec<(String, String)> {
    let mut fields = event.fields();
    let mut row = Vec::new();
    if let Some(columns) = &event.columns {
        for (name, column) in columns.numbers() {
            fields.remove(name);
            if let Some(column) = column {
                let cells: Vec<String> = column.iter().map(|cell| cell.map_or("null".into(), number)).collect();
                row.push((name.to_owned(), format!("[{}]", cells.join(","))));
            }
        }
    }
    // The row has a time of its own.
    fields.remove("time");
    let others = fields.into_iter().filter(|(_, value)| !value.is_null());
    row.extend(others.map(|(name, value)| (name, value.to_string())));
    row
}

fn number(number: f64) -> String {
    match number {
        number if number.is_finite() => json!(number).to_string(),
        number if number.is_nan() => "NaN".into(),
        number if number > 0.0 => "Infinity".into(),
        _ => "-Infinity".into(),
    }
}

pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |age| age.as_secs_f64())
}

/// Eight letters and digits, as the service's own client makes them.
fn new_id() -> String {
    const SIGNS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    (0..8)
        .map(|_| char::from(SIGNS[rng.random_range(0..SIGNS.len())]))
        .collect()
}

/// `20261121_204512`: the time in Greenwich of some seconds after 1970 began.
fn civil(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Counted from a first of March, so that the day a leap year adds is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{date:02}_{hour:02}{minute:02}{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(civil(0), "19700101_000000");
        assert_eq!(civil(951_782_399), "20000228_235959");
        assert_eq!(civil(951_782_400), "20000229_000000");
        assert_eq!(civil(1_795_293_489), "20261121_203809");
        assert_eq!(civil(4_107_542_400), "21000301_000000");
    }

    #[test]
    fn a_run_reads_back_record_by_record() {
        let folder = tempfile::tempdir().unwrap();
        let config = WandbConfig {
            folder: folder.path().to_owned(),
            project: "openvalidators".into(),
            entity: "team".into(),
            notes: "a note".into(),
        };
        let header = json!({"netuid": 8, "neuron": {"name": "x"}, "tags": ["netuid_8", "mock"]});
        let mut run = WandbRun::begin(&config, header.as_object().unwrap()).unwrap();
        let vector: Value = serde_json::from_str(include_str!("../tests/vectors/step.json")).unwrap();
        let flat = vector["event_schema_of_first_step"].as_object().unwrap().clone();
        let mut event = StepEvent::from_fields(flat).unwrap();
        // Longer than a block, so that it has a beginning, middles and an end.
        event.completions[0] = "gamma ".repeat(20_000);
        for _ in 0..50 {
            run.log(&event).unwrap();
        }
        run.save_file("../gating head.safetensors", b"head").unwrap();
        run.save_file("../gating head.safetensors", b"newer").unwrap();
        let path = run.folder().to_owned();
        run.finish(0).unwrap();
        let log = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "wandb"))
            .unwrap();
        let records = frames::read_all(&std::fs::read(log).unwrap());
        assert_eq!(records.len(), 1 + 1 + 2 * 50 + 1 + 1 + 1);
        assert!(records.iter().zip(1..).all(|(record, number)| record.num == number));
        let Some(Kind::Run(run)) = &records[1].kind else {
            panic!("{:?}", records[1])
        };
        assert_eq!((run.project.as_str(), run.tags.len()), ("openvalidators", 2));
        let Some(Kind::History(history)) = &records[100].kind else {
            panic!("{:?}", records[100])
        };
        assert_eq!(history.step, Some(messages::Step { num: 49 }));
        let json = |name: &str| {
            let item = history.item.iter().find(|item| item.nested_key == [name]);
            item.map(|item| item.value_json.as_str())
        };
        assert_eq!(json("dpo_reward_model"), Some("[-1.0,-2.5,-2.0,NaN,-3.5,NaN]"));
        assert_eq!(
            json("completions").map(str::len),
            Some(json!(event.completions).to_string().len())
        );
        assert_eq!(json("rlhf_reward_model"), None);
        assert!(matches!(&records[104].kind, Some(Kind::Exit(exit)) if exit.exit_code == 0));
        let saved = path.join("files/_gating_head.safetensors");
        assert_eq!(std::fs::read(saved).unwrap(), b"newer");
    }
}
