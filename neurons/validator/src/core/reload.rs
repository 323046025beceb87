//! A gateway that only serves takes over what a training process writes.

use std::path::Path;

use axoneme_neuron::{StateError, StateStore};

use super::{CoreValidator, recall};
use crate::memory::{Memories, MemoryError, MemoryStore};
use crate::state::ValidatorState;

/// Attempts to read the files while the other process may be replacing them.
const ATTEMPTS: usize = 3;

/// Why nothing could be taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The files beside it.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl CoreValidator {
    /// Takes over scores, gating model and history from `folder`, which another process may be writing to. Whether there
    /// were any.
    ///
    /// # Errors
    /// When the files cannot be read; what this process had stays.
    pub async fn reload(&self, folder: &Path) -> Result<bool, ReloadError> {
        let mut attempt = 1;
        let (state, memories) = loop {
            match peek(folder) {
                Ok(None) => return Ok(false),
                Ok(Some(read)) => break read,
                Err(error) if attempt >= ATTEMPTS => return Err(error),
                // The files named a moment ago may have been replaced since.
                Err(_) => attempt += 1,
            }
        };
        recall::restore(&memories, &self.gating, &mut *self.history.lock().await);
        self.book.take_over(state);
        Ok(true)
    }
}

fn peek(folder: &Path) -> Result<Option<(ValidatorState, Memories)>, ReloadError> {
    let Some(state) = StateStore::<ValidatorState>::read(&folder.join("state.json"))? else {
        return Ok(None);
    };
    let memories = MemoryStore::peek(folder, state.memory)?;
    Ok(Some((state, memories)))
}
