//! Exit codes and the one place where an error becomes a message for the operator.

use std::error::Error;
use std::fmt::Write as _;

/// How a program of this workspace ends. The numbers are documented for operators
/// (`docs/running-locally.md`) and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or stopped on request.
    Ok = 0,
    /// Something failed that no other code names.
    Failure = 1,
    /// The command line is wrong (clap's own code).
    Usage = 2,
    /// A configuration file, environment variable or value is wrong.
    Config = 3,
    /// A wallet file is missing or unreadable.
    Wallet = 4,
    /// No chain endpoint answers; for `axoneme probe`, no axon.
    Chain = 5,
    /// The subnet does not exist on that chain.
    Subnet = 6,
    /// The hotkey is not registered on the subnet.
    NotRegistered = 7,
    /// A port to listen on is taken.
    PortInUse = 8,
    /// A model file is missing, torn or of the wrong kind.
    Model = 9,
    /// The given time ran out (`axoneme up --timeout`).
    Deadline = 10,
    /// A state file is damaged or in use by another process.
    State = 11,
}

/// An error that ends a program: the code for scripts, the message for people.
#[derive(Debug)]
pub struct Failure {
    /// Exit code of the process.
    pub code: ExitCode,
    /// What happened and what to do, one or two lines.
    pub message: String,
}

impl Failure {
    /// A failure whose message is `error` followed by its chain of causes.
    pub fn new(code: ExitCode, error: &(dyn Error + 'static)) -> Self {
        Self {
            code,
            message: with_causes(error),
        }
    }

    /// A failure with a message of its own.
    pub fn message(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl From<axoneme_wallet::WalletError> for Failure {
    fn from(error: axoneme_wallet::WalletError) -> Self {
        Self::new(ExitCode::Wallet, &error)
    }
}

impl From<crate::state::StateError> for Failure {
    fn from(error: crate::state::StateError) -> Self {
        Self::new(ExitCode::State, &error)
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(ExitCode::Config, &error)
    }
}

/// The text of an error and of everything that caused it, each cause once: many errors already
/// repeat their source in their own text.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            let _ = write!(text, ": {message}");
        }
        cause = error.source();
    }
    text
}

/// Prints a failure to stderr, if there is one, and gives the code to return from `main`.
pub fn finish(result: Result<(), Failure>) -> std::process::ExitCode {
    match result {
        Ok(()) => std::process::ExitCode::from(ExitCode::Ok as u8),
        Err(failure) => {
            eprintln!("error: {failure}");
            std::process::ExitCode::from(failure.code as u8)
        }
    }
}
