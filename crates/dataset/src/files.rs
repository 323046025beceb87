//! Which files a source has, and opening the one whose turn it is.

use std::path::{Path, PathBuf};

use crate::DatasetError;
use crate::config::{HubConfig, Location, TextRecords};
use crate::corpus;
use crate::format::{self, ReadConfig, Reader};
use crate::hub::{Fetched, HubFiles};
use crate::lines::OneText;

/// The files of a source, in the order of their names.
pub(crate) enum Files {
    Shipped,
    Local(Vec<PathBuf>),
    Hub(HubFiles),
}

/// Why a file was not opened.
pub(crate) enum NotOpened {
    /// It never will be: the next one is taken.
    Skip(String),
    /// It may be later: the same one is tried again.
    Later(DatasetError),
}

impl Files {
    /// Finds the files. Those of a hub dataset are asked for when the first of them is needed: a hub that is not reached must
    /// not keep a validator from starting. `commit` is the one to stay with, where a run goes on.
    pub(crate) fn find(location: &Location, hub: &HubConfig, commit: Option<String>) -> Result<Self, DatasetError> {
        let files = match location {
            Location::Shipped => return Ok(Self::Shipped),
            Location::Hub { repo, revision, path } => {
                return Ok(Self::Hub(HubFiles::new(hub.clone(), repo, revision, path, commit)));
            }
            Location::Local(path) => local(path)?,
        };
        if files.is_empty() {
            return Err(DatasetError::NoFiles {
                source_name: location.to_string(),
            });
        }
        Ok(Self::Local(files))
    }

    /// How many there are; asks the hub where it was not asked yet.
    pub(crate) fn count(&mut self) -> Result<usize, DatasetError> {
        match self {
            Self::Shipped => Ok(corpus::ARTICLES.len()),
            Self::Local(files) => Ok(files.len()),
            Self::Hub(files) => Ok(files.list()?.len()),
        }
    }

    /// The commit of the hub that is read.
    pub(crate) fn commit(&self) -> Option<&str> {
        match self {
            Self::Hub(files) => files.commit(),
            _ => None,
        }
    }

    /// A number that changes with the names of the files and their order; asks the hub where it was not asked yet.
    pub(crate) fn fingerprint(&mut self) -> Result<u64, DatasetError> {
        Ok(match self {
            Self::Shipped => fnv(corpus::ARTICLES.iter().map(|text| text.as_bytes())),
            Self::Local(files) => fnv(files.iter().map(|path| path.as_os_str().as_encoded_bytes())),
            Self::Hub(files) => fnv(files.list()?.iter().map(String::as_bytes)),
        })
    }

    /// What a file is called in the log.
    pub(crate) fn name(&self, index: usize) -> String {
        match self {
            Self::Shipped => format!("article {index}"),
            Self::Local(files) => files
                .get(index)
                .map_or_else(String::new, |path| path.display().to_string()),
            Self::Hub(files) => files.name(index),
        }
    }

    /// Opens a file, fetching it first where it lies on the hub.
    pub(crate) fn open(&mut self, index: usize, config: &ReadConfig) -> Result<Box<dyn Reader>, NotOpened> {
        let gone = || NotOpened::Skip("it is not there".into());
        let path = match self {
            Self::Shipped => return Ok(Box::new(OneText(corpus::ARTICLES.get(index).copied()))),
            Self::Local(files) => files.get(index).ok_or_else(gone)?.clone(),
            Self::Hub(files) => match files.fetch(index).map_err(NotOpened::Later)? {
                Fetched::Here(path) => path,
                Fetched::Gone => return Err(gone()),
            },
        };
        let name = self.name(index);
        format::open(&path, &name, config).map_err(|error| NotOpened::Skip(error.to_string()))
    }
}

/// How the files of a source are read.
pub(crate) fn read_config(location: &Location, text_field: &str, records: TextRecords) -> ReadConfig {
    let single = matches!(location, Location::Local(path) if Path::new(path).is_file());
    ReadConfig {
        text_field: text_field.to_owned(),
        paragraphs: match records {
            TextRecords::Auto => single,
            TextRecords::File => false,
            TextRecords::Paragraphs => true,
        },
    }
}

fn local(text: &str) -> Result<Vec<PathBuf>, DatasetError> {
    let path = Path::new(text);
    let mut found = Vec::new();
    let metadata = std::fs::metadata(path);
    if metadata.is_err() && text.contains(['*', '?', '[']) {
        let wrong = |error: glob::PatternError| DatasetError::Source {
            text: text.to_owned(),
            reason: format!("is no path and no glob: {error}"),
        };
        for entry in glob::glob(text).map_err(wrong)? {
            let path = entry.map_err(|error| DatasetError::Read {
                path: error.path().to_owned(),
                source: error.into(),
            })?;
            // What a glob names outright is read whatever it is called, as a file named alone is.
            if path.is_file() {
                found.push(path);
            }
        }
    } else if metadata.map_err(failed(path))?.is_dir() {
        walk(path, &mut found)?;
    } else {
        found.push(path.to_owned());
    }
    // The order of a folder listing differs between file systems; the seed must be all that decides.
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), DatasetError> {
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let kind = entry.file_type().map_err(failed(folder))?;
        // Links are not followed: one that points upwards would never end.
        if kind.is_dir() {
            walk(&entry.path(), found)?;
        } else if kind.is_file() && format::is_known(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> DatasetError {
    let path = path.to_owned();
    move |source| DatasetError::Read {
        path: path.clone(),
        source,
    }
}

/// FNV-1a, 64 bits, of texts with their ends: it must be the same in every version of this program.
fn fnv<'a>(texts: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for text in texts {
        for byte in text.iter().chain(&[0]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
    }

    fn names(folder: &Path, pattern: &str) -> Vec<String> {
        let files = local(folder.join(pattern).to_str().unwrap()).unwrap();
        let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        files.iter().map(name).collect()
    }

    #[test]
    fn folders_globs_and_single_files_are_listed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        touch(
            folder.path(),
            &["b.jsonl.zst", "a.txt", "c.md", "deep/er/d.parquet", "deep/e.json"],
        );
        assert_eq!(
            names(folder.path(), ""),
            ["a.txt", "b.jsonl.zst", "deep/e.json", "deep/er/d.parquet"]
        );
        assert_eq!(names(folder.path(), "**/*.parquet"), ["deep/er/d.parquet"]);
        assert_eq!(names(folder.path(), "?.md"), ["c.md"]);
        assert_eq!(names(folder.path(), "c.md"), ["c.md"]);
        assert_eq!(names(folder.path(), "*.csv"), [""; 0]);
        assert!(matches!(local("/nowhere/at/all"), Err(DatasetError::Read { .. })));
        assert!(matches!(local("/nowhere/["), Err(DatasetError::Source { .. })));
        let missing = Location::Local(folder.path().join("*.csv").to_str().unwrap().into());
        let error = Files::find(&missing, &HubConfig::default(), None).err().unwrap();
        assert!(error.to_string().contains(".parquet"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["a.txt"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        assert_eq!(names(folder.path(), ""), ["a.txt"]);
    }
}
