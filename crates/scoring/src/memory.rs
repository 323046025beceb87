//! How much memory models may take, checked before they are read.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use parking_lot::Mutex;

use crate::ScoringError;

const MIB: u64 = 1 << 20;

/// What all models of one service take together.
pub(crate) struct Memory {
    budget: Option<u64>,
    used: Mutex<u64>,
}

/// A model's share, given back when it goes.
pub(crate) struct Reserved {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Memory {
    pub(crate) fn new(budget: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            budget,
            used: Mutex::new(0),
        })
    }

    /// Bytes that models take now.
    pub(crate) fn used(&self) -> u64 {
        *self.used.lock()
    }

    /// Sets `bytes` aside for the model in `folder`, if the budget and the machine have them.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        bytes: u64,
        folder: &Path,
        device: &Device,
    ) -> Result<Reserved, ScoringError> {
        self.reserve_of(bytes, folder, device.is_cpu().then(available).flatten())
    }

    fn reserve_of(
        self: &Arc<Self>,
        bytes: u64,
        folder: &Path,
        available: Option<u64>,
    ) -> Result<Reserved, ScoringError> {
        let mut used = self.used.lock();
        let refuse = |free: u64, limit: String, advice| ScoringError::Memory {
            path: folder.to_owned(),
            needed_mib: bytes.div_ceil(MIB),
            free_mib: free / MIB,
            used_mib: *used / MIB,
            limit,
            advice,
        };
        if let Some(budget) = self.budget {
            let free = budget.saturating_sub(*used);
            if bytes > free {
                let limit = format!("the budget of {} MiB", budget / MIB);
                return Err(refuse(
                    free,
                    limit,
                    "raise the memory budget, choose a smaller model, or use a remote server",
                ));
            }
        }
        // A little more, since texts on their way take memory as well.
        if let Some(available) = available.filter(|available| bytes.saturating_add(bytes / 16) > *available) {
            let advice = "free memory, choose a smaller model, or use a remote server";
            return Err(refuse(available, "this machine's free memory".to_owned(), advice));
        }
        *used = used.saturating_add(bytes);
        metrics::gauge!("scoring_model_bytes").set(*used as f64);
        Ok(Reserved {
            memory: self.clone(),
            bytes,
        })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut used = self.memory.used.lock();
        *used = used.saturating_sub(self.bytes);
        metrics::gauge!("scoring_model_bytes").set(*used as f64);
    }
}

/// Memory that could be had now without swapping, where the system says so.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_share_a_budget_and_give_it_back() {
        let memory = Memory::new(Some(100 * MIB));
        let folder = Path::new("models/a");
        let first = memory.reserve_of(60 * MIB, folder, None).unwrap();
        let error = memory
            .reserve_of(50 * MIB, folder, None)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        for part in [
            "needs 50 MiB",
            "40 MiB of the budget of 100 MiB",
            "60 MiB are in use",
            "raise the memory budget",
        ] {
            assert!(error.contains(part), "{error}");
        }
        drop(first);
        assert_eq!(memory.used(), 0);
        assert!(memory.reserve_of(100 * MIB, folder, None).is_ok());
    }

    #[test]
    fn a_model_larger_than_the_machine_is_refused_without_a_budget() {
        let memory = Memory::new(None);
        let error = memory
            .reserve_of(1000 * MIB, Path::new("m"), Some(1010 * MIB))
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("this machine's free memory"), "{error}");
        assert!(memory.reserve_of(900 * MIB, Path::new("m"), Some(1010 * MIB)).is_ok());
    }
}
