//! Datasets from files and from a hub on this machine.

mod hostile;
mod hub;
mod local;
mod resume;

use std::path::Path;

use axoneme_dataset::{Dataset, DatasetConfig, SourceSpec};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn config(sources: &[&str]) -> DatasetConfig {
    DatasetConfig {
        sources: sources
            .iter()
            .map(|source| SourceSpec::parse(source).unwrap())
            .collect(),
        ..DatasetConfig::default()
    }
}

fn reading(folder: &Path) -> DatasetConfig {
    config(&[folder.to_str().unwrap()])
}

fn take(dataset: &Dataset, count: usize) -> Vec<String> {
    (0..count).map(|_| dataset.next_blocking().unwrap()).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// `count` texts that say where they are from, as JSON lines.
fn json_lines(name: &str, count: usize) -> String {
    let line = |n: usize| format!("{{\"id\":{n},\"text\":\"{name} {n}. b. c.\"}}\n");
    (0..count).map(line).collect()
}
