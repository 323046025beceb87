//! Many forward passes past a crowd of miners that answer well, badly, late, with garbage, with hostile bytes and not at
//! all, over real sockets. The short form is among the tests; the long one is `scripts/crowd`.

pub mod judges;
mod miners;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axoneme_chain::Metagraph;
use axoneme_dendrite::{Dendrite, DendriteConfig};
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness, StateStore};
use axoneme_wallet::Keypair;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use validator::ValidatorStats;
use validator::book::{Book, Scale, ScoreRule};
use validator::config::DatasetSection;
use validator::dataset;
use validator::events::{FILE, Recorder};
use validator::forward::ForwardConfig;
use validator::passes::{PassSettings, Passes};
use validator::scores::Unasked;
use validator::step::{PromptRun, StepConfig};

use crate::support::{hotkey, metagraph};
use judges::Words;
use miners::{Manner, Miner};

struct Form {
    miners: usize,
    passes: u64,
    asked: usize,
    rounds: u32,
    concurrent: usize,
    timeout: Duration,
    alpha: f64,
}

struct Report {
    tau: f64,
    steps: u64,
    answers: usize,
    seconds: f64,
    /// Memory in use after each quarter, MB.
    resident: Vec<u64>,
    scores: Vec<(Manner, f64)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_ranked_by_quality_and_no_step_is_lost() {
    let form = Form {
        miners: 16,
        passes: 24,
        asked: 12,
        rounds: 1,
        concurrent: 4,
        timeout: Duration::from_millis(900),
        alpha: 0.1,
    };
    let report = run(form).await;
    // Few passes tell neighbours apart badly; that the order is right on the whole shows already.
    assert!(report.tau >= 0.75, "tau {}: {:?}", report.tau, report.scores);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; scripts/crowd runs it"]
async fn five_hundred_forwards_past_sixty_four_miners() {
    let form = Form {
        miners: 64,
        passes: 500,
        asked: 50,
        rounds: 1,
        concurrent: 4,
        timeout: Duration::from_millis(900),
        alpha: 0.02,
    };
    let report = run(form).await;
    for (manner, score) in &report.scores {
        println!("{score:.4}  {manner:?}");
    }
    println!(
        "500 forward passes, {} prompt runs, {} answers in {:.0} s; Kendall tau {:.4}; resident after each quarter {:?} MB",
        report.steps, report.answers, report.seconds, report.tau, report.resident
    );
    assert!(report.tau >= 0.9, "tau {}", report.tau);
    let (middle, end) = (report.resident[1], report.resident[3]);
    assert!(end <= middle + 32, "memory grows: {:?} MB", report.resident);
}

async fn run(form: Form) -> Report {
    let late = form.timeout * 2;
    let mut crowd = Vec::new();
    for (uid, manner) in (0..).zip(Manner::crowd(form.miners)) {
        crowd.push(Miner::start(uid, manner, late).await);
    }
    let graph = metagraph(crowd.iter().map(|miner| miner.neuron.clone()).collect());
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let (_sender, metagraph) = watch::channel(Arc::new(graph.clone()));
    let (_blocks, blocks) = watch::channel(1);
    let events = Arc::new(Recorder::open(folder.path(), u64::MAX, Value::Null));
    let transport = DendriteConfig {
        allow_private: true,
        answer_bytes: 256 << 10,
        ..DendriteConfig::default()
    };
    let key = Arc::new(Keypair::from_seed([200; 32]));
    let step = PromptRun {
        ask: Arc::new(Dendrite::new(key, transport).unwrap()),
        metagraph,
        tls_keys: validator::tls_keys::none(),
        blocks,
        own: hotkey(999),
        pipeline: Arc::new(tokio::sync::Mutex::new(judges::pipeline(learnt().await))),
        gating: None,
        book: book.clone(),
        events: events.clone(),
        config: StepConfig {
            vpermit_tao_limit: 4096,
            rule: ScoreRule {
                alpha: form.alpha,
                unasked: Unasked::Keep,
                scale: Scale::Rewards,
            },
            scoring_timeout: Duration::from_secs(60),
            log_rewards: true,
        },
    };
    let resident = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let (counted, measured, passes) = (book.clone(), resident.clone(), form.passes);
    let started = Instant::now();
    let passes = Arc::new(Passes {
        step,
        dataset: dataset::open(&DatasetSection::default(), 1, None).unwrap(),
        seed: 1,
        book: book.clone(),
        events,
        readiness: Readiness::waiting_for(&["forward"]),
        // Asked before each round of passes: this is how the run ends after the right number of them.
        registered: Box::new(move || {
            let done = counted.state().forwards;
            let mut measured = measured.lock();
            while measured.len() < 4 && done >= passes * (measured.len() as u64 + 1) / 4 {
                measured.push(resident_megabytes());
            }
            if done >= passes {
                Err(Failure::message(ExitCode::Failure, "all done"))
            } else {
                Ok(())
            }
        }),
        settings: PassSettings {
            forward: ForwardConfig {
                rounds: form.rounds,
                followup_sample_size: form.asked,
                followup_timeout: form.timeout,
                answer_sample_size: form.asked,
                answer_timeout: form.timeout,
            },
            concurrent: form.concurrent,
            max_words: 150,
        },
    });
    let mut duties = Duties::new(CancellationToken::new());
    let duty = passes.clone();
    duties.spawn("forward", Duration::from_secs(600), move |heart, cancel| {
        duty.clone().run(heart, cancel)
    });
    assert_eq!(
        duties.run(Duration::from_secs(5)).await.unwrap_err().to_string(),
        "all done"
    );
    let seconds = started.elapsed().as_secs_f64();

    let state = book.state();
    assert_eq!(state.forwards, form.passes);
    let answers = every_step_is_there(&folder.path().join(FILE), &form, state.steps);
    let scores = state.scores_of(graph.neurons.iter().map(|neuron| &neuron.hotkey));
    assert!(scores.iter().all(|score| score.is_finite()));
    let scores: Vec<(Manner, f64)> = crowd.iter().map(|miner| miner.manner).zip(scores).collect();
    what_is_on_disk_is_what_is_in_memory(&graph, book, folder.path());
    let resident = resident.lock().clone();
    Report {
        tau: kendall(&scores),
        steps: state.steps,
        answers,
        seconds,
        resident,
        scores,
    }
}

async fn learnt() -> Words {
    let articles = dataset::open(&DatasetSection::default(), 2, None).unwrap();
    let mut texts = BTreeSet::new();
    for _ in 0..200 {
        texts.insert(articles.next().await.unwrap());
    }
    Words::learn(&texts.into_iter().collect::<Vec<_>>())
}

/// Every pass finished with every run, every run has its record, and no record holds a number that is not one where
/// rewards and scores are. Returns the number of answers asked for.
fn every_step_is_there(path: &std::path::Path, form: &Form, steps: u64) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut seen, mut passes, mut answers) = (BTreeSet::new(), BTreeSet::new(), 0);
    let (mut done, mut cut_short) = (0, 0);
    for event in &events {
        if event["name"] == "forward" {
            done += event["steps"].as_u64().unwrap();
            // Nothing is built on a completion that earned nothing, and now and then none does.
            let short = event["steps"].as_u64().unwrap() < u64::from(1 + 2 * form.rounds);
            cut_short += u64::from(short);
            assert!(short || event["ended"] == "finished", "{event}");
            assert!(!event["ended"].as_str().unwrap().contains("judged"), "{event}");
            passes.insert(event["forward"].as_u64().unwrap());
        } else if let Some(step) = event["step"].as_u64() {
            assert!(seen.insert(step), "step {step} is there twice");
            for field in ["rewards", "scores"] {
                let values = event[field].as_array().unwrap();
                assert_eq!(values.len(), form.asked.min(form.miners));
                assert!(
                    values.iter().all(|value| value.as_f64().is_some_and(f64::is_finite)),
                    "{field}"
                );
            }
            answers += form.asked.min(form.miners);
        }
    }
    assert!(
        seen.iter().copied().eq(1..=steps),
        "{} of {steps} steps have a record",
        seen.len()
    );
    assert!(passes.iter().copied().eq(0..form.passes));
    assert_eq!(done, steps, "every run of every pass is there");
    assert!(cut_short * 10 <= form.passes, "{cut_short} passes were cut short");
    answers
}

fn what_is_on_disk_is_what_is_in_memory(graph: &Metagraph, book: Book, folder: &std::path::Path) {
    let before = book.state();
    book.save_now().unwrap();
    drop(book);
    let path = folder.join("copy");
    std::fs::create_dir(&path).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), path.join(entry.file_name())).unwrap();
        }
    }
    let store = StateStore::open(path.join("state.json")).unwrap();
    let opened = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let hotkeys: Vec<_> = graph.neurons.iter().map(|neuron| neuron.hotkey).collect();
    assert_eq!(opened.state().scores_of(&hotkeys), before.scores_of(&hotkeys));
    assert_eq!(opened.state().pipeline, before.pipeline);
}

/// Kendall's tau over all pairs of miners whose worth differs.
fn kendall(scores: &[(Manner, f64)]) -> f64 {
    let (mut agree, mut differ) = (0.0, 0.0);
    for (index, (manner, score)) in scores.iter().enumerate() {
        for (other, other_score) in &scores[index + 1..] {
            let worth = manner.worth().total_cmp(&other.worth());
            if worth.is_ne() {
                match worth == score.total_cmp(other_score) {
                    true => agree += 1.0,
                    false => differ += 1.0,
                }
            }
        }
    }
    (agree - differ) / (agree + differ)
}

fn resident_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
