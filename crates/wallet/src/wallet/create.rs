//! A wallet folder in `btcli`'s layout: writing its keys.

use std::io::ErrorKind;
use std::path::Path;

use zeroize::Zeroizing;

use super::Wallet;
use crate::account::AccountId;
use crate::error::WalletError;
use crate::keyfile::{self, PublicKey};
use crate::mnemonic::Mnemonic;
use crate::source::{KeySource, KeySpec};
use crate::store;

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

/// A key just written.
#[derive(Debug)]
pub struct CreatedKey {
    /// Its public half.
    pub public: PublicKey,
    /// Its words when it was random. Show them to the owner; they are also in the file.
    pub mnemonic: Option<Mnemonic>,
}

/// A key and the bytes of its two files, before anything is written.
struct Prepared {
    created: CreatedKey,
    secret: Zeroizing<Vec<u8>>,
    public: String,
}

impl Wallet {
    /// Writes a wallet without passwords: `coldkey`, `coldkeypub.txt` and the two hotkey files, mode 0600.
    ///
    /// Each file appears whole or not at all. Without `overwrite`, existing secret files are an error and nothing
    /// is changed.
    ///
    /// # Errors
    /// [`WalletError::Exists`], [`WalletError::Secret`] when a source is not usable, and what can go wrong on a disk.
    pub fn create(
        &self,
        coldkey: &KeySource,
        hotkey: &KeySource,
        overwrite: bool,
    ) -> Result<CreatedWallet, WalletError> {
        let (cold, hot) = (KeySpec::new(coldkey.clone()), KeySpec::new(hotkey.clone()));
        // Both before either: nothing is written when one of them cannot be.
        let cold = self.prepare(&cold, "coldkey", &self.coldkey_file(), overwrite)?;
        let hot = self.prepare(&hot, "hotkey", &self.hotkey_file(), overwrite)?;
        // The secrets first: a crash in between leaves a wallet whose public files can be made from its secret ones.
        self.make_folders()?;
        write(&self.coldkey_file(), &cold.secret, overwrite)?;
        write(&self.hotkey_file(), &hot.secret, overwrite)?;
        write(&self.coldkeypub_file(), cold.public.as_bytes(), true)?;
        write(&self.hotkeypub_file(), hot.public.as_bytes(), true)?;
        Ok(CreatedWallet {
            coldkey: cold.created.public.account,
            hotkey: hot.created.public.account,
            coldkey_mnemonic: cold.created.mnemonic,
            hotkey_mnemonic: hot.created.mnemonic,
        })
    }

    /// Writes the hotkey and its public file. With a password this takes seconds and 512 MiB; see
    /// [`Self::open_hotkey`].
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn write_hotkey(&self, key: &KeySpec, overwrite: bool) -> Result<CreatedKey, WalletError> {
        self.write_key(key, "hotkey", &self.hotkey_file(), &self.hotkeypub_file(), overwrite)
    }

    /// Writes the coldkey and its public file, for tools that a person runs.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn write_coldkey(&self, key: &KeySpec, overwrite: bool) -> Result<CreatedKey, WalletError> {
        self.write_key(key, "coldkey", &self.coldkey_file(), &self.coldkeypub_file(), overwrite)
    }

    /// Writes `coldkeypub.txt` alone, from an address: all of the coldkey that a machine with a neuron needs.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn write_coldkeypub(&self, key: PublicKey, overwrite: bool) -> Result<(), WalletError> {
        self.check_names()?;
        self.make_folders()?;
        write(&self.coldkeypub_file(), keyfile::public_json(key).as_bytes(), overwrite)
    }

    fn write_key(
        &self,
        key: &KeySpec,
        what: &'static str,
        secret: &Path,
        public: &Path,
        overwrite: bool,
    ) -> Result<CreatedKey, WalletError> {
        let prepared = self.prepare(key, what, secret, overwrite)?;
        self.make_folders()?;
        write(secret, &prepared.secret, overwrite)?;
        write(public, prepared.public.as_bytes(), true)?;
        Ok(prepared.created)
    }

    fn prepare(
        &self,
        key: &KeySpec,
        what: &'static str,
        path: &Path,
        overwrite: bool,
    ) -> Result<Prepared, WalletError> {
        self.check_names()?;
        if !overwrite && path.exists() {
            return Err(WalletError::Exists { path: path.into() });
        }
        let made = keyfile::make(&key.source, key.scheme).map_err(|source| WalletError::Secret { what, source })?;
        let plain = made.secret_json.as_bytes();
        let secret = Zeroizing::new(match &key.password {
            None => plain.to_vec(),
            Some(password) => keyfile::seal(plain, password).map_err(|e| e.at(path))?,
        });
        let public = PublicKey {
            account: made.pair.account_id(),
            scheme: key.scheme,
        };
        Ok(Prepared {
            created: CreatedKey {
                public,
                mnemonic: made.mnemonic,
            },
            secret,
            public: made.public_json,
        })
    }

    fn make_folders(&self) -> Result<(), WalletError> {
        let path = self.hotkeys_folder();
        store::create_folder(&path).map_err(|source| WalletError::Io {
            action: "create",
            path,
            source,
        })
    }
}

fn write(path: &Path, contents: &[u8], overwrite: bool) -> Result<(), WalletError> {
    store::write(path, contents, overwrite).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => WalletError::Exists { path: path.into() },
        _ => WalletError::Io {
            action: "write",
            path: path.into(),
            source,
        },
    })
}
