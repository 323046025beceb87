//! The texts that tasks are about.
//!
//! A source is the articles that ship, a file, or a folder of files. Records pass through a shuffle buffer: it is filled, a random
//! one is taken out, the next record goes in. At the end of the source everything starts over in another order.

mod corpus;
mod records;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::config::DatasetSection;
use records::Records;

/// The shuffle buffer never holds more than this many bytes, however many records it may hold.
const BUFFER_BYTES: usize = 64 << 20;

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder cannot be read.
    #[error("cannot read the dataset at {path}; check --dataset.source")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A whole pass over the source found nothing to use.
    #[error(
        "the dataset has no usable text: {records} records were read from {files} .txt and .jsonl files and none has at \
         least {min_dots} dots (check --dataset.source, --dataset.text_field and --dataset.min_dots)"
    )]
    Empty {
        /// Files found.
        files: usize,
        /// Records read.
        records: usize,
        /// The rule they failed.
        min_dots: usize,
    },
    /// Reading was cut short.
    #[error("reading the dataset was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// An endless supply of texts. Cheap to clone.
#[derive(Clone)]
pub struct Dataset {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    config: DatasetSection,
    /// Empty for the articles that ship.
    files: Vec<PathBuf>,
    rng: ChaCha8Rng,
    records: Records,
    buffer: Vec<String>,
    buffered_bytes: usize,
    /// Records read since the source was last begun.
    read: usize,
    /// How many of them could be used.
    used: usize,
}

impl Dataset {
    /// Opens the configured source. All order comes from `rng`.
    pub fn open(config: &DatasetSection, mut rng: ChaCha8Rng) -> Result<Self, DatasetError> {
        let mut files = Vec::new();
        if let Some(source) = &config.source {
            list_files(source, &mut files)?;
            // The order of a folder listing differs between file systems; the seed must be all that decides.
            files.sort();
        }
        let records = begin(config, &files, &mut rng);
        let config = config.clone();
        let inner = Inner {
            config,
            files,
            rng,
            records,
            buffer: Vec::new(),
            buffered_bytes: 0,
            read: 0,
            used: 0,
        };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
        })
    }

    /// The next text, with at least the configured number of dots. Reads files on a thread that may block.
    pub async fn next(&self) -> Result<String, DatasetError> {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.lock().next())
            .await
            .map_err(DatasetError::Interrupted)?
    }
}

impl Inner {
    fn next(&mut self) -> Result<String, DatasetError> {
        loop {
            self.fill();
            if !self.buffer.is_empty() {
                let slot = self.rng.random_range(0..self.buffer.len());
                let text = self.buffer.swap_remove(slot);
                self.buffered_bytes -= text.len();
                return Ok(text);
            }
            if self.used == 0 {
                let (files, records, min_dots) = (self.files.len(), self.read, self.config.min_dots);
                self.restart();
                return Err(DatasetError::Empty {
                    files,
                    records,
                    min_dots,
                });
            }
            self.restart();
        }
    }

    fn fill(&mut self) {
        while self.buffer.len() < self.config.shuffle_buffer.max(1) && self.buffered_bytes < BUFFER_BYTES {
            let Some(text) = self.records.next() else {
                return;
            };
            self.read += 1;
            if text.matches('.').count() >= self.config.min_dots && !text.trim().is_empty() {
                self.used += 1;
                self.buffered_bytes += text.len();
                self.buffer.push(text);
            }
        }
    }

    fn restart(&mut self) {
        self.records = begin(&self.config, &self.files, &mut self.rng);
        (self.read, self.used) = (0, 0);
    }
}

fn begin(config: &DatasetSection, files: &[PathBuf], rng: &mut ChaCha8Rng) -> Records {
    if config.source.is_none() {
        return Records::shipped(corpus::ARTICLES);
    }
    let mut order = files.to_vec();
    order.shuffle(rng);
    let single = config.source.as_ref().is_some_and(|source| source.is_file());
    Records::files(order, config.text_field.clone(), single)
}

fn list_files(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), DatasetError> {
    let failed = |source| DatasetError::Read {
        path: path.to_owned(),
        source,
    };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        // Links are not followed: one that points upwards would never end.
        if kind.is_dir() {
            list_files(&path, found)?;
        } else if kind.is_file() && matches!(path.extension().and_then(|e| e.to_str()), Some("txt" | "jsonl")) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn take(dataset: &Dataset, count: usize) -> Vec<String> {
        (0..count).map(|_| dataset.inner.lock().next().unwrap()).collect()
    }

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, DatasetSection) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let config = DatasetSection {
            source: Some(folder.path().to_owned()),
            ..DatasetSection::default()
        };
        (folder, config)
    }

    #[test]
    fn the_articles_that_ship_are_varied_and_long_enough() {
        let config = DatasetSection::default();
        let mut texts = take(&Dataset::open(&config, rng(1)).unwrap(), corpus::ARTICLES.len());
        texts.sort();
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
    fn the_seed_decides_the_order() {
        let config = DatasetSection::default();
        let order = |seed| take(&Dataset::open(&config, rng(seed)).unwrap(), 40);
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }

    #[test]
    fn folders_are_read_with_their_folders_and_other_files_are_left_alone() {
        let (_folder, config) = folder(&[
            ("a.txt", "One. Two. Three."),
            (
                "deep/b.jsonl",
                "{\"text\":\"B one. B two. B three.\"}\nnot json\n{\"other\":1}\n{\"text\":\"no dots\"}\n",
            ),
            ("c.md", "Not. This. One. At. All."),
        ]);
        let dataset = Dataset::open(&config, rng(1)).unwrap();
        let mut texts = take(&dataset, 4);
        texts.sort();
        texts.dedup();
        assert_eq!(texts, ["B one. B two. B three.", "One. Two. Three."]);
    }

    #[test]
    fn a_single_text_file_is_split_at_empty_lines() {
        let (folder, mut config) = folder(&[("a.txt", "A. b. c.\nd.\n\nE. f. g.\n\n\nshort\n")]);
        config.source = Some(folder.path().join("a.txt"));
        let mut texts = take(&Dataset::open(&config, rng(1)).unwrap(), 2);
        texts.sort();
        assert_eq!(texts, ["A. b. c.\nd.", "E. f. g."]);
    }

    #[test]
    fn a_source_without_usable_text_is_an_error_that_counts() {
        let (_folder, config) = folder(&[("a.jsonl", "{\"text\":\"no dots\"}\n")]);
        let dataset = Dataset::open(&config, rng(1)).unwrap();
        let error = dataset.inner.lock().next().unwrap_err().to_string();
        assert!(error.contains("1 records were read from 1"), "{error}");
        let missing = DatasetSection {
            source: Some("/nowhere/at/all".into()),
            ..config
        };
        assert!(matches!(
            Dataset::open(&missing, rng(1)),
            Err(DatasetError::Read { .. })
        ));
    }

    #[test]
    fn a_line_of_any_length_is_skipped_not_kept() {
        let huge = format!("{{\"text\":\"{}\"}}\n{{\"text\":\"x. y. z.\"}}", "a.".repeat(2 << 20));
        let (_folder, config) = folder(&[("a.jsonl", &huge)]);
        let dataset = Dataset::open(&config, rng(1)).unwrap();
        assert_eq!(take(&dataset, 1), ["x. y. z."]);
    }
}
