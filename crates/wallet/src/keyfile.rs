//! The JSON inside one keyfile: reading it strictly, writing all members the Python wallets write.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::account::AccountId;
use crate::error::KeyError;
use crate::keypair::{KeySource, Keypair, Mnemonic};
use crate::scheme::Scheme;

/// What a plain keyfile turned out to hold.
#[derive(Debug)]
pub(crate) enum Contents {
    /// A secret key.
    Secret(Box<Keypair>),
    /// An address only.
    Public(AccountId),
}

/// Why the text of a keyfile was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// One of the three encrypted formats.
    Encrypted,
    /// Not usable; the text says why and holds no secret.
    Corrupt(String),
    /// The secret belongs to another address than `ss58Address` says.
    WrongAddress { written: String, derived: AccountId },
}

/// First bytes of the encrypted formats.
const ENCRYPTED: [&[u8]; 3] = [b"$NACL", b"$ANSIBLE_VAULT", b"gAAAAA"];

/// Parses the bytes of a keyfile.
///
/// The first usable of `secretPhrase`, `secretSeed`, `privateKey`, `ss58Address` counts, as in Python. One difference:
/// a `secretSeed` that is not 64 hex digits falls through to `privateKey`, because wallet 4.1.0 writes such files
/// when it makes a key from a hex seed.
pub(crate) fn parse(bytes: &[u8]) -> Result<Contents, Refusal> {
    if ENCRYPTED.iter().any(|start| bytes.starts_with(start)) {
        return Err(Refusal::Encrypted);
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else {
        return Err(corrupt("it is not a JSON object"));
    };
    let members = Members(members);
    // Absent, null or not an integer means sr25519, as in Python.
    let scheme = match members.0.get("cryptoType").and_then(Value::as_i64) {
        None => Scheme::Sr25519,
        Some(number) => Scheme::from_crypto_type(number)
            .ok_or_else(|| corrupt(format!("its cryptoType is {number}; sr25519 is 1, ed25519 is 0")))?,
    };
    let written = members.text("ss58Address");
    let Some(pair) = members.secret(scheme)? else {
        let address = written.ok_or_else(|| corrupt("it holds neither a secret nor an ss58Address"))?;
        return address
            .parse()
            .map(Contents::Public)
            .map_err(|e| corrupt(format!("its ss58Address: {e}")));
    };
    match written {
        Some(written) if written != pair.account_id().to_string() => Err(Refusal::WrongAddress {
            written: written.chars().take(64).collect(),
            derived: pair.account_id(),
        }),
        _ => Ok(Contents::Secret(Box::new(pair))),
    }
}

/// The members of the JSON object; wipes the texts it held when dropped.
struct Members(Map<String, Value>);

impl Members {
    /// A text member; `null`, empty and other types count as absent.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn secret(&self, scheme: Scheme) -> Result<Option<Keypair>, Refusal> {
        if let Some(phrase) = self.text("secretPhrase") {
            return Keypair::from_mnemonic_with(scheme, phrase)
                .map(Some)
                .map_err(|e| corrupt(format!("its secretPhrase: {e}")));
        }
        let seed = self.text("secretSeed");
        if let Some(seed) = seed.and_then(unhex)
            && let Ok(seed) = <[u8; 32]>::try_from(seed.as_slice())
        {
            return Ok(Some(Keypair::from_seed_with(scheme, seed)));
        }
        if let Some(text) = self.text("privateKey") {
            let secret = unhex(text).ok_or_else(|| corrupt("its privateKey is not hex digits"))?;
            return Keypair::from_private_key(scheme, &secret)
                .map(Some)
                .map_err(|e| corrupt(format!("its privateKey: {e}")));
        }
        match seed {
            Some(_) => Err(corrupt(
                "its secretSeed is not 64 hex digits and there is no privateKey",
            )),
            None => Ok(None),
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                zeroize::Zeroize::zeroize(text);
            }
        }
    }
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .ok()
        .map(Zeroizing::new)
}

fn corrupt(reason: impl Into<String>) -> Refusal {
    Refusal::Corrupt(reason.into())
}

/// A key made from a source, the JSON of its two files, and its words when they were just invented.
pub(crate) struct NewKey {
    pub(crate) pair: Keypair,
    pub(crate) secret_json: Zeroizing<String>,
    pub(crate) public_json: String,
    pub(crate) mnemonic: Option<Mnemonic>,
}

/// Makes the key of `source` and what is written to disk for it.
pub(crate) fn make(source: &KeySource) -> Result<NewKey, KeyError> {
    let scheme = Scheme::Sr25519;
    let mut phrase = None;
    let mut seed = None;
    let mut mnemonic = None;
    let pair = match source {
        KeySource::Random => {
            let (_, words) = Keypair::generate();
            let (pair, bytes) = Keypair::from_mnemonic_and_seed(scheme, words.reveal())?;
            phrase = Some(Zeroizing::new(words.reveal().to_owned()));
            seed = Some(bytes);
            mnemonic = Some(words);
            pair
        }
        KeySource::Mnemonic(words) => {
            let (pair, bytes) = Keypair::from_mnemonic_and_seed(scheme, words)?;
            phrase = Some(words.clone());
            seed = Some(bytes);
            pair
        }
        KeySource::Seed(bytes) => {
            seed = Some(bytes.clone());
            Keypair::from_seed(**bytes)
        }
        KeySource::Uri(uri) => Keypair::from_uri(uri)?,
    };
    let public_json = public_members(pair.account_id(), scheme);
    // Built as text, not through a JSON value, so that the only copies of the secrets are wiped ones. Nothing here
    // needs escaping: hex digits, base58 and lower-case words.
    let mut secret_json = Zeroizing::new(String::with_capacity(1024));
    secret_json.push_str(public_json.trim_end_matches('}'));
    let private_key = Zeroizing::new(hex::encode(pair.private_key().as_slice()));
    push_member(&mut secret_json, "privateKey", "0x", &private_key);
    if let Some(phrase) = &phrase {
        // A phrase may have been typed with several spaces; written is what derives the key.
        let words = Zeroizing::new(phrase.split_whitespace().collect::<Vec<_>>().join(" "));
        push_member(&mut secret_json, "secretPhrase", "", &words);
    }
    if let Some(seed) = &seed {
        let seed = Zeroizing::new(hex::encode(seed.as_slice()));
        push_member(&mut secret_json, "secretSeed", "0x", &seed);
    }
    secret_json.push('}');
    Ok(NewKey {
        pair,
        secret_json,
        public_json,
        mnemonic,
    })
}

fn public_members(account: AccountId, scheme: Scheme) -> String {
    let crypto_type = scheme.crypto_type();
    let key = hex::encode(account.0);
    format!(r#"{{"accountId":"0x{key}","publicKey":"0x{key}","ss58Address":"{account}","cryptoType":{crypto_type}}}"#)
}

fn push_member(json: &mut String, name: &str, prefix: &str, value: &str) {
    for part in [",\"", name, "\":\"", prefix, value, "\""] {
        json.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_keyfile_reads_back_as_the_same_key() {
        let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
        let sources = [
            KeySource::Random,
            KeySource::Uri("//Alice".into()),
            KeySource::Mnemonic(Zeroizing::new(words.replace(' ', "  "))),
            KeySource::Seed(Zeroizing::new([0x11; 32])),
        ];
        for source in sources {
            let key = make(&source).expect("usable source");
            let Contents::Secret(read) = parse(key.secret_json.as_bytes()).expect("readable") else {
                panic!("no secret in {source:?}")
            };
            assert_eq!(read.account_id(), key.pair.account_id());
            let Contents::Public(read) = parse(key.public_json.as_bytes()).expect("readable") else {
                panic!("a secret in the public file of {source:?}")
            };
            assert_eq!(read, key.pair.account_id());
        }
    }

    #[test]
    fn the_public_file_holds_no_secret() {
        let key = make(&KeySource::Random).expect("random");
        for member in ["secret", "private"] {
            assert!(!key.public_json.contains(member));
        }
    }
}
