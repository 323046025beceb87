//! The forward duty under errors, on paused time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness, StateStore};
use axoneme_reward::Task;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use validator::book::Book;
use validator::config::DatasetSection;
use validator::dataset;
use validator::events::Recorder;
use validator::forward::ForwardConfig;
use validator::passes::{PassSettings, Passes};
use validator::step::{QueryStep, StepOutcome};
use validator::{ValidatorError, ValidatorStats};

/// Fails some runs, finds nobody in some, and then goes well.
struct Shaky {
    runs: AtomicUsize,
    began: Mutex<Vec<Instant>>,
}

#[async_trait]
impl QueryStep for Shaky {
    async fn run(
        &self,
        task: &Task,
        _: usize,
        _: Duration,
        _: &BTreeSet<u16>,
        _: &mut ChaCha8Rng,
    ) -> Result<Option<StepOutcome>, ValidatorError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        if task.name == "augment" {
            self.began.lock().unwrap().push(Instant::now());
        }
        match run {
            0..=2 => Err(ValidatorError::Answers { asked: 2, got: 1 }),
            3..=5 => Ok(None),
            _ => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(Some(StepOutcome {
                    uids: vec![1],
                    best: "good".into(),
                    any_positive: true,
                }))
            }
        }
    }
}

struct Running {
    passes: Arc<Passes<Shaky>>,
    readiness: Readiness,
    registered: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

fn running() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let stats = watch::Sender::new(ValidatorStats::default());
    let readiness = Readiness::waiting_for(&["forward"]);
    let registered = Arc::new(AtomicBool::new(true));
    let still = registered.clone();
    let forward = ForwardConfig {
        rounds: 1,
        followup_sample_size: 1,
        followup_timeout: Duration::from_secs(1),
        answer_sample_size: 1,
        answer_timeout: Duration::from_secs(1),
    };
    let passes = Passes {
        step: Shaky {
            runs: AtomicUsize::new(0),
            began: Mutex::default(),
        },
        dataset: dataset::open(&DatasetSection::default(), 1, None).unwrap(),
        seed: 1,
        book: Book::open(store, "genesis", stats).unwrap(),
        events: Arc::new(Recorder::off()),
        readiness: readiness.clone(),
        registered: Box::new(move || match still.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(Failure::message(ExitCode::NotRegistered, "gone")),
        }),
        settings: PassSettings {
            forward,
            concurrent: 1,
            max_words: 0,
        },
    };
    Running {
        passes: Arc::new(passes),
        readiness,
        registered,
        _folder: folder,
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_isolated_and_followed_by_pauses_that_double_until_a_pass_goes_well() {
    let Running {
        passes,
        readiness,
        _folder,
        ..
    } = running();
    let cancel = CancellationToken::new();
    let mut duties = Duties::new(cancel.clone());
    let duty = passes.clone();
    let long = Duration::from_secs(600);
    duties.spawn("forward", long, move |heart, cancel| duty.clone().run(heart, cancel));
    let ended = tokio::spawn(duties.run(Duration::from_secs(1)));

    tokio::time::sleep(Duration::from_secs(5)).await;
    let reasons = readiness.reasons();
    assert!(reasons[0].contains("1 answers came for 2 miners"), "{reasons:?}");
    tokio::time::sleep(Duration::from_secs(15)).await;
    let reasons = readiness.reasons();
    assert!(reasons[0].contains("no miner can be asked"), "{reasons:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(readiness.is_ready(), "{:?}", readiness.reasons());

    let began = passes.step.began.lock().unwrap().clone();
    let gaps: Vec<u64> = began.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(
        gaps[..8],
        [1, 2, 4, 8, 12, 12, 6, 6],
        "and no pause at all once it goes well"
    );
    assert_eq!(passes.book.state().forwards as usize, began.len());
    cancel.cancel();
    assert!(ended.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lost_registration_ends_the_validator() {
    let Running {
        passes,
        registered,
        _folder,
        ..
    } = running();
    let mut duties = Duties::new(CancellationToken::new());
    let long = Duration::from_secs(600);
    duties.spawn("forward", long, move |heart, cancel| passes.clone().run(heart, cancel));
    let ended = tokio::spawn(duties.run(Duration::from_secs(1)));
    tokio::time::sleep(Duration::from_secs(3)).await;
    registered.store(false, Ordering::SeqCst);
    let failure = ended.await.unwrap().unwrap_err();
    assert_eq!(failure.code, ExitCode::NotRegistered);
}
