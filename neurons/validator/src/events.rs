//! Event records: one JSON object per line, one line per prompt run.
//!
//! The first line of each file is a header with the run's settings. A run's line has the fields of the network's event
//! records; numbers that are not finite are the text `"nan"`. A line named `forward` ends each forward pass and says why.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

/// File name in the data directory.
pub const FILE: &str = "events.jsonl";

/// Appends events to a file and rotates it. A failure to write is logged and counted, never passed on: a full disk must not
/// stop the judging.
pub struct Recorder {
    sink: Option<Mutex<Sink>>,
}

struct Sink {
    path: PathBuf,
    limit: u64,
    header: Value,
    file: Option<File>,
    written: u64,
}

impl Recorder {
    /// Writes to [`FILE`] in `folder`; the file is moved to `events.1.jsonl` when it grows past `limit` bytes.
    pub fn open(folder: &Path, limit: u64, header: Value) -> Self {
        let sink = Sink {
            path: folder.join(FILE),
            limit,
            header,
            file: None,
            written: 0,
        };
        Self {
            sink: Some(Mutex::new(sink)),
        }
    }

    /// Writes nothing.
    pub fn off() -> Self {
        Self { sink: None }
    }

    /// Appends one event.
    pub fn write(&self, event: &Map<String, Value>) {
        let Some(sink) = &self.sink else { return };
        let mut sink = sink.lock();
        if let Err(error) = sink.append(event) {
            metrics::counter!("validator_event_errors_total").increment(1);
            tracing::warn!(path = %sink.path.display(), "cannot write an event record: {error}");
            // Whatever is wrong with the open file, the next event starts over.
            sink.file = None;
        }
    }
}

impl Sink {
    fn append(&mut self, event: &Map<String, Value>) -> std::io::Result<()> {
        if self.file.is_some() && self.written > self.limit {
            self.file = None;
            std::fs::rename(&self.path, self.path.with_extension("1.jsonl"))?;
        }
        if self.file.is_none() {
            self.start()?;
        }
        self.line(&Value::Object(event.clone()))
    }

    /// Opens the file; a run's header goes before its first event, also where an older run's events are.
    fn start(&mut self) -> std::io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.written = file.metadata()?.len();
        // A process that was killed may have left half a line; ours must start on a new one.
        let torn = self.written > 0 && !ends_with_newline(&self.path)?;
        self.file = Some(file);
        if torn {
            self.raw(b"\n")?;
        }
        self.line(&json!({ "header": self.header }))
    }

    fn line(&mut self, value: &Value) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.raw(&line)
    }

    fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        Ok(())
    }
}

fn ends_with_newline(path: &Path) -> std::io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A size such as `2 GB`, `500MB` or `1000000`, in bytes; a kilobyte is 1000.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    let unit = match text[split..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1e0,
        "K" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        "KIB" => 1024.0,
        "MIB" => 1_048_576.0,
        "GIB" => 1_073_741_824.0,
        _ => return None,
    };
    let bytes = number * unit;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> Map<String, Value> {
        Map::from_iter([("name".to_owned(), json!(name))])
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or(Value::Null))
            .collect()
    }

    #[test]
    fn each_run_writes_a_header_and_starts_on_a_new_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, b"{\"torn\":").unwrap();
        let recorder = Recorder::open(folder.path(), 1000, json!({"seed": 1}));
        recorder.write(&event("augment"));
        let lines = lines(&path);
        assert_eq!(lines[1], json!({"header": {"seed": 1}}));
        assert_eq!(lines[2], json!({"name": "augment"}));
    }

    #[test]
    fn a_file_that_grew_too_large_is_rotated_with_a_new_header() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::open(folder.path(), 30, json!({}));
        for name in ["one", "two", "three", "four"] {
            recorder.write(&event(name));
        }
        let (new, old) = (
            lines(&folder.path().join(FILE)),
            lines(&folder.path().join("events.1.jsonl")),
        );
        assert_eq!(new[0], json!({"header": {}}));
        assert_eq!(new.last(), Some(&json!({"name": "four"})));
        assert!(old.len() >= 2);
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_size("2 GB"), Some(2_000_000_000));
        assert_eq!(parse_size("1.5kB"), Some(1500));
        assert_eq!(parse_size("2147483648"), Some(2_147_483_648));
        assert_eq!(parse_size("2 apples"), None);
        assert_eq!(parse_size(""), None);
    }
}
