//! The weights of another mechanism than the main one, on a development chain with commit–reveal on, until they are
//! revealed; and the metric by which an operator sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axoneme_chain::{Chain, ChainConfig};
use axoneme_neuron::{Duties, Readiness, StateStore, telemetry};
use axoneme_timelock::Beacon;
use axoneme_wallet::Keypair;
use axoneme_weights::Method;
use localnet::{Localnet, LocalnetConfig};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use validator::ValidatorStats;
use validator::book::Book;
use validator::events::Recorder;
use validator::state::{NeuronState, ValidatorState};
use validator::weights::{LEDGER, WeightSetter, WeightsConfig, check_mechanism};

const NETUID: u16 = 2;
const MECID: u8 = 1;
const HOTKEY: &str = "//owner//hotkey";
const TEMPO: u64 = 40;
/// Bound for whatever is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const PRESET: &str = "
[[subnet]]
netuid = 2
owner = '//owner'
owner_hotkey = '//owner//hotkey'
[subnet.hyperparameters]
tempo = 40
weights_set_rate_limit = 0
commit_reveal_weights_enabled = true
max_allowed_uids = 64
mechanism_count = 2
[[subnet.neuron]]
coldkey = '//miner{i}'
count = 2
";

fn key(uri: &str) -> Keypair {
    Keypair::from_uri(uri).unwrap()
}

/// The newest value of the metric for the mechanism, if there is one yet.
fn blocks_since_revealed() -> Option<u64> {
    let page = telemetry::metrics().render();
    let mut lines = page.lines();
    let line = lines.find(|line| {
        line.starts_with("weights_blocks_since_revealed{") && line.contains(&format!("mecid=\"{MECID}\""))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_of_another_mechanism_are_revealed_and_the_metric_counts_from_there() {
    telemetry::metrics();
    let config = LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        block_time: Duration::from_millis(100),
        genesis: Some(PRESET.parse().unwrap()),
        ..LocalnetConfig::default()
    };
    let net = Localnet::start(config).await.unwrap();
    let chain = Chain::connect(ChainConfig::new([net.ws_url()])).await.unwrap();
    let own = key(HOTKEY).account_id();
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(folder.path().join("state.json")).unwrap();
    let book = Book::open(store, "genesis", watch::Sender::new(ValidatorStats::default())).unwrap();
    let mut scores = ValidatorState::default();
    for (number, score) in [(1, 0.1), (2, 0.2)] {
        let miner = key(&format!("//miner{number}//hotkey")).account_id();
        assert!(chain.uid_of(NETUID, &miner).await.unwrap().is_some());
        scores.neurons.entry(miner).or_insert_with(NeuronState::default).score = score;
    }
    book.take_over(scores);
    let setter = WeightSetter {
        chain: chain.clone(),
        hotkey: Arc::new(key(HOTKEY)),
        book: book.clone(),
        events: Arc::new(Recorder::open(folder.path(), 1 << 20, Value::Null)),
        readiness: Readiness::waiting_for(&["weights"]),
        config: WeightsConfig {
            netuid: NETUID,
            mecid: MECID,
            epoch_length: 1,
            version_key: 0,
            method: Method::Auto,
            beacon: Beacon::dev(),
        },
        ledger: folder.path().join(LEDGER),
    };
    let readiness = setter.readiness.clone();
    let cancel = CancellationToken::new();
    let mut duties = Duties::new(cancel.clone());
    duties.spawn("weights", PATIENCE, move |heart, cancel| {
        let setter = setter.clone();
        async move { setter.run(heart, cancel).await }
    });

    // Nothing of ours was ever revealed: the metric counts from the registration, in the first block.
    let end = Instant::now() + PATIENCE;
    let mut longest = 0;
    let revealed_at = loop {
        assert!(Instant::now() < end, "never revealed: {:?}", readiness.reasons());
        let counted = blocks_since_revealed();
        let head = chain.block().await.unwrap();
        let reveals = chain
            .weights_revealed(NETUID, MECID, &own, head.saturating_sub(8), head)
            .await;
        if let Some(reveal) = reveals.unwrap().last() {
            assert_eq!(reveal.hash, None, "a timelocked commit");
            break reveal.block;
        }
        if let Some(counted) = counted {
            assert!(
                longest <= counted && counted <= head,
                "{longest}, then {counted}, at block {head}"
            );
            longest = counted;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        longest >= TEMPO / 2,
        "the first epoch is over before a reveal: {longest}"
    );
    // From the reveal on it counts from there; it is counted whenever the machine looks, at least once an epoch.
    loop {
        assert!(
            Instant::now() < end,
            "still {:?}, revealed at {revealed_at}",
            blocks_since_revealed()
        );
        let counted = blocks_since_revealed().unwrap();
        let head = chain.block().await.unwrap();
        if counted < longest {
            let later = chain
                .weights_revealed(NETUID, MECID, &own, revealed_at, head)
                .await
                .unwrap();
            let latest = |from: u64| later.iter().any(|reveal| reveal.block == from);
            let from = (revealed_at..=head).find(|from| from + counted <= head && latest(*from));
            assert!(
                from.is_some(),
                "{counted} at block {head} counts from no reveal: {later:?}"
            );
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cancel.cancel();
    drop(duties);

    let (other, main) = (
        chain.weights_view(NETUID, MECID, &own),
        chain.weights_view(NETUID, 0, &own),
    );
    let (other, main) = (other.await.unwrap(), main.await.unwrap());
    assert_eq!(other.weights, [(1, 32768), (2, 65535)]);
    assert!(main.weights.is_empty() && main.timelocked.is_empty(), "{main:?}");
    let state = book.state();
    let share = |number: u16| state.neurons[&key(&format!("//miner{number}//hotkey")).account_id()].weight;
    assert!((share(1) - 1.0 / 3.0).abs() < 1e-4 && (share(2) - 2.0 / 3.0).abs() < 1e-4);
    net.shutdown().await;
}

#[test]
fn a_mechanism_that_the_subnet_does_not_have_is_named() {
    for (mecid, count) in [(0, 0), (0, 1), (1, 2)] {
        check_mechanism(5, mecid, count).unwrap();
    }
    let message = check_mechanism(5, 1, 1).unwrap_err().to_string();
    assert!(
        message.contains("--neuron.mechanism 1") && message.contains("subnet 5 has 1"),
        "{message}"
    );
}
