//! A wallet folder in `btcli`'s layout: opening its keys.

mod create;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::account::AccountId;
use crate::error::{KeyfileError, WalletError};
use crate::keyfile::{self, Contents, Keyfile, PublicKey};
use crate::keypair::Keypair;
use crate::password::PasswordSources;
use crate::store;
use crate::warning::Warning;

pub use create::{CreatedKey, CreatedWallet};

/// The names that locate one hotkey: `path/name/hotkeys/hotkey`.
///
/// Holds no secret. [`Wallet::open_hotkey`] reads the hotkey when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Folder of all wallets, usually `~/.bittensor/wallets`.
    pub path: PathBuf,
    /// Name of the wallet, which is the name of its coldkey.
    pub name: String,
    /// Name of the hotkey.
    pub hotkey: String,
}

/// Names in a `hotkeys` folder that are not hotkeys.
const NOT_HOTKEYS: [&str; 3] = ["pub.txt", ".lock", ".tmp"];

/// More hotkeys in one wallet than anybody has. A folder with more is not a wallet.
const MAX_HOTKEYS: usize = 100_000;

impl Wallet {
    /// Names a wallet. A leading `~` of `path` becomes the home folder. Nothing is read yet.
    pub fn new(path: impl AsRef<Path>, name: impl Into<String>, hotkey: impl Into<String>) -> Self {
        Self {
            path: shellexpand::path::tilde(path.as_ref()).into_owned(),
            name: name.into(),
            hotkey: hotkey.into(),
        }
    }

    /// The hotkey's secret file.
    pub fn hotkey_file(&self) -> PathBuf {
        self.hotkeys_folder().join(&self.hotkey)
    }

    /// The hotkey's public file.
    pub fn hotkeypub_file(&self) -> PathBuf {
        self.hotkeys_folder().join(format!("{}pub.txt", self.hotkey))
    }

    /// The coldkey's public file.
    pub fn coldkeypub_file(&self) -> PathBuf {
        self.folder().join("coldkeypub.txt")
    }

    /// The coldkey's secret file.
    pub fn coldkey_file(&self) -> PathBuf {
        self.folder().join("coldkey")
    }

    fn folder(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    fn hotkeys_folder(&self) -> PathBuf {
        self.folder().join("hotkeys")
    }

    /// Reads a hotkey that has no password. Never looks at the coldkey.
    ///
    /// # Errors
    /// [`WalletError::Encrypted`] when it has one, and what can be wrong with a file.
    pub fn load_hotkey(&self) -> Result<Keypair, WalletError> {
        self.open_hotkey(&PasswordSources::none())
    }

    /// Reads a hotkey, with a password if it needs one. Never looks at the coldkey.
    ///
    /// An encrypted file takes seconds, a processor and up to 512 MiB: call it from a thread of its own, never on an
    /// async runtime.
    ///
    /// # Errors
    /// [`WalletError::Encrypted`] when no source has a password, [`WalletError::WrongPassword`], and what can be
    /// wrong with a file.
    pub fn open_hotkey(&self, passwords: &PasswordSources) -> Result<Keypair, WalletError> {
        self.open_secret(self.hotkey_file(), "hotkey", "new-hotkey", passwords)
    }

    /// Reads the coldkey, with a password if it needs one: for tools that a person runs. A daemon has no business
    /// calling this.
    ///
    /// # Errors
    /// As [`Self::open_hotkey`].
    pub fn open_coldkey(&self, passwords: &PasswordSources) -> Result<Keypair, WalletError> {
        self.open_secret(self.coldkey_file(), "coldkey", "new-coldkey", passwords)
    }

    /// Reads an unencrypted coldkey, for the `axoneme` tool on local chains. A daemon has no business calling this.
    ///
    /// # Errors
    /// As [`Self::load_hotkey`].
    pub fn load_dev_coldkey(&self) -> Result<Keypair, WalletError> {
        self.open_coldkey(&PasswordSources::none())
    }

    /// Reads the address of the coldkey.
    ///
    /// # Errors
    /// When the file is missing, is not a public keyfile, or holds a secret.
    pub fn coldkeypub(&self) -> Result<AccountId, WalletError> {
        self.open_public(self.coldkeypub_file(), "coldkeypub.txt", "regen-coldkeypub")
            .map(|key| key.account)
    }

    /// Reads the address of the hotkey and how it signs, without opening the hotkey.
    ///
    /// # Errors
    /// As [`Self::coldkeypub`].
    pub fn hotkeypub(&self) -> Result<PublicKey, WalletError> {
        self.open_public(self.hotkeypub_file(), "hotkey's public file", "regen-hotkeypub")
    }

    /// The names of all hotkeys of this wallet, sorted. Public files, locks and half-written files are left out.
    ///
    /// # Errors
    /// When the folder cannot be read. A wallet without a `hotkeys` folder has no hotkeys.
    pub fn hotkeys(&self) -> Result<Vec<String>, WalletError> {
        self.check_names()?;
        let folder = self.hotkeys_folder();
        let failed = |source| WalletError::Io {
            action: "list",
            path: folder.clone(),
            source,
        };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries.take(MAX_HOTKEYS) {
            let entry = entry.map_err(failed)?;
            // A name that is not UTF-8 cannot be asked for.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let other = NOT_HOTKEYS.iter().any(|end| name.ends_with(end)) || !usable_name(&name);
            if !other && entry.path().is_file() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether a coldkey file lies here that anyone who can read it could use.
    ///
    /// On a machine that runs a neuron for real money there should be none. Looks at the first few bytes only: a file
    /// that does not say it is encrypted counts as a secret.
    pub fn has_unencrypted_coldkey(&self) -> bool {
        match store::head(&self.coldkey_file(), keyfile::LONGEST_PREFIX) {
            Ok(head) => !head.is_empty() && keyfile::encryption(&head).is_none(),
            // What this process cannot read, nobody can take through it.
            Err(_) => false,
        }
    }

    /// What a daemon asks before it starts: an error when the coldkey lies here without a password.
    ///
    /// # Errors
    /// [`WalletError::ExposedColdkey`].
    pub fn refuse_unencrypted_coldkey(&self) -> Result<(), WalletError> {
        match self.has_unencrypted_coldkey() {
            true => Err(WalletError::ExposedColdkey {
                path: self.coldkey_file(),
            }),
            false => Ok(()),
        }
    }

    /// What the owner of this wallet should mend: secret files that other users of the machine can read, and folders
    /// that they can write. Opening a key writes its share of these to the log.
    pub fn warnings(&self) -> Vec<Warning> {
        let secrets = [self.hotkey_file(), self.coldkey_file()];
        let secrets = secrets.iter().filter_map(|path| Warning::of_secret(path));
        secrets.chain(self.loose_folders()).collect()
    }

    fn loose_folders(&self) -> impl Iterator<Item = Warning> {
        [self.folder(), self.hotkeys_folder()]
            .into_iter()
            .filter_map(|path| Warning::of_folder(&path))
    }

    fn open_secret(
        &self,
        path: PathBuf,
        what: &'static str,
        command: &str,
        passwords: &PasswordSources,
    ) -> Result<Keypair, WalletError> {
        self.check_names()?;
        let bytes =
            store::read_secret(&path, keyfile::MAX_KEYFILE_BYTES).map_err(|e| self.unread(e, &path, what, command))?;
        for warning in self.loose_folders() {
            tracing::warn!("{warning}");
        }
        let contents = match Keyfile::parse(&bytes).map_err(|e| e.at(&path))? {
            Keyfile::Plain(contents) => contents,
            Keyfile::Encrypted(sealed) => match passwords.find(&path)? {
                Some(password) => sealed.open(&password).map_err(|e| e.at(&path))?,
                None => return Err(WalletError::Encrypted { path }),
            },
        };
        match contents {
            Contents::Secret(pair) => Ok(*pair),
            Contents::Public(_) => {
                let reason = "it holds an address but no secret".into();
                Err(KeyfileError::Corrupt { reason }.at(&path))
            }
        }
    }

    fn open_public(&self, path: PathBuf, what: &'static str, command: &str) -> Result<PublicKey, WalletError> {
        self.check_names()?;
        let (bytes, _) =
            store::read(&path, keyfile::MAX_KEYFILE_BYTES).map_err(|e| self.unread(e, &path, what, command))?;
        match Keyfile::parse(&bytes).map_err(|e| e.at(&path))? {
            Keyfile::Plain(Contents::Public(key)) => Ok(key),
            _ => {
                let reason = "a public file holds a secret; delete it, it may have been copied to other machines";
                Err(KeyfileError::Corrupt { reason: reason.into() }.at(&path))
            }
        }
    }

    fn unread(&self, error: std::io::Error, path: &Path, what: &'static str, command: &str) -> WalletError {
        match error.kind() {
            ErrorKind::NotFound => WalletError::NotFound {
                what,
                path: path.into(),
                advice: self.advice(command),
            },
            _ => WalletError::Io {
                action: "read",
                path: path.into(),
                source: error,
            },
        }
    }

    fn advice(&self, command: &str) -> String {
        let hotkey = if command.contains("hotkey") {
            format!(" --wallet.hotkey {}", self.hotkey)
        } else {
            String::new()
        };
        format!(
            "btcli wallet {command} --wallet.path {} --wallet.name {}{hotkey}",
            self.path.display(),
            self.name
        )
    }

    fn check_names(&self) -> Result<(), WalletError> {
        match [&self.name, &self.hotkey].into_iter().find(|name| !usable_name(name)) {
            Some(name) => Err(WalletError::Name { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// Whether a name stays in its folder and in one line of a log.
fn usable_name(name: &str) -> bool {
    !name.starts_with('.')
        && (1..=255).contains(&name.len())
        && name.chars().all(|c| !c.is_control() && !matches!(c, '/' | '\\'))
}
