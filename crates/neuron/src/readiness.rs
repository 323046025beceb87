//! Whether a neuron can do its work, and if not, why.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// A registry of parts that must be well before the neuron is ready. Cheap to clone; all clones
/// are the same registry.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    parts: Arc<RwLock<BTreeMap<&'static str, Result<(), String>>>>,
}

impl Readiness {
    /// A registry in which the named parts are not ready yet.
    pub fn waiting_for(parts: &[&'static str]) -> Self {
        let readiness = Self::default();
        for part in parts {
            readiness.set(part, Err("starting".to_owned()));
        }
        readiness
    }

    /// Says how a part is: well, or the reason why not.
    pub fn set(&self, part: &'static str, state: Result<(), String>) {
        self.parts.write().insert(part, state);
    }

    /// Empty when everything is well, else one line per part that is not.
    pub fn reasons(&self) -> Vec<String> {
        let parts = self.parts.read();
        parts
            .iter()
            .filter_map(|(part, state)| state.as_ref().err().map(|reason| format!("{part}: {reason}")))
            .collect()
    }

    /// Whether everything is well.
    pub fn is_ready(&self) -> bool {
        self.parts.read().values().all(Result::is_ok)
    }
}
