//! Where to look for a password, in which order.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::variable::{password_variable, unscramble};
use super::{MAX_PASSWORD_BYTES, Password};
use crate::error::PasswordError;
use crate::store;
use crate::warning::Warning;

/// The password of any keyfile, as SDK 11 names it.
const ANY_KEYFILE: &str = "BT_WALLET_PASSWORD";

/// A file that holds it on one line.
const FILE: &str = "BT_WALLET_PASSWORD_FILE";

/// Where to look for the password of an encrypted keyfile.
///
/// The first that is there counts: a password given outright, a file descriptor, a file, then, unless switched off,
/// the environment (`BT_PW_{PATH}`, `BT_WALLET_PASSWORD`, `BT_WALLET_PASSWORD_FILE`), and last a prompt where one was
/// asked for. Only looked at when a file turns out to be encrypted.
///
/// The order differs from SDK 11 in one point: the variable of one keyfile wins over the one for all, so that a
/// hotkey and a coldkey can have a password each.
#[derive(Debug, Clone, Default)]
pub struct PasswordSources {
    given: Option<Password>,
    descriptor: Option<u32>,
    file: Option<PathBuf>,
    environment: bool,
    #[cfg(feature = "prompt")]
    prompt: bool,
}

impl PasswordSources {
    /// No source: encrypted files stay shut.
    pub fn none() -> Self {
        Self::default()
    }

    /// The environment, as `btcli` names it.
    pub fn environment() -> Self {
        Self {
            environment: true,
            ..Self::default()
        }
    }

    /// A password that is already there.
    pub fn given(mut self, password: Password) -> Self {
        self.given = Some(password);
        self
    }

    /// One line from an open file descriptor, read when it is needed and once (`3< file`, `0` is standard input).
    pub fn descriptor(mut self, number: u32) -> Self {
        self.descriptor = Some(number);
        self
    }

    /// A file with one line; space around it is ignored. A leading `~` is the home folder.
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = Some(shellexpand::path::tilde(path.as_ref()).into_owned());
        self
    }

    /// Asks on the terminal when nothing else has it.
    #[cfg(feature = "prompt")]
    pub fn prompt(mut self) -> Self {
        self.prompt = true;
        self
    }

    /// The password for a keyfile, or nothing when no source has one.
    ///
    /// # Errors
    /// When a source was named and cannot be used. Never falls through then: the operator would not know which
    /// password was tried.
    pub fn find(&self, keyfile: &Path) -> Result<Option<Password>, PasswordError> {
        self.find_in(keyfile, &|name| std::env::var_os(name))
    }

    /// [`Self::find`] with another environment than the process's own.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn find_in(
        &self,
        keyfile: &Path,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Password>, PasswordError> {
        if let Some(password) = &self.given {
            return Ok(Some(password.clone()));
        }
        if let Some(number) = self.descriptor {
            return from_descriptor(number).map(Some);
        }
        if let Some(path) = &self.file {
            return from_file(path).map(Some);
        }
        if self.environment
            && let Some(password) = from_environment(keyfile, environment)?
        {
            return Ok(Some(password));
        }
        #[cfg(feature = "prompt")]
        if self.prompt {
            return from_terminal(keyfile).map(Some);
        }
        Ok(None)
    }

    /// What an operator should know about these sources: a password file that others can read.
    pub fn warnings(&self) -> Vec<Warning> {
        self.file.iter().filter_map(|path| Warning::of_secret(path)).collect()
    }
}

fn from_environment(
    keyfile: &Path,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<Password>, PasswordError> {
    let text = |name: &str| match environment(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) if text.is_empty() => Ok(None),
        Some(Ok(text)) => Ok(Some(Zeroizing::new(text))),
        Some(Err(_)) => Err(PasswordError::Variable {
            variable: name.to_owned(),
            reason: "it is not UTF-8",
        }),
    };
    let own = password_variable(keyfile);
    if let Some(value) = text(&own)? {
        return match unscramble(&own, &value) {
            Some(password) => Ok(Some(password)),
            None => Err(PasswordError::Variable {
                variable: own,
                reason: "it is not base64; it holds no plain password (that goes into BT_WALLET_PASSWORD)",
            }),
        };
    }
    if let Some(value) = text(ANY_KEYFILE)? {
        return Ok(Some(value.into()));
    }
    match text(FILE)? {
        Some(path) => from_file(&shellexpand::path::tilde(Path::new(path.as_str()))).map(Some),
        None => Ok(None),
    }
}

/// Reads one line from an open descriptor, without taking more than the line.
fn from_descriptor(number: u32) -> Result<Password, PasswordError> {
    let source = || format!("file descriptor {number}");
    let failed = |error| PasswordError::Read {
        from: source(),
        source: error,
    };
    let line = if number == 0 {
        line_of(std::io::stdin().lock())
    } else {
        // Opening it by name needs no unsafe code to take the number over.
        line_of(std::fs::File::open(format!("/dev/fd/{number}")).map_err(failed)?)
    };
    checked(line.map_err(failed)?, source)
}

/// The bytes up to a line end or the end, at most [`MAX_PASSWORD_BYTES`] and one.
fn line_of(mut reader: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // The full capacity at once: a vector that grows leaves unwiped copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES + 1));
    let mut byte = [0];
    while line.len() <= MAX_PASSWORD_BYTES {
        match reader.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

fn from_file(path: &Path) -> Result<Password, PasswordError> {
    let source = || path.display().to_string();
    let bytes = store::read_secret(path, MAX_PASSWORD_BYTES).map_err(|error| PasswordError::Read {
        from: source(),
        source: error,
    })?;
    let line = bytes.trim_ascii();
    if line.contains(&b'\n') {
        return Err(PasswordError::Unusable {
            from: source(),
            reason: "it has more than one line",
        });
    }
    checked(Zeroizing::new(line.to_vec()), source)
}

#[cfg(feature = "prompt")]
fn from_terminal(keyfile: &Path) -> Result<Password, PasswordError> {
    let typed = rpassword::prompt_password(format!("Password of {}: ", keyfile.display()));
    let typed = typed.map_err(|error| PasswordError::Read {
        from: "the terminal".into(),
        source: error,
    })?;
    let line = Zeroizing::new(typed.into_bytes());
    checked(line, || "the terminal".into())
}

fn checked(line: Zeroizing<Vec<u8>>, source: impl Fn() -> String) -> Result<Password, PasswordError> {
    let reason = match line.len() {
        0 => "it is empty",
        length if length > MAX_PASSWORD_BYTES => "it is longer than any password",
        _ if std::str::from_utf8(&line).is_err() => "it is not UTF-8",
        _ => return Ok(Password::from_bytes(line)),
    };
    Err(PasswordError::Unusable { from: source(), reason })
}
