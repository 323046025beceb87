//! Files that are not what their names say.

use std::io::Write;

use axoneme_dataset::{Dataset, DatasetConfig, DatasetError, TextRecords};
use proptest::prelude::*;

use crate::{folder, json_lines, reading};

const NAMES: [&str; 9] = [
    "a.txt",
    "a.json",
    "a.jsonl",
    "a.ndjson",
    "a.jsonl.gz",
    "a.json.zst",
    "a.txt.gz",
    "a.jsonl.zst",
    "a.parquet",
];

/// Bytes that look a little like what the readers look for.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::sample::select(vec![
            &b"{\"text\":\"a. b. c.\"}"[..],
            b"\n",
            b"[",
            b"]",
            b",",
            b"\"",
            b"\\",
            b"{\"text\":",
            b"PAR1",
            b"\x1f\x8b\x08",
            b"\x28\xb5\x2f\xfd",
            b"\xEF\xBB\xBF",
            b"\r\n\r\n",
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_a_file_holds_reading_it_ends_in_texts_or_an_error(
        name in prop::sample::select(NAMES.to_vec()),
        content in bytes(),
        pack: bool,
        paragraphs: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let content = match (pack, name.rsplit('.').next()) {
            (true, Some("gz")) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&content).unwrap();
                encoder.finish().unwrap()
            }
            (true, Some("zst")) => zstd::encode_all(&*content, 1).unwrap(),
            _ => content,
        };
        std::fs::write(folder.path().join(name), content).unwrap();
        let config = DatasetConfig {
            text_records: if paragraphs { TextRecords::Paragraphs } else { TextRecords::File },
            shuffle_buffer: 3,
            ..reading(folder.path())
        };
        let dataset = Dataset::open(&config, 1).unwrap();
        for _ in 0..5 {
            match dataset.next_blocking() {
                Ok(text) => prop_assert!(text.matches('.').count() >= 3),
                Err(error) => {
                    let empty = matches!(error, DatasetError::Empty { .. });
                    prop_assert!(empty);
                }
            }
        }
        // A position of such a file is as good as any.
        let position = dataset.position();
        let again = Dataset::open_at(&config, &position).unwrap();
        prop_assert_eq!(again.next_blocking().ok(), dataset.next_blocking().ok());
    }
}

/// Run by the next test in a process of its own, whose memory nobody else uses.
#[test]
#[ignore = "is run by another test"]
fn child_that_unpacks() {
    let folder = std::env::var_os("HOSTILE_FOLDER").expect("the folder to read");
    let before = peak();
    let dataset = Dataset::open(&reading(folder.as_ref()), 1).unwrap();
    for _ in 0..3 {
        assert!(dataset.next_blocking().unwrap().starts_with('b'));
    }
    let more = peak().saturating_sub(before);
    assert!(more < 64 << 20, "{more} bytes");
}

#[test]
fn a_packed_file_that_unpacks_to_very_much_is_passed_over_in_little_memory() {
    let folder = folder(&[("b.jsonl", &json_lines("b", 3))]);
    for (name, byte) in [("a.jsonl.gz", b'['), ("c.json.gz", b'['), ("d.txt.gz", b'x')] {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        let piece = vec![byte; 1 << 20];
        for _ in 0..300 {
            encoder.write_all(&piece).unwrap();
        }
        encoder.finish().unwrap();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::child_that_unpacks", "--ignored"])
        .env("HOSTILE_FOLDER", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The most memory this process had, bytes; 0 where the system does not say.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
