//! The gating model's head beside the wandb run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axoneme_gating::{GatingConfig, GatingHead};
use axoneme_neuron::Duties;
use serde_json::Map;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use validator::ValidatorConfig;
use validator::checkpoints::{FILE, GatingTracker};
use validator::events::{RunFacts, recorder};

use crate::core_world::{fresh_gating, network};
use crate::support::hotkey;

fn config() -> ValidatorConfig {
    let mut config = ValidatorConfig::default();
    config.wandb.offline = true;
    config.wandb.track_gating_model = true;
    config.neuron.checkpoint_block_length = 10;
    config
}

fn facts() -> RunFacts {
    RunFacts {
        hotkey: hotkey(1),
        netuid: 1,
        seed: 3,
        version_key: 1,
        judges: Vec::new(),
    }
}

/// The files of that name in the runs below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let runs = std::fs::read_dir(folder.join("wandb")).into_iter().flatten();
    let file = |run: std::io::Result<std::fs::DirEntry>| run.unwrap().path().join("files").join(FILE);
    runs.map(file).filter(|path| path.exists()).collect()
}

/// The numbers in a head; the order of its file's header is not always the same.
fn numbers(bytes: &[u8]) -> (Vec<f32>, Vec<f32>) {
    let head = GatingHead::from_bytes(bytes, GatingConfig::default()).unwrap();
    assert_eq!((head.len(), head.hidden()), (3, 8));
    (head.weight().to_vec(), head.bias().to_vec())
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 30 s: {what}");
}

#[tokio::test]
async fn each_checkpoint_puts_the_head_as_it_is_then_into_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    let events = Arc::new(recorder(&config, folder.path(), facts(), Map::new));
    let gating = fresh_gating().await;
    gating.follow(&network(&[0, 1, 2]));
    let tracker = GatingTracker::new(&config, Some(&gating), &events).unwrap();
    let (heads, blocks) = watch::channel(7);
    let cancel = CancellationToken::new();
    let mut duties = Duties::new(cancel.clone());
    tracker.keep_saved(&mut duties, &blocks);
    tokio::task::yield_now().await;
    heads.send_replace(9);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(files(folder.path()).len(), 0, "no checkpoint was due");

    heads.send_replace(11);
    wait_until("a first head", || files(folder.path()).len() == 1).await;
    let path = files(folder.path()).remove(0);
    let saved = || numbers(&std::fs::read(&path).unwrap());
    let now = || numbers(&gating.head().unwrap());
    let first = now();
    assert_eq!(saved(), first);
    gating.train(&[0, 2], &[0.5; 8], &[1.0, 0.0]).unwrap();
    heads.send_replace(31);
    assert_ne!(now(), first);
    wait_until("the trained head", || saved() == now()).await;

    cancel.cancel();
    duties.run(Duration::from_secs(5)).await.unwrap();
    // What was learnt since the last checkpoint is in it at the end.
    gating.train(&[0, 2], &[0.5; 8], &[0.0, 1.0]).unwrap();
    tracker.save();
    events.finish();
    assert_eq!(saved(), now());
    assert_eq!(files(folder.path()), std::slice::from_ref(&path));
    let run = path.parent().unwrap().parent().unwrap();
    let logs: Vec<PathBuf> = std::fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wandb"))
        .collect();
    let [log] = &logs[..] else { panic!("{logs:?}") };
    let log = std::fs::read(log).unwrap();
    assert!(
        String::from_utf8_lossy(&log).contains(FILE),
        "the run's log names the file"
    );
}

#[tokio::test]
async fn nothing_is_tracked_unless_it_is_asked_for_and_runs_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let gating = fresh_gating().await;
    let tracked = |change: &dyn Fn(&mut ValidatorConfig)| {
        let mut config = config();
        change(&mut config);
        let events = Arc::new(recorder(&config, folder.path(), facts(), Map::new));
        GatingTracker::new(&config, Some(&gating), &events).is_some()
    };
    assert!(tracked(&|_| ()));
    assert!(!tracked(&|config| config.wandb.track_gating_model = false));
    assert!(!tracked(&|config| config.wandb.offline = false));
    assert!(!tracked(&|config| config.wandb.off = true));
    assert!(!tracked(&|config| config.neuron.dont_save_events = true));
    let events = Arc::new(recorder(&config(), folder.path(), facts(), Map::new));
    assert!(GatingTracker::new(&config(), None, &events).is_none());
}
