use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::{Clock, ManualClock, NonceError, NonceStore, SystemClock};
use axoneme_replay::{FileNonceStore, ReplayError};

use crate::{HORIZON, SECOND, claim, race};

const START: u64 = 1_700_000_000 * SECOND;

/// Opens a store. A child that another test of this process starts holds the lock of a store that was just dropped
/// until it becomes another program, so that a lock is given a moment.
fn open(dir: &Path, clock: &Arc<ManualClock>) -> FileNonceStore {
    for _ in 0..200 {
        match FileNonceStore::open(dir, clock.clone(), HORIZON, 10_000) {
            Err(ReplayError::Locked { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened.expect("opens"),
        }
    }
    panic!("the lock of {} is never given back", dir.display())
}

fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("folder");
    let paths = entries.map(|entry| entry.expect("entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "nonces"))
        .collect()
}

#[tokio::test]
async fn a_restart_forgets_nothing_and_costs_honest_callers_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(START));
    let mut used = Vec::new();
    for _ in 0..5 {
        let store = open(dir.path(), &clock);
        for nonce in &used {
            assert_eq!(claim(&store, *nonce).await, Err(NonceError::Replayed));
        }
        clock.advance(Duration::from_millis(300));
        for nonce in [clock.unix_ns() - SECOND / 10, clock.unix_ns() + SECOND] {
            assert_eq!(claim(&store, nonce).await, Ok(()));
            used.push(nonce);
        }
    }
    assert_eq!(segments(dir.path()).len(), 1, "each start leaves one file");
}

#[tokio::test]
async fn a_new_folder_refuses_what_was_signed_before_it() {
    let dir = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(START));
    let store = open(dir.path(), &clock);
    let refused = claim(&store, START).await;
    assert!(refused.is_err_and(|error| error.is_unavailable()), "{refused:?}");
    assert_eq!(claim(&store, START + 1).await, Ok(()));
}

#[tokio::test]
async fn files_stay_bounded_and_replays_refused_while_time_passes() {
    let dir = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(START));
    let mut store = open(dir.path(), &clock);
    let mut largest = 0;
    for n in 0..60_u64 {
        clock.advance(Duration::from_secs(2));
        let nonce = clock.unix_ns();
        assert_eq!(claim(&store, nonce).await, Ok(()));
        if n % 7 == 0 {
            drop(store);
            store = open(dir.path(), &clock);
        }
        for age in 0..5 {
            let error = claim(&store, nonce - age * 2 * SECOND)
                .await
                .expect_err("used, or before the start");
            assert!(n < age || error == NonceError::Replayed, "{error} {n} {age}");
        }
        let files = segments(dir.path());
        assert!(files.len() <= 2, "{files:?}");
        let bytes: u64 = files.iter().map(|file| file.metadata().expect("file").len()).sum();
        largest = largest.max(bytes);
    }
    assert!(largest < 1000, "{largest} bytes for a handful of nonces");
}

#[tokio::test]
async fn an_unfinished_write_at_the_end_is_dropped() {
    let dir = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(START));
    let store = open(dir.path(), &clock);
    clock.advance(Duration::from_secs(1));
    assert_eq!(claim(&store, clock.unix_ns()).await, Ok(()));
    drop(store);
    let path = segments(dir.path()).remove(0);
    let mut file = std::fs::File::options().append(true).open(&path).expect("segment");
    file.write_all(&[0xAB; 13]).expect("written");
    let store = open(dir.path(), &clock);
    assert_eq!(claim(&store, clock.unix_ns()).await, Err(NonceError::Replayed));
    assert_eq!(claim(&store, clock.unix_ns() + 1).await, Ok(()));
}

#[tokio::test]
async fn two_processes_cannot_use_one_folder() {
    let dir = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(START));
    let store = open(dir.path(), &clock);
    let second = FileNonceStore::open(dir.path(), clock.clone(), HORIZON, 10);
    assert!(matches!(second, Err(ReplayError::Locked { .. })), "{second:?}");
    drop(store);
    drop(open(dir.path(), &clock));
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("a/nonces");
    let store = open(&path, &Arc::new(ManualClock::at(START)));
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&segments(&path)[0]), 0o600);
    drop(store);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_claims_one_succeeds() {
    let dir = tempfile::tempdir().expect("folder");
    let store: Arc<dyn NonceStore> = Arc::new(open(dir.path(), &Arc::new(ManualClock::at(START))));
    let nonces: Vec<u64> = (1..=500).map(|n| START + n).collect();
    assert_eq!(race(&vec![store; 8], &nonces).await, vec![1; 500]);
}

/// Not a test: what [`a_killed_process_cannot_be_asked_twice`] starts and kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test, which kills it"]
async fn claim_until_killed() {
    let Some(dir) = std::env::var_os("AXONEME_REPLAY_TEST_DIR") else {
        panic!("started by hand");
    };
    let clock = Arc::new(SystemClock::default());
    let store = Arc::new(FileNonceStore::open(dir.as_ref(), clock.clone(), HORIZON, 1 << 20).expect("opens"));
    let begin = clock.unix_ns();
    let mut tasks = Vec::new();
    for lane in 0..4 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for n in 1..1_000_000 {
                let nonce = begin + n * 4 + lane;
                if claim(&*store, nonce).await.is_ok() {
                    // One write for a line: it is there whole or not.
                    let _ = std::io::stdout()
                        .lock()
                        .write_all(format!("accepted {nonce}\n").as_bytes());
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
}

#[tokio::test]
async fn a_killed_process_cannot_be_asked_twice() {
    let dir = tempfile::tempdir().expect("folder");
    let mut accepted: Vec<u64> = Vec::new();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "file::claim_until_killed", "--ignored", "--nocapture"])
            .env("AXONEME_REPLAY_TEST_DIR", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let before = accepted.len();
        while let Some(Ok(line)) = lines.next() {
            let Some(nonce) = line.split("accepted ").nth(1) else {
                continue;
            };
            // The last line may have been cut: a shorter number is not among the possible ones.
            if let Ok(nonce) = nonce.parse::<u64>()
                && nonce > START
            {
                accepted.push(nonce);
            }
            if accepted.len() == before + 500 * (round + 1) {
                child.kill().expect("killed");
            }
        }
        child.wait().expect("reaped");
        assert!(
            accepted.len() > before + 400,
            "round {round}: {} accepted",
            accepted.len() - before
        );
    }
    let clock = Arc::new(SystemClock::default());
    let store = FileNonceStore::open(dir.path(), clock.clone(), HORIZON, 1 << 20).expect("opens");
    for nonce in &accepted {
        assert_eq!(claim(&store, *nonce).await, Err(NonceError::Replayed));
    }
    assert_eq!(
        claim(&store, clock.unix_ns()).await,
        Ok(()),
        "and honest callers are served at once"
    );
}
