//! Files on this machine.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use axoneme_dataset::{Dataset, DatasetConfig, DatasetError, SourceSpec, TextRecords, corpus};

use crate::{config, folder, json_lines, reading, sorted, take};

#[test]
fn the_articles_that_ship_are_varied_and_long_enough() {
    let dataset = Dataset::open(&DatasetConfig::default(), 1).unwrap();
    let mut texts = sorted(take(&dataset, corpus::ARTICLES.len()));
    texts.dedup();
    assert_eq!(
        texts.len(),
        corpus::ARTICLES.len(),
        "every article once before any twice"
    );
    assert!(texts.len() >= 60);
    for text in &texts {
        let words = text.split_whitespace().count();
        assert!((600..=900).contains(&words), "{words} words: {}", &text[..60]);
        assert!(text.matches('.').count() >= 12, "{}", &text[..60]);
    }
}

#[test]
fn the_seed_decides_the_order_and_every_pass_has_its_own() {
    let order = |seed| {
        take(
            &Dataset::open(&DatasetConfig::default(), seed).unwrap(),
            3 * corpus::ARTICLES.len(),
        )
    };
    let first = order(7);
    assert_eq!(first, order(7));
    assert_ne!(first, order(8));
    let passes: Vec<&[String]> = first.chunks(corpus::ARTICLES.len()).collect();
    assert_ne!(passes[0], passes[1]);
    assert_ne!(passes[1], passes[2]);
    assert_eq!(sorted(passes[0].to_vec()), sorted(passes[2].to_vec()));
}

#[test]
fn folders_are_read_with_their_folders_and_other_files_are_left_alone() {
    let folder = folder(&[
        ("a.txt", "One. Two. Three."),
        (
            "deep/b.jsonl",
            "{\"text\":\"B one. B two. B three.\"}\nnot json\n{\"other\":1}\n{\"text\":\"no dots\"}\n",
        ),
        ("c.md", "Not. This. One. At. All."),
        (
            "d.json",
            "[{\"text\":\"D. d. d.\"}, {\"text\":\"no\"}, {\"text\":\"E. e. e.\"}]",
        ),
        ("f.json", "{\"text\":\"F. f. f.\"}\n{\"text\":\"G. g. g.\"}\n"),
    ]);
    let dataset = Dataset::open(&reading(folder.path()), 1).unwrap();
    let mut texts = sorted(take(&dataset, 12));
    texts.dedup();
    let expected = [
        "B one. B two. B three.",
        "D. d. d.",
        "E. e. e.",
        "F. f. f.",
        "G. g. g.",
        "One. Two. Three.",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn text_files_are_records_or_paragraphs_as_configured() {
    let folder = folder(&[("a.txt", "A. b. c.\nd.\n\nE. f. g.\n\n\nshort\n")]);
    let file = folder.path().join("a.txt");
    let read = |path: &std::path::Path, text_records, count| {
        let config = DatasetConfig {
            text_records,
            ..reading(path)
        };
        sorted(take(&Dataset::open(&config, 1).unwrap(), count))
    };
    let parts = ["A. b. c.\nd.", "E. f. g."];
    let whole = ["A. b. c.\nd.\n\nE. f. g.\n\n\nshort"];
    assert_eq!(read(&file, TextRecords::Auto, 2), parts);
    assert_eq!(read(folder.path(), TextRecords::Auto, 1), whole);
    assert_eq!(read(folder.path(), TextRecords::Paragraphs, 2), parts);
    assert_eq!(read(&file, TextRecords::File, 1), whole);
}

#[test]
fn compressed_files_are_read_and_damaged_ones_give_what_was_whole() {
    let folder = folder(&[]);
    let lines = json_lines("zst", 5);
    std::fs::write(
        folder.path().join("a.jsonl.zst"),
        zstd::encode_all(lines.as_bytes(), 3).unwrap(),
    )
    .unwrap();
    // Two streams in one file, as tools that compress in pieces write them.
    let mut packed = Vec::new();
    for part in [json_lines("gz", 3), json_lines("more", 2)] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        packed.extend(encoder.finish().unwrap());
    }
    std::fs::write(folder.path().join("b.jsonl.gz"), &packed).unwrap();
    std::fs::write(folder.path().join("torn.jsonl.gz"), &packed[..packed.len() / 3]).unwrap();
    std::fs::write(folder.path().join("noise.parquet"), b"PAR1 is not enough").unwrap();
    std::fs::write(folder.path().join("noise.jsonl.zst"), b"noise").unwrap();
    let dataset = Dataset::open(&reading(folder.path()), 1).unwrap();
    let mut texts = sorted(take(&dataset, 40));
    texts.dedup();
    for name in ["zst 4. b. c.", "gz 2. b. c.", "more 1. b. c."] {
        assert!(texts.iter().any(|text| text == name), "{name} in {texts:?}");
    }
    assert_eq!(texts.len(), 10);
}

#[test]
fn parquet_files_are_read() {
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    let folder = folder(&[]);
    for compression in [
        parquet::basic::Compression::SNAPPY,
        parquet::basic::Compression::ZSTD(Default::default()),
    ] {
        let schema = "message s { optional binary body (UTF8); }";
        let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
        let path = folder
            .path()
            .join(format!("{compression:?}.parquet").replace(['(', ')'], "-"));
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(std::fs::File::create(path).unwrap(), schema, properties).unwrap();
        for group in 0..3 {
            let mut rows = writer.next_row_group().unwrap();
            let mut column = rows.next_column().unwrap().unwrap();
            let text = |n: usize| ByteArray::from(format!("{compression:?} {group} {n}. b. c.").as_str());
            let values: Vec<ByteArray> = (0..100).map(text).collect();
            column
                .typed::<ByteArrayType>()
                .write_batch(&values, Some(&[1; 100]), None)
                .unwrap();
            column.close().unwrap();
            rows.close().unwrap();
        }
        writer.close().unwrap();
    }
    let config = DatasetConfig {
        text_field: "body".into(),
        ..reading(folder.path())
    };
    let mut texts = sorted(take(&Dataset::open(&config, 1).unwrap(), 600));
    texts.dedup();
    assert_eq!(texts.len(), 600);
}

#[test]
fn the_shuffle_buffer_bounds_how_far_a_record_moves_forward() {
    let folder = folder(&[("a.jsonl", &json_lines("n", 500))]);
    let order = |shuffle_buffer| {
        let config = DatasetConfig {
            shuffle_buffer,
            ..reading(folder.path())
        };
        let texts = take(&Dataset::open(&config, 3).unwrap(), 500);
        let number = |text: &String| text[2..text.find('.').unwrap()].parse().unwrap();
        texts.iter().map(number).collect::<Vec<usize>>()
    };
    assert!(order(1).is_sorted());
    let mixed = order(20);
    for (place, number) in mixed.iter().enumerate() {
        assert!(*number < place + 20, "{number} came out {place}th");
    }
    assert!(mixed.windows(2).filter(|pair| pair[0] > pair[1]).count() > 100);
    let mut all = mixed;
    all.sort_unstable();
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[test]
fn sources_are_drawn_by_their_weights_and_each_starts_over_by_itself() {
    let folder = folder(&[("a.jsonl", &json_lines("a", 50)), ("b.jsonl", &json_lines("b", 7))]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = config(&[&format!("3*{}", path("a.jsonl")), &path("b.jsonl")]);
    let mut counts: HashMap<char, usize> = HashMap::new();
    let mut last = HashMap::new();
    for (place, text) in take(&Dataset::open(&config, 5).unwrap(), 4000).into_iter().enumerate() {
        *counts.entry(text.chars().next().unwrap()).or_default() += 1;
        last.insert(text, place);
    }
    // Four standard deviations of 4000 draws with chance 3/4.
    assert!((2890..=3110).contains(&counts[&'a']), "{counts:?}");
    assert_eq!(counts[&'a'] + counts[&'b'], 4000);
    assert_eq!(last.len(), 57, "every record of both sources came");
}

/// What is kept of a text ends before a dot, so one without a word before its last dot leaves nothing to ask about.
#[test]
fn a_text_that_would_leave_nothing_is_skipped_whatever_the_setting() {
    let lines = ["no dots", ".text", " . . ", "", "One word. The rest"];
    let lines: String = lines.iter().map(|text| format!("{{\"text\":\"{text}\"}}\n")).collect();
    let folder = folder(&[("a.jsonl", &lines)]);
    let config = DatasetConfig {
        min_dots: 0,
        ..reading(folder.path())
    };
    let dataset = Dataset::open(&config, 1).unwrap();
    assert_eq!(take(&dataset, 3), ["One word. The rest"; 3]);
}

#[test]
fn a_source_without_usable_text_is_an_error_that_counts() {
    let folder = folder(&[("a.jsonl", "{\"text\":\"no dots\"}\n")]);
    let dataset = Dataset::open(&reading(folder.path()), 1).unwrap();
    for _ in 0..2 {
        let error = dataset.next_blocking().unwrap_err().to_string();
        assert!(error.contains("1 records were read from 1"), "{error}");
    }
    let missing = config(&["/nowhere/at/all"]);
    assert!(matches!(Dataset::open(&missing, 1), Err(DatasetError::Read { .. })));
    // The file is mended while the validator runs.
    std::fs::write(folder.path().join("a.jsonl"), "{\"text\":\"a. b. c.\"}\n").unwrap();
    assert_eq!(dataset.next_blocking().unwrap(), "a. b. c.");
}

#[test]
fn reading_gives_up_after_very_many_useless_records_instead_of_reading_everything() {
    let folder = folder(&[("a.jsonl", &"{\"text\":\"no dots\"}\n".repeat(450_000))]);
    let dataset = Dataset::open(&reading(folder.path()), 1).unwrap();
    for read in ["200000 records", "200000 records", "450000 records"] {
        let error = dataset.next_blocking().unwrap_err().to_string();
        assert!(error.contains(read), "{error}");
    }
}

#[test]
fn a_line_of_any_length_is_skipped_not_kept() {
    let huge = format!("{{\"text\":\"{}\"}}\n{{\"text\":\"x. y. z.\"}}", "a.".repeat(2 << 20));
    let folder = folder(&[("a.jsonl", &huge)]);
    let dataset = Dataset::open(&reading(folder.path()), 1).unwrap();
    assert_eq!(take(&dataset, 1), ["x. y. z."]);
}

#[test]
fn the_buffer_is_bounded_in_bytes() {
    // 150 records of about a megabyte: only 64 MiB of them may wait at a time.
    let folder = folder(&[]);
    let mut file = std::fs::File::create(folder.path().join("a.jsonl")).unwrap();
    for n in 0..150 {
        writeln!(file, "{{\"text\":\"{n}. {}\"}}", "b. ".repeat(330_000)).unwrap();
    }
    let config = DatasetConfig {
        shuffle_buffer: 1000,
        ..config(&[folder.path().to_str().unwrap()])
    };
    let dataset = Dataset::open(&config, 1).unwrap();
    dataset.next_blocking().unwrap();
    let waiting = dataset.position().sources[0].buffer.len();
    assert!((60..=70).contains(&waiting), "{waiting}");
}

#[test]
fn source_lists_are_checked_when_they_are_read() {
    assert!(matches!(
        SourceSpec::parse_all("/a,,/b"),
        Err(DatasetError::Source { .. })
    ));
}
