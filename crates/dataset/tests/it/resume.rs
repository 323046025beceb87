//! Going on where a dataset stood.

use std::io::Write;

use axoneme_dataset::{Dataset, DatasetConfig, Position};
use proptest::prelude::*;

use crate::{config, folder, json_lines, reading, take};

/// Files of every kind that is read record by record.
fn mixed() -> tempfile::TempDir {
    let array: String = (0..40)
        .map(|n| format!("{{\"text\":\"array {n}. b. c.\"}},\n"))
        .collect();
    let paragraphs: String = (0..30).map(|n| format!("paragraph {n}. b.\nc.\n\n")).collect();
    let lines = json_lines("lines", 60)
        .replace("lines 7.", "\\u0000 7.")
        .replace("{\"id\":9,", "broken");
    let folder = folder(&[
        ("many/a.jsonl", &lines),
        ("many/deep/b.json", &format!("[{}{{}}]", array)),
        ("many/c.ndjson", &json_lines("more", 25)),
        ("many/empty.jsonl", ""),
        ("one.txt", &paragraphs),
    ]);
    let packed = zstd::encode_all(json_lines("zst", 45).as_bytes(), 1).unwrap();
    std::fs::write(folder.path().join("many/d.jsonl.zst"), packed).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(json_lines("gz", 35).as_bytes()).unwrap();
    std::fs::write(folder.path().join("many/e.jsonl.gz"), gzip.finish().unwrap()).unwrap();
    folder
}

fn through_json(position: &Position) -> Position {
    serde_json::from_str(&serde_json::to_string(position).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn stopping_anywhere_changes_nothing(
        seed: u64,
        shuffle_buffer in prop::sample::select(vec![1usize, 3, 20, 100, 10_000]),
        stops in prop::collection::vec(0usize..160, 1..6),
    ) {
        let folder = mixed();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let config = DatasetConfig {
            shuffle_buffer,
            ..config(&[&path("many"), &format!("0.4*{}", path("one.txt")), "0.2*shipped"])
        };
        let total: usize = stops.iter().sum::<usize>() + 150;
        let expected = take(&Dataset::open(&config, seed).unwrap(), total);
        let mut got = Vec::new();
        let mut dataset = Dataset::open(&config, seed).unwrap();
        for stop in stops {
            got.extend(take(&dataset, stop));
            let position = through_json(&dataset.position());
            dataset = Dataset::open_at(&config, &position).unwrap();
            // Asked before anything was read, it is the same position.
            prop_assert_eq!(&*dataset.position(), &position);
        }
        got.extend(take(&dataset, 150));
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn a_source_whose_files_changed_starts_over_and_the_others_go_on() {
    let folder = folder(&[("a/x.jsonl", &json_lines("a", 30)), ("b/x.jsonl", &json_lines("b", 30))]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = config(&[&path("a"), &path("b")]);
    let reference = Dataset::open(&config, 4).unwrap();
    let expected = take(&reference, 60);
    let dataset = Dataset::open(&config, 4).unwrap();
    let before = take(&dataset, 20);
    let position = through_json(&dataset.position());
    std::fs::write(folder.path().join("a/new.jsonl"), json_lines("new", 5)).unwrap();
    let after = take(&Dataset::open_at(&config, &position).unwrap(), 40);
    assert_eq!(before, expected[..20]);
    let of = |texts: &[String], name: &str| -> Vec<String> {
        texts.iter().filter(|text| text.starts_with(name)).cloned().collect()
    };
    assert_eq!(of(&after, "b"), of(&expected[20..], "b"));
    assert_ne!(of(&after, "a"), of(&expected[20..], "a"));
}

#[test]
fn a_position_of_other_sources_or_from_a_damaged_file_does_no_harm() {
    let folder = folder(&[("a.jsonl", &json_lines("a", 30))]);
    let dataset = Dataset::open(&reading(folder.path()), 4).unwrap();
    take(&dataset, 3);
    let mut position = (*dataset.position()).clone();
    // Other sources than those of the position.
    let other = Dataset::open_at(&DatasetConfig::default(), &position).unwrap();
    assert_eq!(take(&other, 72).len(), 72);
    // Addresses far outside, in every field.
    position.draws = u64::MAX;
    position.sources[0].draws = u64::MAX;
    position.sources[0].epoch = u64::MAX;
    position.sources[0].record = u64::MAX;
    position.sources[0].buffer = vec![(0, u64::MAX), (u32::MAX, 0), (0, 5), (0, 5), (0, 2)];
    let dataset = Dataset::open_at(&reading(folder.path()), &position).unwrap();
    assert_eq!(take(&dataset, 70).len(), 70);
    position.sources[0].file = u32::MAX;
    position.sources[0].read = u64::MAX;
    let dataset = Dataset::open_at(&reading(folder.path()), &position).unwrap();
    assert_eq!(take(&dataset, 70).len(), 70);
}

#[test]
fn the_position_is_small() {
    let folder = folder(&[("a.jsonl", &json_lines("a", 120_000))]);
    let dataset = Dataset::open(&reading(folder.path()), 4).unwrap();
    take(&dataset, 100_000);
    let text = serde_json::to_string(&*dataset.position()).unwrap();
    assert_eq!(dataset.position().sources[0].buffer.len(), 9_999);
    assert!(text.len() < 64_000, "{}", text.len());
}

#[tokio::test]
async fn the_async_supply_is_the_same_supply() {
    let dataset = Dataset::open(&DatasetConfig::default(), 11).unwrap();
    let expected = take(&Dataset::open(&DatasetConfig::default(), 11).unwrap(), 5);
    for text in expected {
        assert_eq!(dataset.clone().next().await.unwrap(), text);
    }
}
