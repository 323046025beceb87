//! What was remembered when a run of the validator began, written into the header of its event file.

use std::path::Path;

use axoneme_reward::Pipeline;
use serde_json::{Map, Value, json};

use crate::gating::Gating;
use crate::memory::{Memories, file};
use crate::recall::whole_memories;
use crate::state::ValidatorState;

/// The files with memories of the newest so many starts are kept.
const KEPT: usize = 8;

/// The beginning of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// Scores, counts and statistics.
    pub state: ValidatorState,
    /// What judges remembered.
    pub memories: Memories,
}

impl Start {
    /// Writes the beginning down: the fields for the header, and the memories, which can be large, in a file of `folder`
    /// that the header names. Call it after everything was recalled and before the first run.
    ///
    /// # Errors
    /// The system's; without that file the run cannot be replayed, and nothing else depends on it.
    pub fn write(
        state: &ValidatorState,
        pipeline: &mut Pipeline,
        gating: Option<&Gating>,
        folder: &Path,
    ) -> std::io::Result<Map<String, Value>> {
        let name = format!("start-{}.bin", state.steps);
        let path = folder.join(&name);
        let temporary = folder.join(format!(".{name}"));
        std::fs::write(&temporary, file::snapshot(&whole_memories(pipeline, gating)))?;
        std::fs::rename(&temporary, &path)?;
        sweep(folder);
        let fields = [("state", json!(state)), ("memories", json!(name))];
        Ok(fields
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect())
    }

    /// Reads it back; `None` for a header that does not begin a run.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(header: &Map<String, Value>, folder: &Path) -> Result<Option<Self>, String> {
        let Some(state) = header.get("state").filter(|state| !state.is_null()) else {
            return Ok(None);
        };
        let state = serde_json::from_value(state.clone()).map_err(|error| format!("its state: {error}"))?;
        let mut memories = Memories::default();
        if let Some(name) = header.get("memories").and_then(Value::as_str) {
            // A name in a file is no path: nothing else of this machine is to be read.
            let plain = Path::new(name).file_name().ok_or("it names no file")?;
            let path = folder.join(plain);
            let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            memories.snapshot =
                file::read_snapshot(&bytes).map_err(|reason| format!("{}: {reason}", path.display()))?;
        }
        Ok(Some(Self { state, memories }))
    }
}

fn sweep(folder: &Path) {
    let mut starts: Vec<(std::time::SystemTime, std::path::PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("start-") && name.ends_with(".bin"));
        if let (true, Ok(changed)) = (ours, entry.metadata().and_then(|data| data.modified())) {
            starts.push((changed, entry.path()));
        }
    }
    starts.sort();
    for (_, path) in starts.iter().rev().skip(KEPT) {
        // What cannot be removed does no harm.
        let _ = std::fs::remove_file(path);
    }
}
