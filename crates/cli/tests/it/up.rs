//! `axoneme up` from start to incentive, and its figures against the chain's own.

use std::time::Duration;

use serde_json::Value as Json;
use subxt::dynamic::{Value, storage};
use subxt::{OnlineClient, SubstrateConfig};

use crate::harness::{Running, alone_with_models, run, succeed};

/// The columns the chain stores for a subnet, read by a client that shares no code with ours.
struct Chain {
    incentive: Vec<u16>,
    dividends: Vec<u16>,
    last_update: Vec<u64>,
    tempo: u16,
    /// The validator's row: (uid, value).
    weights: Vec<(u16, u16)>,
    /// Addresses by uid, as public keys.
    keys: Vec<[u8; 32]>,
}

async fn read(endpoint: &str, netuid: u16, block: u64, validator: u16, neurons: u16) -> Chain {
    let client = OnlineClient::<SubstrateConfig>::from_insecure_url(endpoint)
        .await
        .unwrap();
    let at = client.at_block(block).await.unwrap();
    let netuid = Value::u128(netuid.into());
    macro_rules! fetch {
        ($item:literal, $kind:ty, $($key:expr),+) => {
            at.storage()
                .fetch(storage::<Vec<Value>, $kind>("SubtensorModule", $item), vec![$($key),+])
                .await
                .unwrap()
                .decode()
                .unwrap()
        };
    }
    let mut keys = Vec::new();
    for uid in 0..neurons {
        keys.push(fetch!("Keys", [u8; 32], netuid.clone(), Value::u128(uid.into())));
    }
    Chain {
        incentive: fetch!("Incentive", Vec<u16>, netuid.clone()),
        dividends: fetch!("Dividends", Vec<u16>, netuid.clone()),
        last_update: fetch!("LastUpdate", Vec<u64>, netuid.clone()),
        tempo: fetch!("Tempo", u16, netuid.clone()),
        weights: fetch!(
            "Weights",
            Vec<(u16, u16)>,
            netuid.clone(),
            Value::u128(validator.into())
        ),
        keys,
    }
}

fn rows(document: &Json) -> &Vec<Json> {
    document["neurons"].as_array().unwrap()
}

fn of_kind<'d>(document: &'d Json, kind: &'d str) -> impl Iterator<Item = &'d Json> {
    rows(document).iter().filter(move |row| row["kind"] == kind)
}

#[test]
fn weights_become_incentive_and_the_document_says_what_the_chain_says() {
    let _alone = alone_with_models();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (code, stdout, stderr) = run(
        "axoneme",
        &[
            "up",
            "--until-incentive",
            "--json",
            "--seed",
            "7",
            "--port",
            "0",
            "--data-dir",
            data,
        ],
    );
    assert_eq!(code, 0, "{stderr}");
    let document: Json = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));

    assert!(document["steps"].as_u64().unwrap() >= 1);
    assert_eq!(rows(&document).len(), 5);
    assert_eq!(of_kind(&document, "validator").count(), 1);
    assert_eq!(of_kind(&document, "honest").count(), 2);
    let number = |row: &Json, field: &str| row[field].as_f64().unwrap();
    for row in rows(&document) {
        for field in ["mean_reward", "score", "weight", "incentive", "dividends"] {
            assert!((0.0..=1.0).contains(&number(row, field)), "{field} of {row}");
        }
    }
    let lazy = of_kind(&document, "lazy").next().unwrap();
    for honest in of_kind(&document, "honest") {
        assert!(
            number(honest, "incentive") > number(lazy, "incentive"),
            "{honest} against {lazy}"
        );
        assert!(honest["requests"].as_u64().unwrap() > 0);
    }
    let validator = of_kind(&document, "validator").next().unwrap();
    assert!(number(validator, "dividends") > 0.0);

    // The chain goes on from its folder; no neuron runs, so the block of the document is as it was.
    let chain_dir = folder.path().join("chain");
    let mut chain = Running::start("localnet", &["--port", "0", "--data-dir", chain_dir.to_str().unwrap()]);
    let port = chain.wait_for_port();
    let network = &document["network"];
    let netuid = network["netuid"].as_u64().unwrap() as u16;
    let validator_uid = validator["uid"].as_u64().unwrap() as u16;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stored = runtime.block_on(read(
        &format!("ws://127.0.0.1:{port}"),
        netuid,
        network["block"].as_u64().unwrap(),
        validator_uid,
        5,
    ));
    assert_eq!(u64::from(stored.tempo), network["tempo"].as_u64().unwrap());
    let sum: f64 = stored.weights.iter().map(|(_, value)| f64::from(*value)).sum();
    for row in rows(&document) {
        let uid = row["uid"].as_u64().unwrap() as usize;
        let close = |field: &str, chain: f64| {
            let said = number(row, field);
            assert!(
                (said - chain).abs() < 1e-9,
                "{field} of uid {uid}: the document says {said}, the chain {chain}"
            );
        };
        close("incentive", f64::from(stored.incentive[uid]) / 65535.0);
        close("dividends", f64::from(stored.dividends[uid]) / 65535.0);
        close("last_update", stored.last_update[uid] as f64);
        let weight = stored
            .weights
            .iter()
            .find(|(to, _)| usize::from(*to) == uid)
            .map_or(0, |(_, value)| *value);
        close("weight", f64::from(weight) / sum);
        let hotkey: axoneme_wallet::AccountId = row["hotkey"].as_str().unwrap().parse().unwrap();
        assert_eq!(hotkey.0, stored.keys[uid]);
    }
}

#[test]
fn ctrl_c_ends_everything_within_five_seconds() {
    let _alone = alone_with_models();
    let mut up = Running::start("axoneme", &["up", "--port", "0"]);
    let port = up.wait_for_port();
    // In the middle of the first prompt run, while a model generates.
    up.wait_for("validator started");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(up.interrupt(Duration::from_secs(5)).code(), Some(0));
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    assert!(
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err(),
        "something still listens on the chain's port"
    );
}

#[test]
fn hidden_weights_are_revealed_and_rank_the_miners() {
    let _alone = alone_with_models();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let started = std::time::Instant::now();
    let (code, stdout, stderr) = run(
        "axoneme",
        &[
            "up",
            "--until-revealed",
            "--json",
            "--seed",
            "7",
            "--port",
            "0",
            "--data-dir",
            data,
        ],
    );
    println!("until revealed: {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(code, 0, "{stderr}");
    let document: Json = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    let revealed = |field: &str| document["commit_reveal"][field].as_u64().unwrap();
    assert!(revealed("committed_at") < revealed("revealed_at"), "{document}");
    assert!(revealed("revealed_at") <= document["network"]["block"].as_u64().unwrap());
    assert!(revealed("reveal_round") > 0);
    let incentive = |row: &Json| row["incentive"].as_f64().unwrap();
    let lazy = of_kind(&document, "lazy").next().unwrap();
    for honest in of_kind(&document, "honest") {
        assert!(incentive(honest) > incentive(lazy), "{honest} against {lazy}");
    }

    // The chain goes on from its folder: commit-reveal is on, and its own event says when the weights were revealed.
    let chain_dir = folder.path().join("chain");
    let mut chain = Running::start("localnet", &["--port", "0", "--data-dir", chain_dir.to_str().unwrap()]);
    let endpoint = format!("ws://127.0.0.1:{}", chain.wait_for_port());
    let netuid = document["network"]["netuid"].as_u64().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = OnlineClient::<SubstrateConfig>::from_insecure_url(&endpoint)
            .await
            .unwrap();
        let at = client.at_block(revealed("revealed_at")).await.unwrap();
        let events = at.events().fetch().await.unwrap();
        let names: Vec<String> = events
            .iter()
            .map(|event| event.unwrap().event_name().to_owned())
            .collect();
        assert!(
            names.iter().any(|name| name == "TimelockedWeightsRevealed"),
            "{names:?}"
        );
        let on: bool = at
            .storage()
            .fetch(
                storage::<Vec<Value>, bool>("SubtensorModule", "CommitRevealWeightsEnabled"),
                vec![Value::u128(netuid.into())],
            )
            .await
            .unwrap()
            .decode()
            .unwrap();
        assert!(on);
    });

    // What the validator wrote down says the same.
    let validator = of_kind(&document, "validator").next().unwrap();
    let ledger = ledger_below(&folder.path().join("neurons")).expect("a record of weights");
    let shown = succeed(
        "axoneme",
        &[
            "weights",
            "show",
            "--json",
            "--subtensor.network",
            &endpoint,
            "--netuid",
            &netuid.to_string(),
            "--hotkey",
            validator["hotkey"].as_str().unwrap(),
            "--ledger",
            ledger.to_str().unwrap(),
        ],
    );
    let shown: Json = serde_json::from_str(&shown).unwrap();
    let intents = shown["record"]["intents"].as_array().unwrap();
    let is_revealed = |intent: &&Json| intent["stage"] == "revealed" && intent["form"] == "timelocked";
    let blocks = intents
        .iter()
        .filter(is_revealed)
        .filter_map(|intent| intent["block"].as_u64());
    assert!(
        blocks.max().is_some_and(|block| block >= revealed("revealed_at")),
        "{shown}"
    );
    assert!(shown["record"]["blocks_since_revealed"].is_u64(), "{shown}");
}

/// The record of weights somewhere below a folder.
fn ledger_below(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        match path.is_dir() {
            true => ledger_below(&path),
            false => path.ends_with("weights/ledger.json").then_some(path),
        }
    })
}
