//! SIGKILL at random moments, and what is on disk afterwards. The short form is among the tests; `scripts/kill-loop` runs
//! the long one.
//!
//! A child process runs prompt runs as fast as it can, each a function of its number alone, and says when one is
//! finished. The parent kills it, opens what it left behind, and compares everything that is remembered with what an
//! undisturbed process remembers after as many runs, byte for byte.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axoneme_dendrite::AxonTarget;
use axoneme_neuron::StateStore;
use axoneme_protocol::Prompting;
use axoneme_reward::Task;
use rand::Rng;
use serde_json::Value;
use tokio::sync::watch;
use validator::ValidatorStats;
use validator::ask::{Ask, Reply};
use validator::book::{Book, Scale, ScoreRule};
use validator::events::{FILE, Recorder};
use validator::recall::{recall, whole_memories};
use validator::scores::Unasked;
use validator::step::{PromptRun, QueryStep, StepConfig};

use crate::crowd::judges::{self, Words};
use crate::support::{hotkey, metagraph, neuron, rng};

const FOLDER: &str = "AXONEME_KILL_LOOP_FOLDER";
const MINERS: u16 = 6;
/// Small, so that whole memories are written every few runs.
const JOURNAL_BYTES: u64 = 6000;

/// Answers made of the number of the run and the uid.
struct Scripted {
    run: AtomicU64,
}

#[async_trait]
impl Ask for Scripted {
    async fn ask(&self, targets: &[AxonTarget], _: &Prompting, _: Duration) -> Vec<Reply> {
        let run = self.run.load(Ordering::SeqCst);
        let reply = |target: &AxonTarget| {
            let uid = u64::from(target.port - 8000);
            let mut rng = rng(run * 1000 + uid);
            let word =
                |_| ["salt", "river", "the", "moon", "of", "glass", "tea", "slow", "bridge"][rng.random_range(0..9)];
            let completion: Vec<&str> = (0..20).map(word).collect();
            Reply {
                status: if (run + uid).is_multiple_of(5) { 408 } else { 200 },
                message: String::new(),
                completion: completion.join(" "),
                process_time: None,
            }
        };
        targets.iter().map(reply).collect()
    }
}

struct Work {
    run: PromptRun,
    miners: Arc<Scripted>,
    _senders: (watch::Sender<Arc<axoneme_chain::Metagraph>>, watch::Sender<u64>),
}

fn open(folder: &Path) -> Work {
    let store = StateStore::open(folder.join("state.json")).unwrap();
    let stats = watch::Sender::new(ValidatorStats::default());
    let book = Book::open_with_journal(store, "genesis", stats, JOURNAL_BYTES).unwrap();
    let texts = ["The salt of the slow river. Glass and tea on the bridge of the moon.".to_owned()];
    let mut pipeline = judges::pipeline(Words::learn(&texts));
    recall(&book, &mut pipeline, None);
    let graph = metagraph((0..MINERS).map(|uid| neuron(uid, true, false, 0)).collect());
    let (metagraphs, metagraph) = watch::channel(Arc::new(graph));
    let (heads, blocks) = watch::channel(1);
    let miners = Arc::new(Scripted { run: AtomicU64::new(0) });
    let run = PromptRun {
        ask: miners.clone(),
        metagraph,
        tls_keys: validator::tls_keys::none(),
        blocks,
        own: hotkey(999),
        pipeline: Arc::new(tokio::sync::Mutex::new(pipeline)),
        gating: None,
        book,
        events: Arc::new(Recorder::open(folder, u64::MAX, Value::Null)),
        config: StepConfig {
            vpermit_tao_limit: 4096,
            rule: ScoreRule {
                alpha: 0.1,
                unasked: Unasked::Keep,
                scale: Scale::Rewards,
            },
            scoring_timeout: Duration::from_secs(60),
            log_rewards: true,
        },
    };
    Work {
        run,
        miners,
        _senders: (metagraphs, heads),
    }
}

impl Work {
    /// The next run; which one that is, is all it depends on.
    async fn step(&self) -> u64 {
        let number = self.run.book.state().steps;
        self.miners.run.store(number, Ordering::SeqCst);
        if number % 7 == 3 {
            self.run
                .book
                .record_weights(number, &[(hotkey((number % 6) as u16), 1.0)]);
        }
        let task = Task::new(
            format!("answer{}", number % 4),
            format!("glass and tea {number}"),
            vec![],
        );
        let (nobody, mut rng) = (BTreeSet::new(), rng(number));
        let done = self
            .run
            .run(&task, 4, Duration::from_secs(1), &nobody, &mut rng)
            .await
            .unwrap();
        assert!(done.is_some());
        number + 1
    }

    /// Everything that is remembered, but not in which files.
    async fn fingerprint(&self) -> (u64, Vec<u8>) {
        let mut state = self.run.book.state();
        state.memory = Default::default();
        let mut bytes = serde_json::to_vec(&state).unwrap();
        for piece in whole_memories(&mut *self.run.pipeline.lock().await, None) {
            bytes.extend(piece.name.as_bytes());
            bytes.extend(piece.bytes);
        }
        (state.steps, bytes)
    }
}

/// The child: runs until it is killed.
#[tokio::test]
#[ignore = "the kill loop starts it as a process of its own"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let work = open(Path::new(&folder));
    let mut out = std::io::stdout();
    loop {
        let done = work.step().await;
        writeln!(out, "finished {done}").and_then(|()| out.flush()).unwrap();
    }
}

#[tokio::test]
async fn nothing_that_was_finished_is_lost_when_the_process_is_killed() {
    let report = kill_again_and_again(12).await;
    assert!(report.steps > 0, "{report:?}");
}

#[tokio::test]
#[ignore = "takes minutes; scripts/kill-loop runs it"]
async fn nothing_that_was_finished_is_lost_in_a_thousand_kills() {
    let kills = std::env::var("AXONEME_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    let report = kill_again_and_again(kills).await;
    println!("{report:#?}");
    assert!(report.steps > kills as u64, "{report:?}");
}

#[derive(Debug, Default)]
#[allow(dead_code, reason = "printed")]
struct Report {
    kills: usize,
    /// Prompt runs on disk at the end.
    steps: u64,
    /// Kills after which the state was one run ahead of what the child had said.
    saved_but_not_said: usize,
    /// Kills that left half a state file.
    temporary_files: usize,
    /// Kills that left additions the state file did not name.
    unnamed_additions: usize,
    /// Kills that left a generation of memories the state file did not name, or no longer named.
    other_generations: usize,
    /// Kills that left half a line of the event file.
    torn_events: usize,
    /// Runs that were saved but killed before their record was written.
    runs_without_record: u64,
    seconds: f64,
}

async fn kill_again_and_again(kills: usize) -> Report {
    let (folder, reference) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let undisturbed = open(reference.path());
    let mut expected = vec![undisturbed.fingerprint().await.1];
    let mut report = Report {
        kills,
        ..Report::default()
    };
    let (mut draw, started) = (rng(0x51647), Instant::now());
    let (mut records, mut read_to) = (BTreeSet::new(), 0);
    for kill in 0..kills {
        let wait = Duration::from_micros(draw.random_range(0..40_000));
        let finished = run_and_kill(folder.path(), wait);
        look_at_leftovers(folder.path(), &mut report);

        let work = open(folder.path());
        let (steps, found) = work.fingerprint().await;
        drop(work);
        assert!(
            steps >= finished,
            "kill {kill}: run {finished} was finished and {steps} runs are on disk"
        );
        assert!(
            steps >= report.steps,
            "kill {kill}: {} runs were on disk and {steps} are",
            report.steps
        );
        report.saved_but_not_said += usize::from(steps > finished.max(report.steps));
        while expected.len() <= steps as usize {
            undisturbed.step().await;
            expected.push(undisturbed.fingerprint().await.1);
        }
        assert!(
            found == expected[steps as usize],
            "kill {kill}: after {steps} runs other things are remembered"
        );
        report.steps = steps;

        let (new, torn) = new_records(&folder.path().join(FILE), &mut read_to);
        report.torn_events += torn;
        for step in new {
            assert!(records.insert(step), "kill {kill}: two records of run {step}");
        }
        assert!(
            finished == 0 || records.contains(&finished),
            "kill {kill}: no record of run {finished}"
        );
    }
    report.runs_without_record = report.steps - records.len() as u64;
    assert!(report.runs_without_record <= kills as u64);
    report.seconds = started.elapsed().as_secs_f64();
    report
}

/// Starts the child, kills it `wait` after it said its first word, or after a while without one, and returns the last run it
/// said was finished.
fn run_and_kill(folder: &Path, wait: Duration) -> u64 {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill_loop::child",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let (said, hears) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut last = 0;
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The test harness may have begun the line.
            if let Some((_, number)) = line.rsplit_once("finished ") {
                last = number.parse().unwrap_or(last);
                let _ = said.send(());
            }
        }
        last
    });
    // One in eight is killed at a moment of its start instead.
    if !wait.as_micros().is_multiple_of(8) {
        let _ = hears.recv_timeout(Duration::from_secs(20));
    }
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// What the kill cut short.
fn look_at_leftovers(folder: &Path, report: &mut Report) {
    let Ok(text) = std::fs::read(folder.join("state.json")) else {
        return;
    };
    let state: Value = serde_json::from_slice(&text).expect("the state file opens");
    let memory = &state["data"]["memory"];
    let (generation, journal) = (
        memory["generation"].as_u64().unwrap(),
        memory["journal"].as_u64().unwrap(),
    );
    let mut others = false;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        report.temporary_files += usize::from(name.starts_with(".state-"));
        let numbered = name.strip_prefix("memory-").or_else(|| name.strip_prefix("journal-"));
        let number: Option<u64> = numbered.and_then(|rest| rest.strip_suffix(".bin")?.parse().ok());
        others |= number.is_some_and(|number| number != generation);
        if name == format!("journal-{generation}.bin") {
            report.unnamed_additions += usize::from(entry.metadata().unwrap().len() > journal);
        }
    }
    report.other_generations += usize::from(others);
}

/// The runs recorded since the last look, and how many lines are torn.
fn new_records(path: &Path, read_to: &mut u64) -> (Vec<u64>, usize) {
    let Ok(mut file) = std::fs::File::open(path) else {
        return (Vec::new(), 0);
    };
    file.seek(SeekFrom::Start(*read_to)).unwrap();
    let mut text = Vec::new();
    file.read_to_end(&mut text).unwrap();
    *read_to += text.len() as u64;
    let (mut steps, mut torn) = (Vec::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<Value>(line) {
            Ok(event) => steps.extend(event["step"].as_u64()),
            Err(_) => torn += 1,
        }
    }
    (steps, torn)
}
