//! TLS with a key of our own making, which clients know from the chain.
//!
//! There is no authority: clients compare the public key of the certificate with the one published for the miner's
//! hotkey, and look at nothing else in it. So the key is kept, and the certificate is made anew at every start.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PublicKeyData};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The key file cannot be read or written.
    #[error("cannot {action} the TLS key {path}; check that the folder exists and belongs to this user")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{path} is not a TLS key (Ed25519, PKCS#8); restore it, or move it away and start again: a new key is then made \
         and has to be published"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the key.
    #[error("the TLS key {path} can be read by others (mode {mode:o}); chmod 600 it, or move it away to get a new one")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key or its certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
}

/// The key of an axon's TLS, with a certificate for it.
#[derive(Clone)]
pub struct TlsIdentity {
    published: Vec<u8>,
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TlsIdentity").finish()
    }
}

/// First byte of the published form of an Ed25519 key.
const ED25519: u8 = 1;

impl TlsIdentity {
    /// A new Ed25519 key that is kept nowhere.
    pub fn generate() -> Result<Self, TlsError> {
        Self::of(&new_key()?)
    }

    /// The key in `path` (PKCS#8), or a new one that is written there, readable by this user only. Of several
    /// processes that start at once, all get the same.
    pub fn load_or_create(path: &Path) -> Result<Self, TlsError> {
        let file_error = |action| {
            move |source| TlsError::File {
                action,
                path: path.to_owned(),
                source,
            }
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => {
                check_mode(path)?;
                bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_once(path, new_key()?.serialized_der()).map_err(file_error("write"))?;
                // Perhaps another process was first.
                std::fs::read(path).map_err(file_error("read"))?
            }
            Err(error) => return Err(file_error("read")(error)),
        };
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(bytes), &PKCS_ED25519);
        let key = key.map_err(|_| TlsError::NotAKey { path: path.to_owned() })?;
        Self::of(&key)
    }

    fn of(key: &KeyPair) -> Result<Self, TlsError> {
        let failed = |error: &dyn std::fmt::Display| TlsError::Certificate(error.to_string());
        let params = CertificateParams::new(vec!["axon".to_owned()]).map_err(|error| failed(&error))?;
        let certificate = params.self_signed(key).map_err(|error| failed(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .map_err(|error| failed(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            published: [&[ED25519], key.der_bytes()].concat(),
            config: Arc::new(config),
        })
    }

    /// The public key as it is published on chain: a byte for the algorithm, then the key.
    pub fn published(&self) -> &[u8] {
        &self.published
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

fn new_key() -> Result<KeyPair, TlsError> {
    KeyPair::generate_for(&PKCS_ED25519).map_err(|error| TlsError::Certificate(error.to_string()))
}

/// Writes a file that is there as a whole or not at all, unless there is one already.
fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    // A link fails where a rename would replace what another process wrote.
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, path));
    let _ = std::fs::remove_file(&temporary);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn check_mode(path: &Path) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = std::fs::metadata(path).map_err(|source| TlsError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(TlsError::Open {
        path: path.to_owned(),
        mode,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data").join("axon_tls.key");
        let first = TlsIdentity::load_or_create(&path).expect("made");
        let again = TlsIdentity::load_or_create(&path).expect("read");
        assert_eq!(first.published(), again.published());
        assert_eq!((first.published().len(), first.published()[0]), (33, 1));
        assert_ne!(first.published(), TlsIdentity::generate().expect("made").published());
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(path.parent().expect("a folder"))
                .expect("read")
                .count(),
            1
        );
        write_once(&path, b"other").expect("left alone");
        assert!(TlsIdentity::load_or_create(&path).is_ok());
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("axon_tls.key");
        TlsIdentity::load_or_create(&path).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened");
        let error = TlsIdentity::load_or_create(&path).expect_err("open");
        assert!(matches!(error, TlsError::Open { mode: 0o644, .. }) && error.to_string().contains("chmod 600"));
        std::fs::write(&path, b"not a key").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("closed");
        assert!(matches!(
            TlsIdentity::load_or_create(&path),
            Err(TlsError::NotAKey { .. })
        ));
        assert_eq!(std::fs::read(&path).expect("there"), b"not a key");
    }
}
