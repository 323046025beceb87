//! Why a step could not be judged.

/// What a model says when it fails; the pipeline only passes it on.
pub type ModelFault = Box<dyn std::error::Error + Send + Sync>;

/// Why a step could not be judged. Nothing has been learnt from such a step: no running statistics have moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RewardError {
    /// The model behind a function failed.
    #[error("the model behind {name} failed")]
    Model {
        /// The function that asked.
        name: &'static str,
        /// What the model said.
        #[source]
        source: ModelFault,
    },
    /// A function returned a list of the wrong length.
    #[error("{name} returned {got} values for {expected} completions")]
    WrongLength {
        /// The function at fault.
        name: &'static str,
        /// One value per completion was due.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// Work on a blocking thread panicked or was cancelled.
    #[error("{name} did not finish its work on a blocking thread")]
    Interrupted {
        /// The function at fault.
        name: &'static str,
        /// Why the thread ended.
        #[source]
        source: tokio::task::JoinError,
    },
}
