//! What to read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::DatasetError;

/// OpenWebText as the hub's own conversion to Parquet serves it; the loader of the original is a script.
const OPEN_WEB_TEXT: &str = "hf:datasets/Skylion007/openwebtext@refs/convert/parquet";
/// RedPajama without its duplicates; the files of the first edition cannot be had any more.
const RED_PAJAMA: &str = "hf:datasets/cerebras/SlimPajama-627B/train";

/// What a [`crate::Dataset`] reads and how.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetConfig {
    /// Where records come from; empty for the articles that ship.
    pub sources: Vec<SourceSpec>,
    /// Field of a JSON record, or column of a Parquet file, that holds the text; dots lead into nested ones.
    pub text_field: String,
    /// What is one record of a text file.
    pub text_records: TextRecords,
    /// Records of each source among which the next one is drawn.
    pub shuffle_buffer: usize,
    /// Texts with fewer dots are skipped.
    pub min_dots: usize,
    /// How the hub is reached.
    pub hub: HubConfig,
}

impl Default for DatasetConfig {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            text_field: "text".into(),
            text_records: TextRecords::Auto,
            shuffle_buffer: 10_000,
            min_dots: 3,
            hub: HubConfig::default(),
        }
    }
}

/// How the hub is reached. What is not set here comes from the usual variables: `HF_ENDPOINT`, `HF_HOME` and `HF_TOKEN`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubConfig {
    /// Another server.
    pub endpoint: Option<String>,
    /// Another cache folder.
    pub cache: Option<PathBuf>,
}

/// What is one record of a `.txt` file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextRecords {
    /// Paragraphs where a source is one file, whole files where it is many.
    #[default]
    Auto,
    /// The whole file.
    File,
    /// Each run of lines between empty ones.
    Paragraphs,
}

/// One source and how often it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    /// Share among the weights of all sources; above 0.
    pub weight: f64,
    /// Where it is.
    pub location: Location,
}

/// Where records are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The articles that ship.
    Shipped,
    /// A file, a folder with its folders, or a glob on this machine.
    Local(String),
    /// A dataset of the hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// Branch, tag or commit.
        revision: String,
        /// A file, folder or glob inside; empty for everything.
        path: String,
    },
}

impl SourceSpec {
    /// Reads `[WEIGHT*]LOCATION`, where a location is a path, a glob, `hf:datasets/owner/name[@revision][/path]`,
    /// `openwebtext`, `redpajama` or `shipped`. What exists under the whole name is a path, whatever it looks like.
    ///
    /// # Errors
    /// [`DatasetError::Source`] for a weight that is not above 0, an empty location and a damaged hub name.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let wrong = |reason: &str| DatasetError::Source {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let whole = text.trim();
        if whole.is_empty() {
            return Err(wrong("is empty"));
        }
        let (weight, place) = match split_weight(whole) {
            Some(split) if !Path::new(whole).exists() => split,
            _ => (1.0, whole),
        };
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(wrong("the weight must be above 0"));
        }
        let location = match place {
            "" => return Err(wrong("there is no location after the weight")),
            _ if Path::new(place).exists() => Location::Local(place.to_owned()),
            "shipped" => Location::Shipped,
            "openwebtext" => hub_location(OPEN_WEB_TEXT).map_err(|reason| wrong(&reason))?,
            "redpajama" => hub_location(RED_PAJAMA).map_err(|reason| wrong(&reason))?,
            _ if place.starts_with("hf:") => hub_location(place).map_err(|reason| wrong(&reason))?,
            _ => Location::Local(place.to_owned()),
        };
        Ok(Self { weight, location })
    }

    /// Reads several, separated by commas.
    ///
    /// # Errors
    /// As [`SourceSpec::parse`].
    pub fn parse_all(text: &str) -> Result<Vec<Self>, DatasetError> {
        if Path::new(text.trim()).exists() {
            return Ok(vec![Self::parse(text)?]);
        }
        text.split(',').map(Self::parse).collect()
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shipped => f.write_str("shipped"),
            Self::Local(path) => f.write_str(path),
            Self::Hub { repo, revision, path } => {
                let slash = if path.is_empty() { "" } else { "/" };
                write!(f, "hf:datasets/{repo}@{revision}{slash}{path}")
            }
        }
    }
}

/// `0.3*rest`; a glob such as `*.txt` has no number in front of its star.
fn split_weight(text: &str) -> Option<(f64, &str)> {
    let (number, rest) = text.split_once('*')?;
    Some((number.trim().parse().ok()?, rest.trim()))
}

fn hub_location(text: &str) -> Result<Location, String> {
    const FORM: &str = "a hub dataset is named hf:datasets/owner/name[@revision][/path]";
    let rest = text.strip_prefix("hf:datasets/").ok_or(FORM)?;
    let mut parts = rest.splitn(3, '/');
    let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let tail = parts.next().unwrap_or_default();
    let (name, revision, path) = match name.split_once('@') {
        None => (name, "main".to_owned(), tail),
        // The hub's own references have slashes: refs/convert/parquet, refs/pr/7.
        Some((name, "refs")) => {
            let mut parts = tail.splitn(3, '/');
            let (kind, which) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if kind.is_empty() || which.is_empty() {
                return Err(FORM.into());
            }
            (name, format!("refs/{kind}/{which}"), parts.next().unwrap_or_default())
        }
        Some((name, revision)) => (name, revision.to_owned(), tail),
    };
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !plain(owner) || !plain(name) || !revision.split('/').all(plain) {
        return Err(FORM.into());
    }
    Ok(Location::Hub {
        repo: format!("{owner}/{name}"),
        revision,
        path: path.trim_end_matches('/').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(repo: &str, revision: &str, path: &str) -> Location {
        Location::Hub {
            repo: repo.into(),
            revision: revision.into(),
            path: path.into(),
        }
    }

    #[test]
    fn sources_are_read_with_weights_paths_and_hub_names() {
        let read =
            SourceSpec::parse_all("0.25*/data/a, 3 * hf:datasets/o/n@v1/sub/*.parquet,2024*.txt,*.jsonl").unwrap();
        let weights: Vec<f64> = read.iter().map(|spec| spec.weight).collect();
        assert_eq!(weights, [0.25, 3.0, 2024.0, 1.0]);
        assert_eq!(read[0].location, Location::Local("/data/a".into()));
        assert_eq!(read[1].location, hub("o/n", "v1", "sub/*.parquet"));
        assert_eq!(read[3].location, Location::Local("*.jsonl".into()));
    }

    #[test]
    fn the_networks_own_datasets_have_short_names() {
        assert_eq!(
            SourceSpec::parse("openwebtext").unwrap().location,
            hub("Skylion007/openwebtext", "refs/convert/parquet", "")
        );
        assert_eq!(
            SourceSpec::parse("0.5*redpajama").unwrap().location,
            hub("cerebras/SlimPajama-627B", "main", "train")
        );
    }

    #[test]
    fn locations_are_written_as_they_are_read() {
        for text in [
            "shipped",
            "/a/b",
            "hf:datasets/o/n@main/x/y.jsonl",
            "hf:datasets/o/n@refs/pr/7/x",
        ] {
            assert_eq!(SourceSpec::parse(text).unwrap().location.to_string(), text);
        }
    }

    #[test]
    fn damaged_names_are_refused_with_the_form() {
        for text in [
            "hf:datasets/o",
            "hf:o/n",
            "hf:datasets/o/../n",
            "hf:datasets/o/n@refs/x",
            "hf:datasets/o/n@",
        ] {
            let error = SourceSpec::parse(text).unwrap_err().to_string();
            assert!(error.contains("hf:datasets/owner/name"), "{error}");
        }
        assert!(SourceSpec::parse("0*/a").unwrap_err().to_string().contains("above 0"));
        assert!(SourceSpec::parse(" ").is_err());
        assert!(SourceSpec::parse("1*").is_err());
    }

    #[test]
    fn a_file_that_exists_is_a_path_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("2*a,b.txt");
        std::fs::write(&path, "x").unwrap();
        let read = SourceSpec::parse_all(path.to_str().unwrap()).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].location, Location::Local(path.to_str().unwrap().into()));
    }
}
