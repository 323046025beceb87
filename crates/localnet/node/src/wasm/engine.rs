//! Runs the code that a state holds, on the executor of Substrate nodes.

use codec::{Decode, Encode};
use sc_executor::{HeapAllocStrategy, WasmExecutor, error::Error};
use sp_core::traits::{CallContext, CodeExecutor, ReadRuntimeVersion, ReadRuntimeVersionExt};
use sp_crypto_hashing::twox_128;
use sp_externalities::Extensions;
use sp_runtime::{Digest, DigestItem};
use sp_state_machine::{
    Backend as _, BasicExternalities, Ext,
    backend::{BackendRuntimeCode, TryPendingCode},
};
use sp_version::RuntimeVersion;

use crate::{
    exec::{Backend, Engine, ExecError, Overlay},
    types::Header,
};

/// Pages of 64 KiB that a call may use in all: 256 MiB.
const HEAP_PAGES: u32 = 4096;
/// Instances kept for calls at the same time; more are made as needed and thrown away.
const INSTANCES: usize = 8;
/// Runtimes kept compiled: the one that runs, the next, and those of blocks that clients still ask about.
const RUNTIMES: u8 = 4;
/// Whose items in a header say which slot a block belongs to.
const AURA: [u8; 4] = *b"aura";

/// Runs the code that a state holds.
#[derive(Clone)]
pub(super) struct WasmEngine {
    executor: WasmExecutor<sp_io::SubstrateHostFunctions>,
}

impl WasmEngine {
    /// With `allow_missing_functions` code may import what is not there; it fails when it calls it.
    pub(super) fn new(allow_missing_functions: bool) -> Self {
        let heap = HeapAllocStrategy::Dynamic {
            maximum_pages: Some(HEAP_PAGES),
        };
        let executor = WasmExecutor::builder()
            .with_onchain_heap_alloc_strategy(heap)
            .with_offchain_heap_alloc_strategy(heap)
            .with_max_runtime_instances(INSTANCES)
            .with_runtime_cache_size(RUNTIMES)
            .with_allow_missing_host_functions(allow_missing_functions)
            .build();
        Self { executor }
    }

    /// The length of a slot in milliseconds, if the runtime on `backend` seals by Aura.
    fn slot_duration(&self, backend: &Backend) -> Option<u64> {
        let answer = self.call(&mut Overlay::default(), backend, "AuraApi_slot_duration", &[]);
        let duration = u64::decode(&mut &answer.ok()?[..]).ok()?;
        (duration > 0).then_some(duration)
    }
}

impl Engine for WasmEngine {
    fn call(&self, overlay: &mut Overlay, backend: &Backend, method: &str, args: &[u8]) -> Result<Vec<u8>, ExecError> {
        // Code that waits in the state runs in the next block already, but is not what the state's own answers come from.
        let (pending, context) = if builds_blocks(method) {
            (TryPendingCode::Yes, CallContext::Onchain { import: false })
        } else {
            (TryPendingCode::No, CallContext::Offchain)
        };
        let code = BackendRuntimeCode::new(backend, pending);
        let code = code
            .runtime_code()
            .map_err(|error| ExecError::Overlay(error.to_owned()))?;
        // What `set_code` asks the version of new code from.
        let mut extensions = Extensions::new();
        extensions.register(ReadRuntimeVersionExt::new(self.executor.clone()));
        // Without this frame a trap leaves the transactions it had opened, and the next commit asserts.
        overlay
            .enter_runtime()
            .map_err(|error| ExecError::Overlay(format!("{error:?}")))?;
        let mut ext = Ext::new(overlay, backend, Some(&mut extensions));
        let (answer, _) = self.executor.call(&mut ext, &code, method, args, context);
        overlay
            .exit_runtime()
            .map_err(|error| ExecError::Overlay(format!("{error:?}")))?;
        answer.map_err(|error| said(method, &error))
    }

    /// Runtimes with Aura want to read the slot of a block in its header, later than that of the block before, and the time
    /// to be in it.
    fn opening(&self, parent: &Header, backend: &Backend, now_ms: u64) -> (Digest, u64) {
        let Some(duration) = self.slot_duration(backend) else {
            return (Digest::default(), now_ms);
        };
        // The time of the block before rather than the slot in its header: after an upgrade that brings Aura or slots of another
        // length the pallet counts from there.
        let last = time_of(backend).map(|then| then / duration);
        let next = last
            .or_else(|| slot_of(&parent.digest))
            .map_or(0, |last| last.saturating_add(1));
        let slot = (now_ms / duration).max(next);
        let item = DigestItem::PreRuntime(AURA, slot.encode());
        (Digest { logs: vec![item] }, now_ms.max(slot.saturating_mul(duration)))
    }

    fn version_of(&self, code: &[u8]) -> Option<RuntimeVersion> {
        let version = self
            .executor
            .read_runtime_version(code, &mut BasicExternalities::default());
        RuntimeVersion::decode(&mut &version.ok()?[..]).ok()
    }
}

fn builds_blocks(method: &str) -> bool {
    method == "Core_initialize_block" || method.starts_with("BlockBuilder_")
}

/// `Timestamp.Now`, milliseconds since 1970.
fn time_of(backend: &Backend) -> Option<u64> {
    let key = [twox_128(b"Timestamp"), twox_128(b"Now")].concat();
    u64::decode(&mut &backend.storage(&key).ok()??[..]).ok()
}

fn slot_of(digest: &Digest) -> Option<u64> {
    digest.logs().iter().find_map(|item| match item {
        DigestItem::PreRuntime(AURA, slot) => u64::decode(&mut &slot[..]).ok(),
        _ => None,
    })
}

/// What the executor says, of panics and traps without the backtrace.
fn said(method: &str, error: &Error) -> ExecError {
    match error {
        Error::MethodNotFound(_) => ExecError::NoSuchMethod(method.to_owned()),
        Error::Other(text) if *text == format!("Exported method {method} is not found") => {
            ExecError::NoSuchMethod(method.to_owned())
        }
        Error::AbortedDueToPanic(panic) => ExecError::Panicked(one_line(&panic.message)),
        Error::AbortedDueToTrap(trap) => {
            let text = one_line(&trap.message);
            // How most runtimes end when they panic, having logged why.
            let hint = if text.contains("unreachable") {
                "; the log has what the runtime said"
            } else {
                ""
            };
            ExecError::Panicked(text + hint)
        }
        error => ExecError::Panicked(one_line(&error.to_string())),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_is_read_back_from_a_header_and_from_nothing_else() {
        let other = DigestItem::PreRuntime(*b"BABE", 9u64.encode());
        let ours = DigestItem::PreRuntime(AURA, 7u64.encode());
        assert_eq!(
            slot_of(&Digest {
                logs: vec![other.clone(), ours]
            }),
            Some(7)
        );
        assert_eq!(
            slot_of(&Digest {
                logs: vec![other, DigestItem::PreRuntime(AURA, vec![1])]
            }),
            None
        );
    }

    #[test]
    fn only_what_makes_blocks_runs_on_code_that_waits() {
        assert!(builds_blocks("BlockBuilder_apply_extrinsic") && builds_blocks("Core_initialize_block"));
        assert!(!builds_blocks("Core_version") && !builds_blocks("Metadata_metadata"));
    }
}
