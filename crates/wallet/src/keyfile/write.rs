//! The JSON of a new key's two files, with all members the Python wallets write.

use zeroize::Zeroizing;

use super::PublicKey;
use crate::error::KeyError;
use crate::keypair::Keypair;
use crate::mnemonic::Mnemonic;
use crate::scheme::Scheme;
use crate::source::KeySource;

/// A key made from a source, the JSON of its two files, and its words when they were just invented.
pub(crate) struct NewKey {
    pub(crate) pair: Keypair,
    pub(crate) secret_json: Zeroizing<String>,
    pub(crate) public_json: String,
    pub(crate) mnemonic: Option<Mnemonic>,
}

/// Words when invented new ones are asked for without saying how many: what the Python wallets invent.
const DEFAULT_WORDS: usize = 12;

/// Makes the key of `source` and what is written to disk for it.
pub(crate) fn make(source: &KeySource, scheme: Scheme) -> Result<NewKey, KeyError> {
    let mut phrase = None;
    let mut seed = None;
    let mut invented = None;
    let pair = match source {
        KeySource::Random | KeySource::Mnemonic(_) => {
            // Written is the checked phrase in its one spelling, however it was typed.
            let words = match source {
                KeySource::Mnemonic(typed) => Mnemonic::parse(typed)?,
                _ => {
                    let words = Mnemonic::generate(DEFAULT_WORDS)?;
                    invented = Some(words.clone());
                    words
                }
            };
            let (pair, bytes) = Keypair::from_mnemonic_and_seed(scheme, words.reveal())?;
            phrase = Some(words);
            seed = Some(bytes);
            pair
        }
        KeySource::Seed(bytes) => {
            seed = Some(bytes.clone());
            Keypair::from_seed_with(scheme, **bytes)
        }
        KeySource::Uri(uri) => Keypair::from_uri_with(scheme, uri)?,
        KeySource::PrivateKey(secret) => Keypair::from_private_key(scheme, secret)?,
    };
    let public_json = public_json(PublicKey {
        account: pair.account_id(),
        scheme,
    });
    // Built as text, not through a JSON value, so that the only copies of the secrets are wiped ones. Nothing here
    // needs escaping: hex digits, base58 and lower-case words.
    let mut secret_json = Zeroizing::new(String::with_capacity(1024));
    secret_json.push_str(public_json.trim_end_matches('}'));
    let private_key = Zeroizing::new(hex::encode(pair.private_key().as_slice()));
    push_member(&mut secret_json, "privateKey", "0x", &private_key);
    if let Some(phrase) = &phrase {
        push_member(&mut secret_json, "secretPhrase", "", phrase.reveal());
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
        mnemonic: invented,
    })
}

/// The text of a public file.
pub(crate) fn public_json(key: PublicKey) -> String {
    let PublicKey { account, scheme } = key;
    let (digits, crypto_type) = (hex::encode(account.0), scheme.crypto_type());
    format!(
        r#"{{"accountId":"0x{digits}","publicKey":"0x{digits}","ss58Address":"{account}","cryptoType":{crypto_type}}}"#
    )
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
    fn the_public_file_holds_no_secret() {
        let key = make(&KeySource::Random, Scheme::Sr25519).expect("random");
        for member in ["secret", "private"] {
            assert!(!key.public_json.contains(member));
        }
    }

    #[test]
    fn no_buffer_of_a_secret_grows() {
        // A buffer that grows leaves an unwiped copy behind.
        let words = Mnemonic::generate(24).expect("words");
        let key = make(&words.into(), Scheme::Sr25519).expect("key");
        assert_eq!(key.secret_json.capacity(), 1024);
    }
}
