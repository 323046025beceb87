use super::*;
use crate::changes::tests::metagraph;
use axoneme_chain::{ChainError, Metagraph};
use futures::future::BoxFuture;
use serde_json::Value as Json;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A chain that follows a script.
#[derive(Default, Clone)]
struct Script {
    /// How long a fetch of each subnet takes.
    takes: BTreeMap<u16, Duration>,
    /// Which fetches of each subnet fail, counted from 0.
    failing: BTreeMap<u16, Vec<usize>>,
    calls: Arc<Mutex<BTreeMap<u16, usize>>>,
    block: Arc<AtomicU64>,
    keys: Arc<Mutex<Vec<u8>>>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Source for Script {
    fn fetch(&self, netuid: u16) -> BoxFuture<'_, Result<Metagraph, FetchError>> {
        Box::pin(async move {
            let call = {
                let mut calls = self.calls.lock();
                let count = calls.entry(netuid).or_insert(0);
                *count += 1;
                *count - 1
            };
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            tokio::time::sleep(self.takes.get(&netuid).copied().unwrap_or_default()).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            if self.failing.get(&netuid).is_some_and(|failing| failing.contains(&call)) {
                return Err(ChainError::SubnetNotFound { netuid }.into());
            }
            let block = self.block.fetch_add(1, Ordering::SeqCst);
            let mut metagraph = metagraph(block, &self.keys.lock());
            metagraph.netuid = netuid;
            Ok(metagraph)
        })
    }

    fn genesis_hash(&self) -> [u8; 32] {
        [7; 32]
    }
}

fn seconds(value: u64) -> Duration {
    Duration::from_secs(value)
}

fn syncer(script: &Script, subnets: &[(u16, u64)]) -> MetagraphSyncer {
    let subnets = subnets
        .iter()
        .map(|(netuid, cadence)| (*netuid, Pace::Every(seconds(*cadence))));
    MetagraphSyncer::new(script.clone(), subnets, SyncerConfig::default())
}

/// Seconds after the start at which listeners heard of each subnet.
async fn heard(script: &Script, subnets: &[(u16, u64)], until: u64) -> Vec<(u64, u16)> {
    let syncer = syncer(script, subnets);
    let (started, heard) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let netuids: Vec<u16> = subnets.iter().map(|(netuid, _)| *netuid).collect();
    let notes = Arc::clone(&heard);
    let note = move |snapshot: &Snapshot, _: &[Change]| {
        notes
            .lock()
            .push((started.elapsed().as_secs(), snapshot.metagraph.netuid));
    };
    syncer.register_listener(&netuids, note).expect("known subnets");
    syncer.start();
    tokio::time::sleep(seconds(until) + Duration::from_millis(500)).await;
    syncer.stop().await;
    heard.lock().clone()
}

#[tokio::test(start_paused = true)]
async fn listeners_hear_at_the_times_of_the_original_while_nothing_fails() {
    let vectors: Json =
        serde_json::from_str(include_str!("../../tests/vectors/metagraph_syncer.json")).expect("valid JSON");
    let number = |value: &Json| value.as_f64().expect("a number") as u64;
    let mut compared = 0;
    for case in vectors["timelines"].as_array().expect("timelines") {
        let by_netuid = |value: &Json| -> Vec<(u16, Json)> {
            let all = value.as_object().into_iter().flatten();
            all.map(|(netuid, value)| (netuid.parse().expect("a netuid"), value.clone()))
                .collect()
        };
        // After failures the original waits longer than it says it does; a fetch that hangs is a failure.
        let takes = by_netuid(&case["call_seconds"]);
        if !by_netuid(&case["failing_calls"]).is_empty() || takes.iter().any(|(_, s)| !s.is_number() || number(s) > 100)
        {
            continue;
        }
        let script = Script {
            takes: takes.iter().map(|(netuid, s)| (*netuid, seconds(number(s)))).collect(),
            ..Script::default()
        };
        let cadences = by_netuid(&case["cadence_seconds_by_netuid"]);
        let subnets: Vec<(u16, u64)> = cadences.iter().map(|(netuid, s)| (*netuid, number(s))).collect();
        let until = number(&case["until"]);
        let mut expected: Vec<(u64, u16)> = case["events"]
            .as_array()
            .expect("events")
            .iter()
            .filter(|event| event["event"] == "stored" && number(&event["t"]) <= until)
            .map(|event| (number(&event["t"]), event["netuid"].as_u64().expect("a netuid") as u16))
            .collect();
        let mut heard = heard(&script, &subnets, until).await;
        expected.sort_unstable();
        heard.sort_unstable();
        assert_eq!(heard, expected, "{}", case["case"]);
        assert!(script.most.load(Ordering::SeqCst) <= 1, "fetches do not overlap");
        compared += 1;
    }
    assert!(compared >= 3, "{compared} timelines");
}

#[tokio::test(start_paused = true)]
async fn a_failure_costs_one_pause_and_not_the_cadence_on_top() {
    let script = Script {
        failing: BTreeMap::from([(1, vec![1])]),
        ..Script::default()
    };
    let times: Vec<u64> = heard(&script, &[(1, 300)], 1000)
        .await
        .into_iter()
        .map(|(t, _)| t)
        .collect();
    assert_eq!(times[0], 300);
    // Failed at 600; again within the minute.
    assert!((640..=660).contains(&times[1]), "{times:?}");
    // A pace shorter than the pause is not slowed down.
    let quick = heard(&script.clone(), &[(1, 10)], 45).await;
    assert!(quick.len() >= 3, "{quick:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_is_given_up_and_the_old_snapshot_stays() {
    let script = Script::default();
    let syncer = syncer(&script, &[(1, 10)]);
    syncer.initial_sync(seconds(5)).await.expect("fetched");
    let mut hanging = script.clone();
    hanging.takes.insert(1, seconds(10_000));
    let hanging = MetagraphSyncer::new(hanging, [(1, Pace::OnDemand)], SyncerConfig::default());
    hanging
        .begin_with((*syncer.newest(1).expect("known").expect("there")).clone())
        .expect("known");
    let started = Instant::now();
    let error = hanging.refresh(1).await.expect_err("no answer");
    assert!(
        matches!(error, SyncError::Fetch(FetchError::Timeout { netuid: 1, .. })),
        "{error}"
    );
    assert_eq!(started.elapsed().as_secs(), 120);
    assert!(hanging.newest(1).expect("known").is_some());
    assert!(
        hanging
            .complaint(1)
            .expect("known")
            .is_some_and(|text| text.starts_with("late"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_initial_sync_tries_all_and_names_those_that_are_missing() {
    let script = Script {
        failing: BTreeMap::from([(1, (0..100).collect()), (2, vec![0, 1])]),
        ..Script::default()
    };
    let syncer = syncer(&script, &[(1, 60), (2, 60), (3, 60)]);
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let listener = move |_: &Snapshot, _: &[Change]| {
        count.fetch_add(1, Ordering::SeqCst);
    };
    syncer.register_listener(&[1, 2, 3], listener).expect("known subnets");
    let error = syncer.initial_sync(seconds(20)).await.expect_err("one is missing");
    let SyncError::Incomplete { netuids, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(netuids, &[1]);
    assert!(error.to_string().contains("subnet 1 does not exist"), "{error}");
    assert!(syncer.newest(1).expect("known").is_none());
    assert!(syncer.newest(2).expect("known").is_some() && syncer.newest(3).expect("known").is_some());
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn one_refresh_serves_readers_listeners_and_subscribers() {
    let script = Script::default();
    *script.keys.lock() = vec![1, 2];
    let syncer = syncer(&script, &[(1, 60)]);
    syncer.initial_sync(seconds(5)).await.expect("fetched");
    let (mut first, second) = (syncer.watch(1).expect("known"), syncer.watch(1).expect("known"));
    let mut events = syncer.events(1).expect("known");
    let told: Arc<Mutex<Vec<Vec<Change>>>> = Arc::default();
    let notes = Arc::clone(&told);
    syncer
        .register_listener(&[1], |_, _| panic!("a listener with a defect"))
        .expect("known");
    syncer
        .register_listener(&[1], move |_, changed| notes.lock().push(changed.to_vec()))
        .expect("known");
    first.borrow_and_update();
    *script.keys.lock() = vec![1, 9];
    let refreshed = syncer.refresh(1).await.expect("fetched");
    assert!(first.has_changed().expect("alive"));
    let (one, other) = (
        first.borrow().clone().expect("there"),
        second.borrow().clone().expect("there"),
    );
    assert!(Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&one, &refreshed));
    assert_eq!(script.calls.lock()[&1], 2);
    let told = told.lock().clone();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].len(), 3);
    for change in &told[0] {
        assert_eq!(events.try_recv().expect("told"), (1, *change));
    }
    // Nothing changed: listeners hear of the refresh, subscribers of nothing.
    syncer.refresh(1).await.expect("fetched");
    assert!(events.try_recv().is_err());
}

#[test]
fn a_listener_for_an_unknown_subnet_listens_to_none() {
    let script = Script::default();
    let syncer = syncer(&script, &[(1, 60)]);
    assert!(matches!(
        syncer.register_listener(&[], |_, _| {}),
        Err(SyncError::NoSubnets)
    ));
    let unknown = syncer.register_listener(&[1, 5], |_, _| {});
    assert!(matches!(unknown, Err(SyncError::UnknownSubnet { netuid: 5 })));
    assert!(syncer.inner.subnets[&1].listeners.read().is_empty());
    assert!(syncer.newest(5).is_err() && syncer.watch(5).is_err() && syncer.events(5).is_err());
}

#[tokio::test(start_paused = true)]
async fn good_snapshots_are_kept_for_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = || SnapshotFile::new(folder.path(), 1, "local");
    let script = Script::default();
    *script.keys.lock() = vec![1, 2];
    let first = syncer(&script, &[(1, 60)]);
    first.keep_on_disk(1, file()).expect("known");
    first.refresh(1).await.expect("fetched");

    let script = Script {
        failing: BTreeMap::from([(1, (0..100).collect())]),
        ..Script::default()
    };
    let second = syncer(&script, &[(1, 60)]);
    second.begin_with(file().load().expect("a snapshot")).expect("known");
    assert!(second.refresh(1).await.is_err());
    let snapshot = second.newest(1).expect("known").expect("from disk");
    assert_eq!(
        (snapshot.metagraph.len(), snapshot.from_disk, snapshot.genesis_hash),
        (2, true, [7; 32])
    );
    assert!(
        second
            .complaint(1)
            .expect("known")
            .is_some_and(|text| text.contains("from disk"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_syncer_fetches_no_more() {
    let script = Script::default();
    let syncer = syncer(&script, &[(1, 10)]);
    syncer.start();
    tokio::time::sleep(seconds(25)).await;
    syncer.stop().await;
    let fetched = script.calls.lock()[&1];
    tokio::time::sleep(seconds(100)).await;
    assert_eq!((fetched, script.calls.lock()[&1]), (2, 2));
}
