//! A wallet folder in `btcli`'s layout.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::account::AccountId;
use crate::error::WalletError;
use crate::keyfile::{self, Contents, Refusal};
use crate::keypair::{KeySource, Keypair, Mnemonic};

/// A keyfile is about 600 bytes; anything much larger is not one, and is not read into memory.
const MAX_KEYFILE_BYTES: u64 = 64 * 1024;

/// The names that locate one hotkey: `path/name/hotkeys/hotkey`.
///
/// Holds no secret. [`Wallet::load_hotkey`] reads the hotkey when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Folder of all wallets, usually `~/.bittensor/wallets`.
    pub path: PathBuf,
    /// Name of the wallet, which is the name of its coldkey.
    pub name: String,
    /// Name of the hotkey.
    pub hotkey: String,
}

/// The addresses of a wallet just made, and the words of the keys that were invented for it.
#[derive(Debug)]
pub struct CreatedWallet {
    /// Address of the coldkey.
    pub coldkey: AccountId,
    /// Address of the hotkey.
    pub hotkey: AccountId,
    /// The coldkey's words when it was random. Show them to the owner; they are also in the coldkey file.
    pub coldkey_mnemonic: Option<Mnemonic>,
    /// The hotkey's words when it was random.
    pub hotkey_mnemonic: Option<Mnemonic>,
}

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
        self.folder().join("hotkeys").join(&self.hotkey)
    }

    /// The hotkey's public file.
    pub fn hotkeypub_file(&self) -> PathBuf {
        self.folder().join("hotkeys").join(format!("{}pub.txt", self.hotkey))
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

    /// Reads the hotkey. Never looks at the coldkey.
    pub fn load_hotkey(&self) -> Result<Keypair, WalletError> {
        self.load_secret(self.hotkey_file(), "hotkey", "new-hotkey")
    }

    /// Reads the address of the coldkey.
    pub fn coldkeypub(&self) -> Result<AccountId, WalletError> {
        let path = self.coldkeypub_file();
        match self.read(&path, "coldkeypub.txt", "regen-coldkeypub")? {
            Contents::Public(account) => Ok(account),
            Contents::Secret(_) => Err(WalletError::Corrupt {
                path,
                reason: "a public file holds a secret; delete it, it may have been copied to other machines".into(),
            }),
        }
    }

    /// Reads an unencrypted coldkey, for the `axoneme` tool on local chains. A daemon has no business calling this.
    pub fn load_dev_coldkey(&self) -> Result<Keypair, WalletError> {
        self.load_secret(self.coldkey_file(), "coldkey", "new-coldkey")
    }

    /// Whether a coldkey file lies here that anyone who can read it could use.
    ///
    /// On a machine that runs a neuron for real money there should be none.
    pub fn has_unencrypted_coldkey(&self) -> bool {
        matches!(self.load_dev_coldkey(), Ok(_) | Err(WalletError::WrongAddress { .. }))
    }

    /// Writes a wallet without passwords: `coldkey`, `coldkeypub.txt` and the two hotkey files, mode 0600.
    ///
    /// Each file appears whole or not at all. Without `overwrite`, existing secret files are an error and nothing
    /// is changed.
    pub fn create(
        &self,
        coldkey: &KeySource,
        hotkey: &KeySource,
        overwrite: bool,
    ) -> Result<CreatedWallet, WalletError> {
        self.check_names()?;
        let cold = keyfile::make(coldkey).map_err(|source| WalletError::Secret {
            what: "coldkey",
            source,
        })?;
        let hot = keyfile::make(hotkey).map_err(|source| WalletError::Secret { what: "hotkey", source })?;
        if !overwrite
            && let Some(path) = [self.coldkey_file(), self.hotkey_file()]
                .into_iter()
                .find(|p| p.exists())
        {
            return Err(WalletError::Exists { path });
        }
        create_folder(&self.folder().join("hotkeys"))?;
        // The secrets first: a crash in between leaves a wallet whose public files can be made from its secret ones.
        write(&self.coldkey_file(), &cold.secret_json, overwrite)?;
        write(&self.hotkey_file(), &hot.secret_json, overwrite)?;
        write(&self.coldkeypub_file(), &cold.public_json, true)?;
        write(&self.hotkeypub_file(), &hot.public_json, true)?;
        Ok(CreatedWallet {
            coldkey: cold.pair.account_id(),
            hotkey: hot.pair.account_id(),
            coldkey_mnemonic: cold.mnemonic,
            hotkey_mnemonic: hot.mnemonic,
        })
    }

    fn load_secret(&self, path: PathBuf, what: &'static str, command: &str) -> Result<Keypair, WalletError> {
        match self.read(&path, what, command)? {
            Contents::Secret(pair) => Ok(*pair),
            Contents::Public(_) => Err(WalletError::Corrupt {
                path,
                reason: "it holds an address but no secret".into(),
            }),
        }
    }

    fn read(&self, path: &Path, what: &'static str, command: &str) -> Result<Contents, WalletError> {
        self.check_names()?;
        let bytes = match read_bounded(path) {
            Ok(bytes) => zeroize::Zeroizing::new(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(WalletError::NotFound {
                    what,
                    path: path.into(),
                    advice: self.advice(command),
                });
            }
            Err(source) => {
                return Err(WalletError::Io {
                    action: "read",
                    path: path.into(),
                    source,
                });
            }
        };
        keyfile::parse(&bytes).map_err(|refusal| {
            let path = path.to_path_buf();
            match refusal {
                Refusal::Encrypted => WalletError::Encrypted { path },
                Refusal::Corrupt(reason) => WalletError::Corrupt { path, reason },
                Refusal::WrongAddress { written, derived } => WalletError::WrongAddress { path, written, derived },
            }
        })
    }

    fn advice(&self, command: &str) -> String {
        let hotkey = if command.ends_with("hotkey") {
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
        for name in [&self.name, &self.hotkey] {
            let usable = !name.starts_with('.')
                && (1..=255).contains(&name.len())
                && name.chars().all(|c| !c.is_control() && !matches!(c, '/' | '\\'));
            if !usable {
                return Err(WalletError::Name { name: name.clone() });
            }
        }
        Ok(())
    }
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    // The full capacity at once: a vector that grows leaves unwiped copies of the secret behind.
    let mut bytes = Vec::with_capacity(MAX_KEYFILE_BYTES as usize + 1);
    fs::File::open(path)?
        .take(MAX_KEYFILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_KEYFILE_BYTES {
        return Err(std::io::Error::new(ErrorKind::InvalidData, "larger than any keyfile"));
    }
    Ok(bytes)
}

fn create_folder(path: &Path) -> Result<(), WalletError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| WalletError::Io {
        action: "create",
        path: path.into(),
        source,
    })
}

/// Writes a file whole: beside it, to the disk, then renamed. Temporary files are made with mode 0600.
fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), WalletError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::AlreadyExists => WalletError::Exists { path: path.into() },
        _ => WalletError::Io {
            action: "write",
            path: path.into(),
            source,
        },
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    let persisted = if overwrite {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    persisted.map_err(|error| failed(error.error))?;
    // The rename itself is on disk only once the folder is.
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}
