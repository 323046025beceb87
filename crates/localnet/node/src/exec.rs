//! Running the runtime: one function, by name and SCALE bytes, over an overlay of pending changes.
//!
//! The trait exists so that another engine, one for code in WebAssembly, can take the native one's place.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Once},
};

use sp_runtime::{Digest, traits::BlakeTwo256};
use sp_state_machine::{Ext, OverlayedChanges, Storage, TrieBackend};
use sp_trie::cache::LocalTrieCache;
use sp_version::RuntimeVersion;

use crate::types::Header;

/// Changes made by calls and not yet part of any state.
pub type Overlay = OverlayedChanges<BlakeTwo256>;
/// One state, readable.
pub type Backend = TrieBackend<Arc<dyn Storage<BlakeTwo256>>, BlakeTwo256, LocalTrieCache<BlakeTwo256>>;

/// Why a call into the runtime gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// The runtime has no such function.
    #[error("exported method {0} is not found")]
    NoSuchMethod(String),
    /// The runtime panicked, which is how it refuses arguments that do not decode.
    #[error("execution aborted due to panic: {0}")]
    Panicked(String),
    /// The answer was not what the function's type says.
    #[error("{method} gave an answer that does not decode: {detail}")]
    BadAnswer {
        /// The function.
        method: &'static str,
        /// What the decoder said.
        detail: String,
    },
    /// The overlay was left inside a call; a fault of the node.
    #[error("the overlay is in the wrong state: {0}")]
    Overlay(String),
}

/// Runs runtime functions.
pub trait Engine: Send + Sync + 'static {
    /// Calls `method` with `args` on the state of `backend` as changed by `overlay`.
    ///
    /// What the call writes lands in `overlay`; of a call that fails nothing can be said, so wrap it in a transaction.
    fn call(&self, overlay: &mut Overlay, backend: &Backend, method: &str, args: &[u8]) -> Result<Vec<u8>, ExecError>;

    /// What the header of the block after `parent`, whose state is `backend`, holds from the beginning, and the time of that
    /// block in milliseconds since 1970: `now_ms`, or a later one where the runtime insists.
    fn opening(&self, _parent: &Header, _backend: &Backend, now_ms: u64) -> (Digest, u64) {
        (Digest::default(), now_ms)
    }

    /// The version that `code` says it has; `None` where code is not what runs.
    fn version_of(&self, _code: &[u8]) -> Option<RuntimeVersion> {
        None
    }
}

/// The runtime compiled into this program.
#[derive(Debug, Default, Clone, Copy)]
pub struct NativeEngine;

impl Engine for NativeEngine {
    fn call(&self, overlay: &mut Overlay, backend: &Backend, method: &str, args: &[u8]) -> Result<Vec<u8>, ExecError> {
        // Without this frame a panic leaves the transactions it had opened, and the next commit asserts.
        overlay
            .enter_runtime()
            .map_err(|error| ExecError::Overlay(format!("{error:?}")))?;
        let mut ext = Ext::new(overlay, backend, None);
        let answer = catch_quietly(|| {
            sp_externalities::set_and_run_with_externalities(&mut ext, || {
                node_subtensor_runtime::api::dispatch(method, args)
            })
        });
        overlay
            .exit_runtime()
            .map_err(|error| ExecError::Overlay(format!("{error:?}")))?;
        answer
            .map_err(ExecError::Panicked)?
            .ok_or_else(|| ExecError::NoSuchMethod(method.to_owned()))
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `f`; a panic becomes its message.
///
/// Runtime panics are ordinary answers to bad arguments, so they must not fill the log with backtraces: a hook, set once,
/// keeps the text of panics under this function and hands all others on to the hook that was there before.
fn catch_quietly<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                LAST_PANIC.set(Some(info.to_string().replace('\n', " ")));
            } else {
                previous(info);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    QUIET.set(outer);
    result.map_err(|_| LAST_PANIC.take().unwrap_or_else(|| "no message".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_the_thread_goes_on() {
        let refused = catch_quietly(|| -> u8 { panic!("bad input") });
        assert!(refused.unwrap_err().contains("bad input"));
        assert_eq!(catch_quietly(|| 7), Ok(7));
    }
}
