//! Tables and training data from event files.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::wandb::{WandbConfig, WandbRun};
use crate::{Record, StepEvent, TrackingError, files, read};

/// What comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON array of `{"prompt", "best"}`.
    Best,
    /// A JSON array of `{"prompt", "best", "score", "answers": [{"uid", "completion", "score"}]}`.
    Scores,
    /// One line per answer, with a line of names first.
    Csv,
    /// JSON lines of `{"prompt", "completion"}`: the best answers that earned something, for fine-tuning.
    FineTuning,
}

/// Which prompt runs count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// All of these are tags of the run.
    pub tags: Vec<String>,
    /// None of these is in the best answer, whatever their case. Empty ones are ignored.
    pub without: Vec<String>,
    /// Only tasks whose name begins so.
    pub task: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Prompt runs that were written.
    pub written: u64,
    /// Prompt runs that the filter left out, or that have nothing for this format.
    pub left_out: u64,
    /// Lines that could not be understood.
    pub damaged: u64,
}

impl Filter {
    fn admits(&self, tags: &[String], event: &StepEvent) -> bool {
        let best = event.best.to_lowercase();
        let spoilt = |phrase: &String| !phrase.is_empty() && best.contains(&phrase.to_lowercase());
        self.tags.iter().all(|tag| tags.contains(tag))
            && !self.without.iter().any(spoilt)
            && self.task.as_ref().is_none_or(|task| event.name.starts_with(task))
    }
}

/// Writes the prompt runs of a folder, or of one file, in a format.
///
/// # Errors
/// [`TrackingError::NoEvents`] where there are none, [`TrackingError::Io`] where reading or writing fails.
pub fn export(path: &Path, format: Format, filter: &Filter, out: &mut dyn Write) -> Result<Counts, TrackingError> {
    let mut written = 0u64;
    let failed = || TrackingError::io("write", Path::new("the export"));
    match format {
        Format::Best | Format::Scores => out.write_all(b"["),
        Format::Csv => out.write_all(b"block,name,uid,hotkey,status,seconds,score,best,completion,prompt\r\n"),
        Format::FineTuning => Ok(()),
    }
    .map_err(failed())?;
    let mut counts = each(path, filter, |_, event| {
        let text = match format {
            Format::Best => separated(written, &json!({"prompt": event.prompt, "best": event.best})),
            Format::Scores => separated(written, &scores(event)),
            Format::Csv => csv(event),
            Format::FineTuning => match earned(event) {
                true => format!("{}\n", json!({"prompt": event.prompt, "completion": event.best})),
                false => return Ok(false),
            },
        };
        written += 1;
        out.write_all(text.as_bytes()).map_err(failed())?;
        Ok(true)
    })?;
    if matches!(format, Format::Best | Format::Scores) {
        out.write_all(b"\n]\n").map_err(failed())?;
    }
    out.flush().map_err(failed())?;
    counts.written = written;
    Ok(counts)
}

/// Writes the prompt runs of a folder, or of one file, as wandb runs: one for each header. Returns their folders.
///
/// # Errors
/// As [`export`].
pub fn export_wandb(
    path: &Path,
    filter: &Filter,
    config: &WandbConfig,
) -> Result<(Vec<PathBuf>, Counts), TrackingError> {
    let mut folders = Vec::new();
    let mut open: Option<(u64, WandbRun)> = None;
    let counts = each(path, filter, |header, event| {
        let run = match &mut open {
            Some((number, run)) if *number == header.number => run,
            _ => {
                if let Some((_, run)) = open.take() {
                    run.finish(0)?;
                }
                let started = header
                    .fields
                    .get("started")
                    .and_then(Value::as_f64)
                    .or(event.time)
                    .unwrap_or(0.0);
                let run = WandbRun::begin_at(config, &header.fields, started)?;
                folders.push(run.folder().to_owned());
                &mut open.insert((header.number, run)).1
            }
        };
        run.log(event)?;
        Ok(true)
    })?;
    if let Some((_, run)) = open {
        run.finish(0)?;
    }
    Ok((folders, counts))
}

struct Header {
    number: u64,
    fields: Map<String, Value>,
    tags: Vec<String>,
}

/// Shows every prompt run that the filter admits, with the header it stands under.
fn each(
    path: &Path,
    filter: &Filter,
    mut show: impl FnMut(&Header, &StepEvent) -> Result<bool, TrackingError>,
) -> Result<Counts, TrackingError> {
    let mut counts = Counts::default();
    let mut header = Header {
        number: 0,
        fields: Map::new(),
        tags: Vec::new(),
    };
    for file in files(path)? {
        let mut records = read(&file)?;
        for record in &mut records {
            match record? {
                Record::Header(fields) => {
                    let tags = fields.get("tags").and_then(Value::as_array).into_iter().flatten();
                    header = Header {
                        number: header.number + 1,
                        tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
                        fields,
                    };
                }
                Record::Event(fields) if fields.contains_key("uids") => match StepEvent::from_fields(fields) {
                    Ok(event) if filter.admits(&header.tags, &event) && show(&header, &event)? => counts.written += 1,
                    Ok(_) => counts.left_out += 1,
                    Err(_) => counts.damaged += 1,
                },
                Record::Event(_) => {}
            }
        }
        counts.damaged += records.damaged();
    }
    Ok(counts)
}

fn separated(before: u64, value: &Value) -> String {
    format!("{}\n{value}", if before == 0 { "" } else { "," })
}

/// The reward of the answer at a place; NaN is none.
fn score(event: &StepEvent, place: usize) -> Option<f64> {
    let rewards = event.rewards.as_ref()?;
    rewards.get(place).copied().filter(|reward| reward.is_finite())
}

fn best_score(event: &StepEvent) -> Option<f64> {
    (0..event.uids.len())
        .filter_map(|place| score(event, place))
        .reduce(f64::max)
}

fn earned(event: &StepEvent) -> bool {
    // Without recorded rewards nothing is known against it.
    !event.best.is_empty() && (event.rewards.is_none() || best_score(event).is_some_and(|score| score > 0.0))
}

fn scores(event: &StepEvent) -> Value {
    let answer = |(place, uid): (usize, &u16)| json!({"uid": uid, "completion": event.completions.get(place), "score": score(event, place)});
    let answers: Vec<Value> = event.uids.iter().enumerate().map(answer).collect();
    json!({"prompt": event.prompt, "best": event.best, "score": best_score(event), "answers": answers})
}

fn csv(event: &StepEvent) -> String {
    let mut text = String::new();
    let best = event
        .completions
        .iter()
        .position(|completion| completion.trim() == event.best);
    for (place, uid) in event.uids.iter().enumerate() {
        let cell = |cells: &[String]| quoted(cells.get(place).map_or("", String::as_str));
        let cells = [
            event.block.to_string(),
            quoted(&event.name),
            uid.to_string(),
            cell(&event.hotkeys),
            cell(&event.completion_status_codes),
            event
                .completion_times
                .get(place)
                .map(f64::to_string)
                .unwrap_or_default(),
            score(event, place).map(|score| score.to_string()).unwrap_or_default(),
            u8::from(best == Some(place)).to_string(),
            cell(&event.completions),
            quoted(&event.prompt),
        ];
        text += &cells.join(",");
        text += "\r\n";
    }
    text
}

/// In quotation marks where it must be. A text that a spreadsheet would take for a formula gets a mark in front: what miners
/// write ends up in these cells.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    match guard.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        true => text.to_owned(),
        false => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FILE;

    fn event(name: &str, best: &str, rewards: &[f64]) -> StepEvent {
        let completions = vec![
            " a, \"quoted\"\nline ".to_owned(),
            "=cmd()".to_owned(),
            format!(" {best} "),
        ];
        StepEvent {
            name: name.into(),
            prompt: format!("about {name}"),
            uids: vec![1, 2, 3],
            completions,
            rewards: Some(rewards.to_vec()),
            best: best.into(),
            block: 5,
            ..StepEvent::default()
        }
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let line = |event: &StepEvent| format!("{}\n", Value::Object(event.fields()));
        let first = "{\"header\":{\"tags\":[\"netuid_1\",\"mock\"],\"started\":1700000000}}\n".to_owned()
            + &line(&event("augment", "good one", &[0.1, 0.0, 0.5]))
            + &line(&event("answer0", "As an AI", &[0.1, f64::NAN, 0.5]))
            + "{\"name\":\"forward\",\"steps\":2}\n{\"torn";
        let second =
            "{\"header\":{\"tags\":[\"netuid_2\"]}}\n".to_owned() + &line(&event("answer1", "nothing", &[0.0; 3]));
        std::fs::write(folder.path().join("events.1.jsonl"), first).unwrap();
        std::fs::write(folder.path().join(FILE), second).unwrap();
        folder
    }

    fn run(format: Format, filter: &Filter) -> (String, Counts) {
        let folder = folder();
        let mut out = Vec::new();
        let counts = export(folder.path(), format, filter, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), counts)
    }

    #[test]
    fn best_answers_and_scores_are_json() {
        let (text, counts) = run(Format::Best, &Filter::default());
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[0], json!({"prompt": "about augment", "best": "good one"}));
        assert_eq!(
            (rows.len(), counts.written, counts.left_out, counts.damaged),
            (3, 3, 0, 1)
        );
        let (text, _) = run(Format::Scores, &Filter::default());
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[1]["score"], json!(0.5));
        assert_eq!(
            rows[1]["answers"][1],
            json!({"uid": 2, "completion": "=cmd()", "score": null})
        );
    }

    #[test]
    fn filters_look_at_tags_phrases_and_tasks() {
        let by = |tags: &[&str], without: &[&str], task: Option<&str>| {
            let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let filter = Filter {
                tags: own(tags),
                without: own(without),
                task: task.map(str::to_owned),
            };
            run(Format::Best, &filter).1.written
        };
        assert_eq!(by(&["mock"], &[], None), 2);
        assert_eq!(by(&["mock", "netuid_2"], &[], None), 0);
        assert_eq!(by(&[], &["as an ai", ""], None), 2);
        assert_eq!(by(&[], &[], Some("answer")), 2);
        assert_eq!(
            run(
                Format::Best,
                &Filter {
                    tags: vec!["none".into()],
                    ..Filter::default()
                }
            )
            .0,
            "[\n]\n"
        );
    }

    #[test]
    fn training_data_has_only_what_earned_something() {
        let (text, counts) = run(Format::FineTuning, &Filter::default());
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows[0], json!({"prompt": "about augment", "completion": "good one"}));
        assert_eq!((rows.len(), counts.written, counts.left_out), (2, 2, 1));
    }

    #[test]
    fn tables_quote_what_must_be_quoted_and_defuse_formulas() {
        let (text, _) = run(Format::Csv, &Filter::default());
        let first = "block,name,uid,hotkey,status,seconds,score,best,completion,prompt\r\n\
                     5,augment,1,,,,0.1,0,\" a, \"\"quoted\"\"\nline \",about augment\r\n\
                     5,augment,2,,,,0,0,\"'=cmd()\",about augment\r\n\
                     5,augment,3,,,,0.5,1, good one ,about augment\r\n";
        assert!(text.starts_with(first), "{text}");
        assert_eq!(text.matches("\r\n").count(), 10);
    }

    #[test]
    fn each_header_becomes_a_wandb_run() {
        let folder = folder();
        let config = WandbConfig {
            folder: folder.path().to_owned(),
            project: "p".into(),
            entity: String::new(),
            notes: String::new(),
        };
        let (runs, counts) = export_wandb(folder.path(), &Filter::default(), &config).unwrap();
        assert_eq!((runs.len(), counts.written), (2, 3));
        assert!(
            runs[0].to_str().unwrap().contains("offline-run-20231114_221320-"),
            "{runs:?}"
        );
        assert!(runs.iter().all(|run| run.is_dir()));
    }
}
