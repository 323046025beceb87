//! Models named by a hub id.
//!
//! They live in the hub's own cache folder, so a model already fetched by other tools is found, and offline use works
//! for whatever is there. The usual variables of that cache (`HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`) apply.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};

use super::Progress;
use super::verify::{self, Verdict};
use crate::ModelError;

/// A transfer that delivers nothing for so long is given up.
const STALL_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The files of a model in the usual safetensors layout. Models in several shards carry an index instead.
const NEEDED: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];
/// Files that complete a model where they exist.
const WELCOME: [&str; 4] = [
    "tokenizer_config.json",
    "chat_template.jinja",
    "sentence_bert_config.json",
    "generation_config.json",
];

/// How the hub is reached; the defaults are those of its own tools.
#[derive(Debug, Clone, Default)]
pub(super) struct Hub {
    /// Another server, for tests.
    pub(super) endpoint: Option<String>,
    /// Another cache folder, for tests.
    pub(super) cache: Option<PathBuf>,
}

impl Hub {
    /// Makes a hub model available. Returns the file that was named, or the folder of the whole model.
    pub(super) fn ensure(
        &self,
        root: &Path,
        repo: &str,
        revision: Option<&str>,
        file: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ModelError> {
        let revision = revision.unwrap_or("main");
        let source = Source {
            hub: self,
            repo_id: repo,
            repo: Repo::with_revision(repo.to_owned(), RepoType::Model, revision.to_owned()),
            notes: root.join("hub-verified"),
            progress,
        };
        match file {
            Some(file) => source.bring(file),
            None => source.bring_folder(),
        }
    }

    fn cache(&self) -> Cache {
        self.cache.clone().map_or_else(Cache::from_env, Cache::new)
    }

    fn client(&self) -> ApiBuilder {
        let builder = match &self.cache {
            Some(_) => ApiBuilder::from_cache(self.cache()),
            None => ApiBuilder::from_env(),
        };
        let builder = builder.with_progress(false).with_retries(2);
        match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.clone()),
            None => builder,
        }
    }
}

struct Source<'a> {
    hub: &'a Hub,
    repo_id: &'a str,
    repo: Repo,
    notes: PathBuf,
    progress: &'a dyn Progress,
}

impl Source<'_> {
    fn bring_folder(&self) -> Result<PathBuf, ModelError> {
        let mut folder = PathBuf::new();
        for file in NEEDED {
            folder = self.bring(file)?.parent().map(Path::to_owned).unwrap_or_default();
        }
        for file in WELCOME {
            // Absent in many models; their absence is reported where they are needed.
            if let Err(error) = self.bring(file) {
                tracing::debug!(file, %error, "optional model file not fetched");
            }
        }
        Ok(folder)
    }

    fn bring(&self, file: &str) -> Result<PathBuf, ModelError> {
        let cached = self.hub.cache().repo(self.repo.clone());
        if let Some(path) = cached.get(file) {
            if self.is_sound(&path)? {
                return Ok(path);
            }
            self.progress
                .note(&format!("{file} is torn or altered, fetching it anew"));
            // The entry is a link to a blob named by its digest; both go, or the hub client would find them again.
            let blob = path.canonicalize().map_err(|source| ModelError::io(&path, source))?;
            for stale in [&path, &blob] {
                let _ = std::fs::remove_file(stale);
            }
        }
        let path = self.download(file).map_err(|reason| ModelError::Fetch {
            name: format!("hf:{}/{file}", self.repo_id),
            reason,
            path: cached.pointer_path("<commit>").join(file),
        })?;
        if self.is_sound(&path)? {
            Ok(path)
        } else {
            Err(ModelError::corrupt(&path, "its digest differs from the hub's"))
        }
    }

    /// Large files are stored under their sha256, which makes them checkable without the network. Others pass.
    fn is_sound(&self, path: &Path) -> Result<bool, ModelError> {
        let blob = path.canonicalize().map_err(|source| ModelError::io(path, source))?;
        let name = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(true);
        }
        let note = self.notes.join(name);
        Ok(verify::check_digest(&blob, name, &note)? == Verdict::Sound)
    }

    /// Downloads on a thread of its own, because the client has no limit for a peer that stops sending.
    fn download(&self, file: &str) -> Result<PathBuf, String> {
        let (repo, name) = (self.repo.clone(), file.to_owned());
        let client = self.hub.client();
        let arrived = Arc::new(AtomicU64::new(0));
        let (sender, receiver) = channel();
        let report = Report {
            arrived: arrived.clone(),
            sizes: sender.clone(),
        };
        std::thread::Builder::new()
            .name("hub-download".into())
            .spawn(move || {
                let result = client
                    .build()
                    .and_then(|api| api.repo(repo).download_with_progress(&name, report));
                let _ = sender.send(Message::Done(result));
            })
            .map_err(|error| error.to_string())?;
        let mut last = (0, std::time::Instant::now());
        loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(Message::Size(total)) => self.progress.started(file, total),
                Ok(Message::Done(result)) => {
                    self.progress.finished();
                    return result.map_err(|error| error.to_string());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("the download ended without a result".into());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = arrived.load(Ordering::Relaxed);
            if now > last.0 {
                last = (now, std::time::Instant::now());
                self.progress.advanced(now);
            } else if last.1.elapsed() > STALL_LIMIT {
                self.progress.finished();
                return Err(format!("nothing arrived for {} seconds", STALL_LIMIT.as_secs()));
            }
        }
    }
}

enum Message {
    Size(u64),
    Done(Result<PathBuf, ApiError>),
}

struct Report {
    arrived: Arc<AtomicU64>,
    sizes: Sender<Message>,
}

impl hf_hub::api::Progress for Report {
    fn init(&mut self, size: usize, _filename: &str) {
        let _ = self.sizes.send(Message::Size(size as u64));
    }

    fn update(&mut self, size: usize) {
        self.arrived.fetch_add(size as u64, Ordering::Relaxed);
    }

    fn finish(&mut self) {}
}
