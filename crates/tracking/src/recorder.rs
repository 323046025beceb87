//! Appending events to files.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::housekeeping::Housekeeping;
use crate::reader::rolled;
use crate::wandb::{WandbConfig, WandbRun, now};
use crate::{FILE, StepEvent, TrackingError};

/// What a [`Recorder`] writes and where.
pub struct RecorderConfig {
    /// Where [`FILE`] is written.
    pub folder: PathBuf,
    /// Size at which a file is rolled, bytes.
    pub limit: u64,
    /// Prompt runs after which a file is rolled and a new wandb run begins; 0 rolls by size only.
    pub run_steps: u64,
    /// Rolled files that are kept; the oldest beyond them are removed.
    pub keep_files: usize,
    /// Whether rolled files are packed with zstd.
    pub pack: bool,
    /// Whether a Parquet file is written beside each rolled one.
    pub parquet: bool,
    /// Whether and how wandb runs are written.
    pub wandb: Option<WandbConfig>,
    /// The first line of each file; asked whenever one is begun.
    pub header: Box<dyn Fn() -> Map<String, Value> + Send + Sync>,
}

impl RecorderConfig {
    /// Files in `folder`, with the network's own limits: 2 GB or 1,500 runs each.
    pub fn new(folder: &Path, header: impl Fn() -> Map<String, Value> + Send + Sync + 'static) -> Self {
        Self {
            folder: folder.to_owned(),
            limit: 2_000_000_000,
            run_steps: 1500,
            keep_files: 20,
            pack: false,
            parquet: false,
            wandb: None,
            header: Box::new(header),
        }
    }
}

/// Appends events to a file and rolls it. A failure to write is logged and counted, never passed on: a full disk must not
/// stop the judging.
pub struct Recorder {
    sink: Option<Mutex<Sink>>,
}

struct Sink {
    config: RecorderConfig,
    path: PathBuf,
    file: Option<File>,
    written: u64,
    /// Prompt runs since the newest header.
    steps: u64,
    housekeeping: Housekeeping,
    wandb: Option<WandbRun>,
    failures: u64,
}

impl Recorder {
    /// Writes to [`FILE`] in `folder` and rolls it by size, bytes; an object is the header of each file.
    pub fn open(folder: &Path, limit: u64, header: Value) -> Self {
        let header = match header {
            Value::Object(header) => header,
            _ => Map::new(),
        };
        Self::start(RecorderConfig {
            limit,
            run_steps: 0,
            ..RecorderConfig::new(folder, move || header.clone())
        })
    }

    /// Writes as configured. Nothing is opened before the first event.
    pub fn start(config: RecorderConfig) -> Self {
        let housekeeping = Housekeeping::new(config.pack, config.parquet);
        let sink = Sink {
            path: config.folder.join(FILE),
            config,
            file: None,
            written: 0,
            steps: 0,
            housekeeping,
            wandb: None,
            failures: 0,
        };
        Self {
            sink: Some(Mutex::new(sink)),
        }
    }

    /// Writes nothing.
    pub fn off() -> Self {
        Self { sink: None }
    }

    /// Appends a prompt run.
    pub fn write_step(&self, event: &StepEvent) {
        self.with_sink(|sink| sink.step(event));
    }

    /// Appends a line. One with `uids` is a prompt run and gets what it lacks: columns that are null, and the time. One of
    /// another kind should have a `name`; it becomes a row of the wandb run too, unless it is called `forward`. One with a `step`
    /// counts as a prompt run where those are counted.
    pub fn write(&self, fields: &Map<String, Value>) {
        if !fields.contains_key("uids") {
            return self.with_sink(|sink| sink.other(fields));
        }
        match StepEvent::from_fields(fields.clone()) {
            Ok(mut event) => {
                event.time.get_or_insert_with(now);
                self.write_step(&event);
            }
            // A defect, but no reason to lose the record.
            Err(error) => self.with_sink(|sink| sink.append(fields).and(Err(error))),
        }
    }

    /// Puts a file beside the wandb run, such as the gating model; without such runs nothing happens.
    pub fn save_file(&self, name: &str, bytes: &[u8]) {
        self.with_sink(|sink| {
            if sink.wandb.is_none() {
                sink.begin_wandb();
            }
            if let Some(run) = &mut sink.wandb {
                run.save_file(name, bytes)?;
            }
            Ok(())
        });
    }

    /// Ends the wandb run and waits until rolled files are packed. Later events begin anew.
    pub fn finish(&self) {
        self.with_sink(|sink| {
            sink.end_wandb(0);
            sink.file = None;
            sink.housekeeping.finish();
            Ok(())
        });
    }

    /// Events that could not be written since the start.
    pub fn failures(&self) -> u64 {
        self.sink.as_ref().map_or(0, |sink| sink.lock().failures)
    }

    fn with_sink(&self, write: impl FnOnce(&mut Sink) -> Result<(), TrackingError>) {
        let Some(sink) = &self.sink else { return };
        let mut sink = sink.lock();
        if let Err(error) = write(&mut sink) {
            sink.failed(&error);
            // Whatever is wrong with the open file, the next event starts over.
            sink.file = None;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(sink) = &self.sink {
            sink.lock().end_wandb(0);
        }
    }
}

impl Sink {
    fn failed(&mut self, error: &TrackingError) {
        self.failures += 1;
        metrics::counter!("validator_event_errors_total").increment(1);
        let cause = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::warn!("an event record, or a copy of one, is lost: {error}: {cause}");
    }

    /// Begins a new file and a new wandb run where this one has enough prompt runs.
    fn roll_if_full(&mut self) {
        if self.config.run_steps > 0 && self.steps >= self.config.run_steps {
            self.end_wandb(0);
            self.roll();
        }
    }

    fn step(&mut self, event: &StepEvent) -> Result<(), TrackingError> {
        self.roll_if_full();
        let written = self.append(&event.fields());
        self.steps += 1;
        self.log(|run| run.log(event));
        written
    }

    fn other(&mut self, fields: &Map<String, Value>) -> Result<(), TrackingError> {
        let is_step = fields.contains_key("step");
        if is_step {
            self.roll_if_full();
        }
        let written = self.append(fields);
        self.steps += u64::from(is_step);
        if fields.get("name").is_some_and(|name| name != "forward") {
            self.log(|run| run.log_fields(fields));
        }
        written
    }

    /// Writes a row of the wandb run, where such runs are wanted.
    fn log(&mut self, row: impl FnOnce(&mut WandbRun) -> Result<(), TrackingError>) {
        if self.config.wandb.is_some() && self.wandb.is_none() {
            self.begin_wandb();
        }
        if let Some(Err(error)) = self.wandb.as_mut().map(row) {
            self.failed(&error);
            // Half a record may be in the file; whatever follows would not be read.
            self.wandb = None;
        }
    }

    fn append(&mut self, fields: &Map<String, Value>) -> Result<(), TrackingError> {
        if self.file.is_some() && self.written > self.config.limit {
            self.roll();
        }
        if self.file.is_none() {
            self.start()?;
        }
        self.line(fields)
    }

    /// Opens the file; a header goes before its first event, also where an older run's events are.
    fn start(&mut self) -> Result<(), TrackingError> {
        let io = || TrackingError::io("append to", &self.path);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(io())?;
        self.written = file.metadata().map_err(io())?.len();
        // A process that was killed may have left half a line; ours must start on a new one.
        let torn = self.written > 0 && !ends_with_newline(&self.path).map_err(io())?;
        self.file = Some(file);
        self.steps = 0;
        if torn {
            self.raw(b"\n")?;
        }
        let header = (self.config.header)();
        self.line(&Map::from_iter([("header".to_owned(), Value::Object(header))]))
    }

    fn line(&mut self, fields: &Map<String, Value>) -> Result<(), TrackingError> {
        let mut line = serde_json::to_vec(fields)
            .map_err(std::io::Error::from)
            .map_err(TrackingError::io("append to", &self.path))?;
        line.push(b'\n');
        self.raw(&line)
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), TrackingError> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes)
                .map_err(TrackingError::io("append to", &self.path))?;
            self.written += bytes.len() as u64;
        }
        Ok(())
    }

    /// Moves the file out of the way. Where that fails, events go on into the old one.
    fn roll(&mut self) {
        self.steps = 0;
        match self.move_away() {
            Ok(()) => self.file = None,
            Err(error) => self.failed(&error),
        }
    }

    fn move_away(&mut self) -> Result<(), TrackingError> {
        if !self.path.exists() {
            return Ok(());
        }
        let older = rolled(&self.config.folder)?;
        let number = older.last().map_or(1, |(number, _)| number.saturating_add(1));
        let target = self.config.folder.join(format!("events.{number}.jsonl"));
        std::fs::rename(&self.path, &target).map_err(TrackingError::io("move away", &self.path))?;
        let all = older.into_iter().chain([(number, target)]).collect();
        self.housekeeping.rolled(all, self.config.keep_files);
        Ok(())
    }

    fn begin_wandb(&mut self) {
        let Some(config) = &self.config.wandb else { return };
        match WandbRun::begin(config, &(self.config.header)()) {
            Ok(run) => self.wandb = Some(run),
            Err(error) => self.failed(&error),
        }
    }

    fn end_wandb(&mut self, exit_code: i32) {
        if let Some(Err(error)) = self.wandb.take().map(|run| run.finish(exit_code)) {
            self.failed(&error);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Record, files, read};
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn event(name: &str) -> Map<String, Value> {
        object(json!({ "name": name }))
    }

    fn step(name: &str) -> StepEvent {
        StepEvent {
            name: name.into(),
            ..StepEvent::default()
        }
    }

    fn config(folder: &Path) -> RecorderConfig {
        RecorderConfig::new(folder, || object(json!({"seed": 1})))
    }

    /// All names of all files, in order, with `#` for a header and `|` between files.
    fn story(folder: &Path) -> String {
        let one = |path: &PathBuf| -> String {
            let word = |record: Record| match record {
                Record::Header(_) => "#".to_owned(),
                Record::Event(fields) => fields["name"].as_str().unwrap().to_owned(),
            };
            read(path)
                .unwrap()
                .map(|record| word(record.unwrap()))
                .collect::<Vec<_>>()
                .join(" ")
        };
        files(folder).unwrap().iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn each_run_writes_a_header_and_starts_on_a_new_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, b"{\"torn\":").unwrap();
        let recorder = Recorder::start(config(folder.path()));
        recorder.write(&event("augment"));
        drop(recorder);
        Recorder::start(config(folder.path())).write(&event("again"));
        assert_eq!(story(folder.path()), "# augment # again");
        assert_eq!(
            read(&path).unwrap().next().unwrap().unwrap(),
            Record::Header(object(json!({"seed": 1})))
        );
    }

    #[test]
    fn a_file_that_grew_too_large_is_rolled_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(RecorderConfig {
            limit: 30,
            keep_files: 2,
            ..config(folder.path())
        });
        for name in ["one", "two", "three", "four", "five"] {
            recorder.write(&event(name));
        }
        recorder.finish();
        assert_eq!(story(folder.path()), "# three | # four | # five");
    }

    #[test]
    fn a_file_is_rolled_after_so_many_prompt_runs_and_other_lines_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(RecorderConfig {
            run_steps: 2,
            ..config(folder.path())
        });
        for name in ["a", "b", "c", "d", "e"] {
            recorder.write_step(&step(name));
            recorder.write(&event("forward"));
        }
        assert_eq!(
            story(folder.path()),
            "# a forward b forward | # c forward d forward | # e forward"
        );
    }

    #[test]
    fn numbered_lines_of_another_kind_count_as_prompt_runs() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(RecorderConfig {
            run_steps: 2,
            ..config(folder.path())
        });
        for step in 1..=3 {
            recorder.write(&object(json!({"name": "core", "step": step})));
            recorder.write(&event("weights"));
        }
        assert_eq!(story(folder.path()), "# core weights core weights | # core weights");
    }

    #[test]
    fn rolled_files_are_packed_and_read_like_others() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(RecorderConfig {
            run_steps: 1,
            keep_files: 2,
            pack: true,
            parquet: true,
            ..config(folder.path())
        });
        for name in ["a", "b", "c", "d"] {
            recorder.write_step(&step(name));
        }
        recorder.finish();
        assert_eq!(story(folder.path()), "# b | # c | # d");
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = [
            "events.2.jsonl.zst",
            "events.2.parquet",
            "events.3.jsonl.zst",
            "events.3.parquet",
            FILE,
        ];
        assert_eq!(names, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_records_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        // Every write to it fails as one to a full disk does.
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let recorder = Recorder::start(config(folder.path()));
        for _ in 0..3 {
            recorder.write_step(&step("lost"));
        }
        assert_eq!(recorder.failures(), 3);
        std::fs::remove_file(&path).unwrap();
        recorder.write_step(&step("kept"));
        assert_eq!((story(folder.path()), recorder.failures()), ("# kept".into(), 3));
    }

    #[test]
    fn a_folder_that_vanishes_costs_records_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("data");
        let recorder = Recorder::start(config(&inner));
        recorder.write(&event("lost"));
        std::fs::create_dir(&inner).unwrap();
        recorder.write(&event("kept"));
        assert_eq!((story(&inner), recorder.failures()), ("# kept".into(), 1));
    }

    #[test]
    fn a_recorder_that_is_off_writes_nothing() {
        let recorder = Recorder::off();
        recorder.write(&event("x"));
        recorder.write_step(&step("x"));
        recorder.finish();
        assert_eq!(recorder.failures(), 0);
    }
}
