//! Datasets of the hub.
//!
//! Files live in the hub's own cache folder, so what other tools fetched is found, and what is there can be read without the
//! network. The usual variables (`HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`) apply.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};

use crate::DatasetError;
use crate::config::HubConfig;
use crate::format;

/// A transfer that delivers nothing for so long is given up.
const STALL_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The files of a dataset at one commit.
pub(crate) struct HubFiles {
    hub: HubConfig,
    repo: String,
    revision: String,
    /// A file, folder or glob inside; empty for everything.
    path: String,
    commit: Option<String>,
    files: Option<Vec<String>>,
}

/// What became of a file.
pub(crate) enum Fetched {
    Here(PathBuf),
    /// The hub has it no more.
    Gone,
}

impl HubFiles {
    pub(crate) fn new(hub: HubConfig, repo: &str, revision: &str, path: &str, commit: Option<String>) -> Self {
        Self {
            hub,
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            path: path.to_owned(),
            // It becomes part of paths and addresses.
            commit: commit.filter(|commit| !commit.is_empty() && commit.bytes().all(|b| b.is_ascii_alphanumeric())),
            files: None,
        }
    }

    pub(crate) fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    pub(crate) fn name(&self, index: usize) -> String {
        self.files
            .as_ref()
            .and_then(|files| files.get(index))
            .cloned()
            .unwrap_or_default()
    }

    /// The files that can be read, in order. Asks the hub once; where it is not reached, what is in the cache has to do.
    pub(crate) fn list(&mut self) -> Result<&[String], DatasetError> {
        if self.files.is_none() {
            let (commit, all) = match self.ask() {
                Ok(found) => found,
                Err(reason) => self.cached().ok_or_else(|| self.failed("", reason.clone()))?,
            };
            let mut files: Vec<String> = all.into_iter().filter(|name| self.wanted(name)).collect();
            files.sort();
            files.dedup();
            if files.is_empty() {
                return Err(DatasetError::NoFiles {
                    source_name: self.full_name(""),
                });
            }
            tracing::info!(dataset = %self.full_name(""), %commit, files = files.len(), "reading a dataset of the hub");
            self.commit = Some(commit);
            self.files = Some(files);
        }
        Ok(self.files.as_deref().unwrap_or_default())
    }

    /// Brings a file here unless it is in the cache.
    pub(crate) fn fetch(&mut self, index: usize) -> Result<Fetched, DatasetError> {
        let Some(name) = self.list()?.get(index).cloned() else {
            return Ok(Fetched::Gone);
        };
        let repo = self.repo_at(self.commit.as_deref().unwrap_or(&self.revision));
        if let Some(path) = self.in_cache(&name) {
            return Ok(Fetched::Here(path));
        }
        tracing::info!(file = %self.full_name(&name), "fetching a file of the dataset");
        let path = match self.download(repo, &name) {
            Ok(path) => path,
            // The client has no code for this; the answer's status is in its words.
            Err(reason) if reason.contains("404") => return Ok(Fetched::Gone),
            Err(reason) => return Err(self.failed(&name, reason)),
        };
        if !is_sound(&path).map_err(|error| self.failed(&name, error.to_string()))? {
            // The entry is a link to a blob; both go, or the client would find them again.
            for stale in [path.canonicalize().unwrap_or_default(), path] {
                let _ = std::fs::remove_file(stale);
            }
            return Err(self.failed(&name, "what arrived differs from what the hub has".into()));
        }
        Ok(Fetched::Here(path))
    }

    fn wanted(&self, name: &str) -> bool {
        // The name becomes a path in the cache folder: none may lead out of it.
        let inside = !name.is_empty()
            && name
                .split('/')
                .all(|part| !part.is_empty() && part != ".." && part != ".");
        if !inside || name.contains(['\\', '\0']) {
            return false;
        }
        if self.path.contains(['*', '?', '[']) {
            return glob::Pattern::new(&self.path).is_ok_and(|pattern| pattern.matches(name));
        }
        if name == self.path {
            return true;
        }
        let below = self.path.is_empty() || name.strip_prefix(&self.path).is_some_and(|rest| rest.starts_with('/'));
        below && format::is_known(name)
    }

    /// The commit and all files of the repository.
    fn ask(&self) -> Result<(String, Vec<String>), String> {
        let repo = self.repo_at(self.commit.as_deref().unwrap_or(&self.revision));
        let client = self.client();
        let info = on_a_thread(&AtomicU64::new(0), move || {
            client.build().and_then(|api| api.repo(repo).info())
        })?;
        if info.sha.is_empty() || !info.sha.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("the hub's answer names no commit".into());
        }
        let names = info.siblings.into_iter().map(|file| file.rfilename).collect();
        Ok((info.sha, names))
    }

    /// What the cache folder has of the revision.
    fn cached(&self) -> Option<(String, Vec<String>)> {
        let folder = self.cache_folder();
        let noted = || std::fs::read_to_string(folder.join("refs").join(&self.revision)).ok();
        let commit = self.commit.clone().or_else(noted)?.trim().to_owned();
        let snapshot = folder.join("snapshots").join(&commit);
        let mut names = Vec::new();
        list_names(&snapshot, "", &mut names).ok()?;
        tracing::warn!(dataset = %self.full_name(""), "the hub is not reached; reading what is in its cache");
        Some((commit, names))
    }

    fn in_cache(&self, name: &str) -> Option<PathBuf> {
        let snapshot = self.cache_folder().join("snapshots").join(self.commit.as_deref()?);
        let path = snapshot.join(name);
        path.is_file().then_some(path)
    }

    fn cache_folder(&self) -> PathBuf {
        self.cache().path().join(self.repo_at(&self.revision).folder_name())
    }

    fn repo_at(&self, revision: &str) -> Repo {
        Repo::with_revision(self.repo.clone(), RepoType::Dataset, revision.to_owned())
    }

    fn cache(&self) -> Cache {
        self.hub.cache.clone().map_or_else(Cache::from_env, Cache::new)
    }

    fn client(&self) -> ApiBuilder {
        let builder = match &self.hub.cache {
            Some(_) => ApiBuilder::from_cache(self.cache()),
            None => ApiBuilder::from_env(),
        };
        let builder = builder.with_progress(false).with_retries(2);
        match &self.hub.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.clone()),
            None => builder,
        }
    }

    fn download(&self, repo: Repo, name: &str) -> Result<PathBuf, String> {
        let arrived = Arc::new(AtomicU64::new(0));
        let report = Report(arrived.clone());
        let (client, name) = (self.client(), name.to_owned());
        on_a_thread(&arrived, move || {
            client
                .build()
                .and_then(|api| api.repo(repo).download_with_progress(&name, report))
        })
    }

    fn full_name(&self, file: &str) -> String {
        let slash = if file.is_empty() { "" } else { "/" };
        format!("hf:datasets/{}@{}{slash}{file}", self.repo, self.revision)
    }

    fn failed(&self, file: &str, reason: String) -> DatasetError {
        DatasetError::Fetch {
            name: self.full_name(file),
            reason,
        }
    }
}

struct Report(Arc<AtomicU64>);

impl hf_hub::api::Progress for Report {
    fn init(&mut self, _size: usize, _filename: &str) {}

    fn update(&mut self, size: usize) {
        self.0.fetch_add(size as u64, Ordering::Relaxed);
    }

    fn finish(&mut self) {}
}

/// Runs a transfer on a thread of its own, because the client has no limit for a peer that stops sending.
fn on_a_thread<T: Send + 'static>(
    arrived: &AtomicU64,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("hub-dataset".into())
        .spawn(move || {
            let _ = sender.send(work());
        })
        .map_err(|error| error.to_string())?;
    let mut last = (0, Instant::now());
    loop {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(result) => return result.map_err(|error| error.to_string()),
            Err(RecvTimeoutError::Disconnected) => return Err("the transfer ended without a result".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = arrived.load(Ordering::Relaxed);
        if now > last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > STALL_LIMIT {
            return Err(format!("nothing arrived for {} seconds", STALL_LIMIT.as_secs()));
        }
    }
}

/// Large files are stored under their sha256, which makes them checkable. Others pass.
fn is_sound(path: &Path) -> std::io::Result<bool> {
    let blob = path.canonicalize()?;
    let name = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(true);
    }
    let mut file = std::fs::File::open(&blob)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(hasher.finalize()) == name.to_ascii_lowercase());
        }
        hasher.update(&buffer[..read]);
    }
}

/// The names of all files below a folder, with slashes.
fn list_names(folder: &Path, prefix: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if entry.file_type()?.is_dir() {
            list_names(&entry.path(), &format!("{prefix}{name}/"), found)?;
        } else {
            // Links too: that is what the cache consists of.
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_never_leads_out_of_the_cache() {
        let files = |path| HubFiles::new(HubConfig::default(), "o/n", "main", path, None);
        for name in [
            "../a.txt",
            "a/../../b.txt",
            "/etc/a.txt",
            "a//b.txt",
            "a\\b.txt",
            "./a.txt",
            "",
        ] {
            assert!(!files("").wanted(name), "{name}");
            assert!(!files("*").wanted(name) && !files(name).wanted(name), "{name}");
        }
        assert!(files("").wanted("x/a.parquet"));
        assert!(!files("").wanted("README.md"));
        assert!(files("x").wanted("x/a.parquet") && !files("x").wanted("xy/a.parquet"));
        assert!(files("README.md").wanted("README.md"));
        assert!(files("x/*-0000?.jsonl").wanted("x/a-00001.jsonl"));
        assert!(!files("x/[").wanted("x/["));
    }
}
