//! Reading event files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{FILE, TrackingError};

/// A line longer than this, bytes, is passed over: hundreds of the longest answers do not come near it.
const MAX_LINE: u64 = 256 << 20;

/// A line of an event file.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The settings, tags and versions of the run whose events follow.
    Header(Map<String, Value>),
    /// An event; a prompt run if it has `uids` ([`crate::StepEvent::from_fields`]), else what its `name` says.
    Event(Map<String, Value>),
}

/// The lines of an event file, in its order.
pub struct Records {
    path: PathBuf,
    lines: Box<dyn BufRead + Send>,
    damaged: u64,
}

/// Reads an event file, also one that is packed (`.zst`).
///
/// # Errors
/// [`TrackingError::Io`] where it cannot be opened.
pub fn read(path: &Path) -> Result<Records, TrackingError> {
    let io = || TrackingError::io("read", path);
    let file = File::open(path).map_err(io())?;
    let lines: Box<dyn BufRead + Send> = match path.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(BufReader::new(zstd::stream::read::Decoder::new(file).map_err(io())?)),
        false => Box::new(BufReader::with_capacity(1 << 16, file)),
    };
    Ok(Records {
        path: path.to_owned(),
        lines,
        damaged: 0,
    })
}

impl Records {
    /// Lines that were passed over so far: a killed process leaves half a line, a full disk may.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }
}

impl Iterator for Records {
    type Item = Result<Record, TrackingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            match self.lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                // A packed file that was cut short ends like this.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    self.damaged += 1;
                    return None;
                }
                Err(error) => return Some(Err(TrackingError::io("read", &self.path)(error))),
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice::<Map<String, Value>>(&line) {
                Ok(fields) => return Some(Ok(sorted(fields))),
                Err(_) => self.damaged += 1,
            }
        }
    }
}

fn sorted(mut fields: Map<String, Value>) -> Record {
    match fields.remove("header") {
        Some(Value::Object(header)) => Record::Header(header),
        Some(other) => {
            fields.insert("header".into(), other);
            Record::Event(fields)
        }
        None => Record::Event(fields),
    }
}

/// The event files of a folder, the oldest first; a path to a file is that file.
///
/// # Errors
/// [`TrackingError::NoEvents`] where there are none, [`TrackingError::Io`] where the folder cannot be listed.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, TrackingError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found: Vec<PathBuf> = rolled(path)?.into_iter().map(|(_, path)| path).collect();
    let current = path.join(FILE);
    if current.is_file() {
        found.push(current);
    }
    match found.is_empty() {
        true => Err(TrackingError::NoEvents { path: path.to_owned() }),
        false => Ok(found),
    }
}

/// Reads all event files of a folder, the oldest first, or one file. A file that cannot be opened when its turn comes is one
/// error, and the next one is read.
///
/// # Errors
/// As [`files`].
pub fn read_all(path: &Path) -> Result<impl Iterator<Item = Result<Record, TrackingError>> + use<>, TrackingError> {
    let mut waiting = files(path)?.into_iter();
    let mut open: Option<Records> = None;
    Ok(std::iter::from_fn(move || {
        loop {
            if let Some(record) = open.as_mut().and_then(Records::next) {
                return Some(record);
            }
            match read(&waiting.next()?) {
                Ok(records) => open = Some(records),
                Err(error) => return Some(Err(error)),
            }
        }
    }))
}

/// The rolled files of a folder with their numbers, the oldest first. Of a file that is there twice, because packing it was
/// interrupted, the one that is not packed counts.
pub(crate) fn rolled(folder: &Path) -> Result<Vec<(u64, PathBuf)>, TrackingError> {
    let mut found: Vec<(u64, bool, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(TrackingError::io("list", folder))? {
        let path = entry.map_err(TrackingError::io("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(rest) = name.strip_prefix("events.") else {
            continue;
        };
        let (rest, packed) = rest.strip_suffix(".zst").map_or((rest, false), |rest| (rest, true));
        if let Some(number) = rest.strip_suffix(".jsonl").and_then(|number| number.parse().ok()) {
            found.push((number, packed, path));
        }
    }
    found.sort();
    found.dedup_by_key(|(number, _, _)| *number);
    Ok(found.into_iter().map(|(number, _, path)| (number, path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn headers_and_events_come_in_order_and_torn_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let text = "{\"header\":{\"seed\":1}}\n{\"name\":\"a\"}\n{\"name\":\"to\n{\"header\":{\"seed\":2}}\n\n[1]\n{\"name\":\"b\"}\n{\"na";
        std::fs::write(&path, text).unwrap();
        let mut records = read(&path).unwrap();
        let got: Vec<Record> = records.by_ref().map(Result::unwrap).collect();
        assert_eq!(
            got,
            [
                Record::Header(object(json!({"seed": 1}))),
                Record::Event(object(json!({"name": "a"}))),
                Record::Header(object(json!({"seed": 2}))),
                Record::Event(object(json!({"name": "b"}))),
            ]
        );
        assert_eq!(records.damaged(), 3);
    }

    #[test]
    fn packed_files_are_read_also_when_they_were_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.1.jsonl.zst");
        let text: String = (0..5000)
            .map(|n| format!("{{\"name\":\"x\",\"n\":{}}}\n", n * 7919 % 5000))
            .collect();
        let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
        std::fs::write(&path, &packed).unwrap();
        assert_eq!(read(&path).unwrap().count(), 5000);
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        let mut records = read(&path).unwrap();
        assert!(records.by_ref().all(|record| record.is_ok()));
        assert_eq!(records.damaged(), 1);
    }

    #[test]
    fn files_of_a_folder_are_listed_the_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(files(folder.path()), Err(TrackingError::NoEvents { .. })));
        for name in [
            "events.10.jsonl.zst",
            "events.9.jsonl",
            "events.9.jsonl.zst",
            FILE,
            "events.x.jsonl",
            "state.json",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<String> = files(folder.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["events.9.jsonl", "events.10.jsonl.zst", FILE]);
        assert_eq!(files(&folder.path().join(FILE)).unwrap().len(), 1);
        assert!(files(Path::new("/nowhere/at/all")).is_err());
    }
}
