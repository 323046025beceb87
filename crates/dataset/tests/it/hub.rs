//! Hub datasets from a server on this machine that answers as the hub does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axoneme_dataset::{Dataset, DatasetConfig, DatasetError, HubConfig, SourceSpec};
use sha2::{Digest, Sha256};

use crate::{json_lines, sorted, take};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A repository, and what was asked for.
struct FakeHub {
    address: std::net::SocketAddr,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
}

impl FakeHub {
    fn start(files: &[(&str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let files = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()))
            .collect();
        let files = Arc::new(Mutex::new(files));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (held, log) = (files.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &held.lock().unwrap(), &log);
            }
        });
        let folder = tempfile::tempdir().unwrap();
        Self {
            address,
            files,
            asked,
            folder,
        }
    }

    fn config(&self, source: &str) -> DatasetConfig {
        DatasetConfig {
            sources: vec![SourceSpec::parse(source).unwrap()],
            shuffle_buffer: 4,
            hub: HubConfig {
                endpoint: Some(format!("http://{}", self.address)),
                cache: Some(self.folder.path().join("hub")),
            },
            ..DatasetConfig::default()
        }
    }

    /// Files that were asked for, each once.
    fn fetched(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let mut names: Vec<String> = asked
            .iter()
            .filter_map(|path| path.split_once("/resolve/"))
            .filter_map(|(_, rest)| rest.split_once('/'))
            .map(|(_, name)| name.to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Vec<u8>>, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let (mut start, mut end) = (0, usize::MAX);
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some((first, last)) = line
            .strip_prefix("range: bytes=")
            .and_then(|range| range.split_once('-'))
        {
            start = first.parse().unwrap_or(0);
            end = last.parse().map_or(usize::MAX, |last: usize| last + 1);
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().unwrap().push(path.clone());
    if path == "/api/datasets/some/texts/revision/main" || path == format!("/api/datasets/some/texts/revision/{COMMIT}")
    {
        let siblings: Vec<String> = files
            .keys()
            .map(|name| format!("{{\"rfilename\":\"{name}\"}}"))
            .collect();
        let body = format!("{{\"sha\":\"{COMMIT}\",\"siblings\":[{}]}}", siblings.join(","));
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    let prefix = format!("/datasets/some/texts/resolve/{COMMIT}/");
    let Some(bytes) = path.strip_prefix(&prefix).and_then(|name| files.get(name)) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let tag = hex::encode(Sha256::digest(bytes));
    // One file is altered on its way.
    let body = match path.ends_with("altered.jsonl") {
        true => bytes.iter().map(|byte| byte ^ 1).collect(),
        false => bytes.clone(),
    };
    let total = body.len();
    let body = &body[start.min(total)..end.min(total)];
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nx-repo-commit: {COMMIT}\r\nx-linked-etag: \"{tag}\"\r\netag: \"x\"\r\n\
         content-range: bytes {start}-{}/{total}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        (start + body.len()).saturating_sub(1),
        body.len()
    )?;
    stream.write_all(body)
}

fn texts(name: &str, count: usize) -> Vec<u8> {
    json_lines(name, count).into_bytes()
}

fn hub() -> FakeHub {
    let packed = zstd::encode_all(json_lines("b", 10).as_bytes(), 1).unwrap();
    FakeHub::start(&[
        ("README.md", b"# Not. A. Text.".to_vec()),
        ("data/a.jsonl", texts("a", 10)),
        ("data/b.jsonl.zst", packed),
        ("data/c.jsonl", texts("c", 10)),
        ("other/d.jsonl", texts("d", 10)),
        ("../../../escape.jsonl", texts("escape", 1)),
    ])
}

#[test]
fn a_dataset_is_listed_fetched_file_by_file_and_read() {
    let hub = hub();
    let dataset = Dataset::open(&hub.config("hf:datasets/some/texts/data"), 1).unwrap();
    assert!(hub.asked.lock().unwrap().is_empty(), "opening asks nobody");
    take(&dataset, 1);
    assert_eq!(hub.fetched().len(), 1, "files are fetched when their turn comes");
    let texts = take(&dataset, 29);
    assert_eq!(hub.fetched(), ["data/a.jsonl", "data/b.jsonl.zst", "data/c.jsonl"]);
    assert!(texts.iter().all(|text| !text.starts_with('d')));
    let position = dataset.position();
    assert_eq!(position.sources[0].commit.as_deref(), Some(COMMIT));
    // The second pass reads what is here.
    let asked = hub.asked.lock().unwrap().len();
    assert_eq!(take(&dataset, 30).len(), 30);
    assert_eq!(hub.asked.lock().unwrap().len(), asked);
}

#[test]
fn a_run_goes_on_where_it_stood_also_without_the_hub() {
    let hub = hub();
    let config = hub.config("hf:datasets/some/texts/data/*.jsonl");
    let expected = take(&Dataset::open(&config, 2).unwrap(), 60);
    let dataset = Dataset::open(&config, 2).unwrap();
    assert_eq!(take(&dataset, 13), expected[..13]);
    let position = serde_json::to_string(&*dataset.position()).unwrap();
    let mut alone = config;
    // A port nobody listens on: what is in the cache has to do, and it is the same here.
    alone.hub.endpoint = Some("http://127.0.0.1:1".into());
    let dataset = Dataset::open_at(&alone, &serde_json::from_str(&position).unwrap()).unwrap();
    assert_eq!(take(&dataset, 47), expected[13..]);
}

#[test]
fn a_hub_that_is_not_reached_is_an_error_and_the_next_call_tries_again() {
    let hub = hub();
    let mut config = hub.config("hf:datasets/some/texts/data");
    let endpoint = config.hub.endpoint.replace("http://127.0.0.1:1".into());
    let dataset = Dataset::open(&config, 1).unwrap();
    for _ in 0..2 {
        let error = dataset.next_blocking().unwrap_err();
        assert!(matches!(error, DatasetError::Fetch { .. }), "{error}");
        assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
    }
    config.hub.endpoint = endpoint;
    let dataset = Dataset::open_at(&config, &dataset.position()).unwrap();
    assert_eq!(take(&dataset, 1).len(), 1);
}

#[test]
fn an_outage_between_two_files_loses_no_record() {
    let hub = hub();
    let config = hub.config("hf:datasets/some/texts/data");
    let expected = take(&Dataset::open(&config, 6).unwrap(), 30);
    let other = FakeHub {
        folder: tempfile::tempdir().unwrap(),
        ..self::hub()
    };
    let config = other.config("hf:datasets/some/texts/data");
    let dataset = Dataset::open(&config, 6).unwrap();
    let mut got = take(&dataset, 3);
    let position = (*dataset.position()).clone();
    let mut broken = config.clone();
    broken.hub.endpoint = Some("http://127.0.0.1:1".into());
    let offline = Dataset::open_at(&broken, &position).unwrap();
    // The listing differs from the hub's, because only one file is in the cache: the source must not go on in it as if
    // nothing had happened, and must not lose its place at the real hub.
    let _ = offline.next_blocking();
    let dataset = Dataset::open_at(&config, &position).unwrap();
    got.extend(take(&dataset, 27));
    assert_eq!(got, expected);
}

#[test]
fn a_file_that_vanished_is_skipped_and_one_that_arrives_altered_is_refused() {
    let hub = hub();
    let dataset = Dataset::open(&hub.config("hf:datasets/some/texts"), 3).unwrap();
    take(&dataset, 1);
    hub.files.lock().unwrap().remove("data/c.jsonl");
    hub.files.lock().unwrap().remove("other/d.jsonl");
    let texts = sorted(take(&dataset, 60));
    assert!(
        texts.iter().all(|text| !text.starts_with("escape")),
        "nothing is fetched to outside of the cache"
    );
    let altered = FakeHub::start(&[("altered.jsonl", texts_of_altered())]);
    let dataset = Dataset::open(&altered.config("hf:datasets/some/texts"), 3).unwrap();
    let error = dataset.next_blocking().unwrap_err().to_string();
    assert!(error.contains("differs"), "{error}");
    let left: Vec<PathBuf> = files_below(&altered.folder.path().join("hub/datasets--some--texts/blobs"));
    assert!(left.is_empty(), "{left:?}");
}

fn texts_of_altered() -> Vec<u8> {
    texts("altered", 3)
}

fn files_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none());
    kept.collect()
}

/// Run by the next test in a process of its own, with the hub's usual variables set.
#[test]
#[ignore = "is run by another test"]
fn child_with_variables() {
    let config = DatasetConfig {
        sources: vec![SourceSpec::parse("hf:datasets/some/texts@main/data/a.jsonl").unwrap()],
        ..DatasetConfig::default()
    };
    assert_eq!(take(&Dataset::open(&config, 1).unwrap(), 10).len(), 10);
}

#[test]
fn the_hubs_usual_variables_are_heeded() {
    let hub = hub();
    let home = hub.folder.path().join("home");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hub::child_with_variables", "--ignored"])
        .env("HF_ENDPOINT", format!("http://{}", hub.address))
        .env("HF_HOME", &home)
        .env_remove("HF_HUB_CACHE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(hub.fetched(), ["data/a.jsonl"]);
    assert!(home.join("hub/datasets--some--texts").is_dir());
}
