//! Reading records one by one, so that a source may be larger than the memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A record longer than this is skipped; only its first sentences would be used anyway.
const MAX_RECORD: u64 = 1 << 20;

/// The records of a source, once. A file that cannot be read and a line that cannot be understood are logged, counted and
/// skipped.
pub(super) struct Records {
    kind: Kind,
}

enum Kind {
    Shipped(std::slice::Iter<'static, &'static str>),
    Files(Files),
}

struct Files {
    /// Still to be read, the next one last.
    waiting: Vec<PathBuf>,
    open: Option<Open>,
    text_field: String,
    /// Whether a text file is split at empty lines.
    split_texts: bool,
}

struct Open {
    path: PathBuf,
    reader: BufReader<File>,
    json: bool,
}

impl Records {
    pub(super) fn shipped(articles: &'static [&'static str]) -> Self {
        Self {
            kind: Kind::Shipped(articles.iter()),
        }
    }

    pub(super) fn files(mut order: Vec<PathBuf>, text_field: String, split_texts: bool) -> Self {
        order.reverse();
        Self {
            kind: Kind::Files(Files {
                waiting: order,
                open: None,
                text_field,
                split_texts,
            }),
        }
    }

    pub(super) fn next(&mut self) -> Option<String> {
        match &mut self.kind {
            Kind::Shipped(articles) => articles.next().map(|text| text.trim().to_owned()),
            Kind::Files(files) => files.next(),
        }
    }
}

impl Files {
    fn next(&mut self) -> Option<String> {
        loop {
            if self.open.is_none() {
                let path = self.waiting.pop()?;
                match File::open(&path) {
                    Ok(file) => {
                        let json = path.extension().is_some_and(|extension| extension == "jsonl");
                        self.open = Some(Open {
                            path,
                            reader: BufReader::new(file),
                            json,
                        });
                    }
                    Err(error) => skipped(&path, &error),
                }
                continue;
            }
            let Some(open) = &mut self.open else { continue };
            let record = match (open.json, self.split_texts) {
                (true, _) => json_record(open, &self.text_field),
                (false, true) => paragraph(&mut open.reader),
                (false, false) => whole_file(&mut open.reader),
            };
            match record {
                Ok(Some(text)) => return Some(text),
                Ok(None) => self.open = None,
                Err(error) => {
                    skipped(&open.path, &error);
                    self.open = None;
                }
            }
        }
    }
}

fn skipped(path: &Path, error: &dyn std::fmt::Display) {
    metrics::counter!("validator_dataset_skipped_total").increment(1);
    tracing::warn!(path = %path.display(), "skipping the rest of a dataset file: {error}");
}

/// The text of the next good line; `None` at the end of the file.
fn json_record(open: &mut Open, field: &str) -> std::io::Result<Option<String>> {
    while let Some(line) = bounded_line(&mut open.reader)? {
        let value: Option<serde_json::Value> = serde_json::from_slice(&line).ok();
        match value.and_then(|mut value| value.get_mut(field).map(serde_json::Value::take)) {
            Some(serde_json::Value::String(text)) => return Ok(Some(text)),
            _ if line.trim_ascii().is_empty() => {}
            _ => {
                metrics::counter!("validator_dataset_skipped_total").increment(1);
                tracing::debug!(path = %open.path.display(), field, "skipping a line without text");
            }
        }
    }
    Ok(None)
}

/// The lines up to the next empty one.
fn paragraph(reader: &mut BufReader<File>) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    while let Some(line) = bounded_line(reader)? {
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            text.push_str(line.trim_end_matches(['\r', '\n']));
            text.push('\n');
        } else if !text.is_empty() {
            break;
        }
        if text.len() as u64 > MAX_RECORD {
            break;
        }
    }
    Ok((!text.is_empty()).then(|| text.trim_end().to_owned()))
}

/// Everything, up to the longest record.
fn whole_file(reader: &mut BufReader<File>) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    reader.by_ref().take(MAX_RECORD).read_to_end(&mut bytes)?;
    // At the limit the rest is left: the next call must find the end.
    std::io::copy(reader, &mut std::io::sink())?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok((!text.is_empty()).then_some(text))
}

/// The next line that is not too long, with its end; longer ones are passed over without being kept.
fn bounded_line(reader: &mut BufReader<File>) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        if reader.by_ref().take(MAX_RECORD).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if (line.len() as u64) < MAX_RECORD || line.ends_with(b"\n") {
            return Ok(Some(line));
        }
        metrics::counter!("validator_dataset_skipped_total").increment(1);
        if !pass_line_end(reader)? {
            return Ok(None);
        }
    }
}

/// Whether the end of the line was found before that of the file.
fn pass_line_end(reader: &mut BufReader<File>) -> std::io::Result<bool> {
    loop {
        let mut piece = Vec::new();
        if reader.by_ref().take(MAX_RECORD).read_until(b'\n', &mut piece)? == 0 {
            return Ok(false);
        }
        if piece.ends_with(b"\n") {
            return Ok(true);
        }
    }
}
