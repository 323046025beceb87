//! Running a runtime that the user brings, as WebAssembly, in place of the one compiled in.
//!
//! The code is part of the state (`:code`), as on any Substrate chain, so an upgrade by `set_code` takes effect as well. Blocks,
//! store and RPC are the same as with the runtime compiled in; only the [`Engine`](crate::exec::Engine) is another.

mod about;
mod blob;
mod engine;
mod genesis;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sp_core::storage::well_known_keys::CODE;
use sp_crypto_hashing::blake2_64;
use sp_version::RuntimeVersion;

use self::{engine::WasmEngine, genesis::Plan};
use crate::{
    chain::{Chain, QueryError},
    error::LocalnetError,
    exec::ExecError,
    genesis::Beginning,
    seal::{self, with_cause},
    store::{Identity, Store},
};

/// Where a runtime and its genesis are found.
#[derive(Debug, Clone, Default)]
pub struct RuntimeFiles {
    /// The code, compressed or not.
    pub code: PathBuf,
    /// Which of the runtime's own genesis presets to begin from; `None` takes the first it has of `development` and
    /// `local_testnet`, or else its default configuration, which can also be asked for as `default`.
    pub preset: Option<String>,
    /// A file in JSON that changes the preset, or a chain spec.
    pub genesis: Option<PathBuf>,
    /// Takes a runtime that imports functions which this program does not have; a call that needs one fails.
    pub allow_missing_functions: bool,
}

/// A runtime that the user brings, read and looked at, but not run yet.
#[derive(Clone)]
pub struct WasmRuntime {
    name: String,
    code: Vec<u8>,
    plan: Plan,
    allow_missing_functions: bool,
}

impl std::fmt::Debug for WasmRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmRuntime")
            .field("name", &self.name)
            .field("bytes", &self.code.len())
            .finish_non_exhaustive()
    }
}

impl WasmRuntime {
    /// Reads the code and what its genesis shall be.
    ///
    /// # Errors
    /// [`LocalnetError::Runtime`] when a file cannot be read, is too large, or is not what it should be.
    pub fn read(files: &RuntimeFiles) -> Result<Self, LocalnetError> {
        let name = files.code.display().to_string();
        let code = blob::read(&files.code).map_err(|detail| refused(&name, detail))?;
        let plan = match &files.genesis {
            Some(path) => Plan::read(path).map_err(|detail| LocalnetError::Preset {
                name: path.display().to_string(),
                detail,
            })?,
            None => Plan::default(),
        };
        Ok(Self {
            name,
            code,
            plan: plan.preset(files.preset.clone())?,
            allow_missing_functions: files.allow_missing_functions,
        })
    }

    /// What the code says of itself.
    fn version(&self, engine: &WasmEngine) -> Result<RuntimeVersion, QueryError> {
        let code = [(CODE.to_vec(), self.code.clone())];
        Chain::new(Store::new(&code), Box::new(engine.clone())).version()
    }

    /// The chain at its genesis, on which a block was tried and thrown away.
    pub(crate) fn build(&self, block_time_ms: u64) -> Result<Beginning, LocalnetError> {
        let refused = |detail: String| refused(&self.name, detail);
        let mut engine = WasmEngine::new(self.allow_missing_functions);
        let mut version = self.version(&engine);
        if version.as_ref().is_err_and(only_benchmarks_missing) {
            engine = WasmEngine::new(true);
            version = self.version(&engine);
        }
        let version = version.map_err(|error| refused(no_runtime(&error)))?;
        if let Some(reason) = unsupported(&version) {
            return Err(refused(reason));
        }
        let pairs = self.plan.build(&engine, &self.code, &version).map_err(refused)?;
        let store = Store::with_version(&pairs, version.state_version());
        let identity = Identity::new(version.spec_version, store.genesis().hash, block_time_ms);

        let chain = Chain::new(store, Box::new(engine.clone()));
        let about = about::about(&chain, &version, &self.plan).map_err(refused)?;
        seal::rehearse(&chain, now_ms()).map_err(|error| {
            refused(format!(
                "makes no block on its genesis: {}. Of inherents it is given the time (timstap0) alone",
                with_cause(&error)
            ))
        })?;
        tracing::info!(
            name = %version.spec_name,
            spec_version = version.spec_version,
            file = %self.name,
            "runtime from a file"
        );
        Ok(Beginning {
            engine: Box::new(engine),
            store: Store::with_version(&pairs, version.state_version()),
            identity,
            about,
        })
    }
}

fn refused(name: &str, detail: String) -> LocalnetError {
    LocalnetError::Runtime {
        name: name.to_owned(),
        detail,
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How the executor begins its list of functions that code imports in vain.
const MISSING: &str = "not present on the host: ";
/// How functions are called that only benchmarks need, so that a block never misses them.
const BENCHMARKS: &str = "'env:ext_benchmarking_";

/// Whether code cannot be run for nothing but benchmarks that were built into it, as in runtimes of some real chains.
fn only_benchmarks_missing(error: &QueryError) -> bool {
    let QueryError::Exec(ExecError::Panicked(text)) = error else {
        return false;
    };
    let names = text.split_once(MISSING).map(|(_, names)| names);
    names.is_some_and(|names| names.split(", ").all(|name| name.starts_with(BENCHMARKS)))
}

/// In words why code that was read is no runtime.
fn no_runtime(error: &QueryError) -> String {
    match error {
        QueryError::Exec(ExecError::NoSuchMethod(method)) => {
            format!("is WebAssembly, but no Substrate runtime: it has no function {method}")
        }
        QueryError::Exec(ExecError::BadAnswer { .. }) => {
            format!("is no Substrate runtime of a kind known here: {error}")
        }
        QueryError::Exec(ExecError::Panicked(text)) if text.contains(MISSING) => format!(
            "cannot be run: {text}. Build the runtime without them, or run it with --runtime-allow-missing: then only calls that need one \
             fail"
        ),
        QueryError::Exec(ExecError::Panicked(text)) => format!("cannot be run: {text}"),
        _ => format!("cannot be run: {error}"),
    }
}

/// Runtimes whose blocks need what a chain of one node without peers cannot give.
fn unsupported(version: &RuntimeVersion) -> Option<String> {
    let has = |api: &str| version.has_api_with(&blake2_64(api.as_bytes()), |_| true);
    if has("CollectCollationInfo") {
        Some(
            "is the runtime of a parachain: each of its blocks must hold the relay chain's validation data (inherent \
             sysi1337), which this program has none of"
                .to_owned(),
        )
    } else if has("ParachainHost") {
        Some(
            "is the runtime of a relay chain: each of its blocks must hold the parachains' candidates (inherent parachn0), \
             which this program has none of"
                .to_owned(),
        )
    } else if has("BabeApi") {
        Some(
            "seals its blocks by BABE, which this program does not; Aura, manual seal or nothing at all will do"
                .to_owned(),
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_only_benchmarks_need_are_told_from_others() {
        let missing = |names: &str| {
            let text = format!("runtime requires function imports which are {MISSING}{names}");
            only_benchmarks_missing(&ExecError::Panicked(text).into())
        };
        assert!(missing("'env:ext_benchmarking_wipe_db_version_1'"));
        assert!(missing(
            "'env:ext_benchmarking_wipe_db_version_1', 'env:ext_benchmarking_commit_db_version_1'"
        ));
        assert!(!missing(
            "'env:ext_benchmarking_wipe_db_version_1', 'env:ext_moon_phase_version_1'"
        ));
        assert!(!only_benchmarks_missing(
            &ExecError::NoSuchMethod("Core_version".to_owned()).into()
        ));
    }
}
