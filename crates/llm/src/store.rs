//! Where models come from and where they are kept.
//!
//! A model is named by a [`ModelRef`]: the default, a path, or a hub id. [`ModelStore::ensure`] turns that into a
//! path on this machine, fetching what is missing. Nothing that is already here needs a network or Python.

mod download;
mod hub;
mod lock;
mod progress;
mod reference;
mod shipped;
mod verify;
mod wheel;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use progress::{NoProgress, Progress, StderrProgress};
pub use reference::ModelRef;
pub use shipped::{MINILM_L6, Member, SMOLLM2_135M, Shipped};

use crate::ModelError;
use verify::Verdict;

/// The folder of models of one user, shared by all processes.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
    /// Ways of calling pip, the first that works is used.
    pip: Vec<Vec<String>>,
    hub: hub::Hub,
}

impl ModelStore {
    /// A store in `cache_dir`, or in the usual place: `$AXONEME_CACHE`, else `$XDG_CACHE_HOME/axoneme`, else
    /// `~/.cache/axoneme`. Nothing is created until a model is fetched.
    pub fn new(cache_dir: Option<PathBuf>) -> Self {
        Self {
            root: cache_dir.unwrap_or_else(default_cache_dir).join("models"),
            pip: download::usual_pips(),
            hub: hub::Hub::default(),
        }
    }

    /// The folder all models of this store lie in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a model available and returns where it is.
    ///
    /// `default` is what [`ModelRef::Default`] stands for. The result is a file for a model that is one file, else the
    /// folder holding its files. A file of the default that is torn or altered is fetched anew; a path given by the
    /// user is only looked at, never changed. Waits for the network, so the work is done on a blocking thread.
    pub async fn ensure(
        &self,
        reference: &ModelRef,
        default: &'static Shipped,
        progress: Arc<dyn Progress>,
    ) -> Result<PathBuf, ModelError> {
        let (store, reference) = (self.clone(), reference.clone());
        tokio::task::spawn_blocking(move || store.ensure_blocking(&reference, default, progress.as_ref()))
            .await
            .unwrap_or_else(|error| {
                Err(ModelError::Fetch {
                    name: default.name.to_owned(),
                    reason: error.to_string(),
                    path: self.root.clone(),
                })
            })
    }

    /// [`ModelStore::ensure`] for callers outside a runtime.
    pub fn ensure_blocking(
        &self,
        reference: &ModelRef,
        default: &Shipped,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ModelError> {
        match reference {
            ModelRef::Default => self.ensure_shipped(default, progress),
            ModelRef::Path(path) if path.exists() => Ok(path.clone()),
            ModelRef::Path(path) => Err(ModelError::NotFound { path: path.clone() }),
            ModelRef::Hub { repo, revision, file } => {
                self.hub
                    .ensure(&self.root, repo, revision.as_deref(), file.as_deref(), progress)
            }
        }
    }

    /// Where the files of a default model are, whether or not they are there yet.
    pub fn folder_of(&self, model: &Shipped) -> PathBuf {
        self.root.join(model.name)
    }

    fn ensure_shipped(&self, model: &Shipped, progress: &dyn Progress) -> Result<PathBuf, ModelError> {
        let folder = self.folder_of(model);
        if self.all_sound(model, progress)? {
            return Ok(model.entry_point(&folder));
        }
        std::fs::create_dir_all(&self.root).map_err(|source| ModelError::io(&self.root, source))?;
        let _lock = lock::acquire(&self.root.join(format!("{}.lock", model.name)), progress)?;
        // Another process may have fetched it while this one waited for the lock.
        if !self.all_sound(model, progress)? {
            download::fetch(model, &self.pip, &self.root, &folder, progress)?;
        }
        Ok(model.entry_point(&folder))
    }

    fn all_sound(&self, model: &Shipped, progress: &dyn Progress) -> Result<bool, ModelError> {
        let folder = self.folder_of(model);
        let mut sound = true;
        for member in model.members {
            match verify::check(&folder.join(member.file), member)? {
                Verdict::Sound => {}
                Verdict::Missing => sound = false,
                Verdict::Torn => {
                    progress.note(&format!(
                        "{}: {} is torn or altered, fetching it anew",
                        model.name, member.file
                    ));
                    sound = false;
                }
            }
        }
        Ok(sound)
    }
}

fn default_cache_dir() -> PathBuf {
    let from_env = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from_env("AXONEME_CACHE")
        .or_else(|| from_env("XDG_CACHE_HOME").map(|base| base.join("axoneme")))
        .or_else(|| from_env("HOME").map(|home| home.join(".cache").join("axoneme")))
        .unwrap_or_else(|| std::env::temp_dir().join("axoneme"))
}

#[cfg(test)]
mod hub_tests;
#[cfg(test)]
mod tests;
