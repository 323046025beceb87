//! Reading the text of a keyfile: JSON of both SDK generations, or a bare seed or mnemonic.

use serde_json::{Map, Value};
use sp_core::crypto::{AccountId32, Ss58Codec};
use zeroize::Zeroizing;

use super::{Contents, PublicKey, corrupt};
use crate::account::AccountId;
use crate::error::KeyfileError;
use crate::keypair::Keypair;
use crate::scheme::Scheme;

/// No address of a 32-byte key is longer, whatever its prefix; decoding takes time quadratic in the length.
const LONGEST_ADDRESS: usize = 50;

/// Parses an unencrypted keyfile.
///
/// The first usable of `secretPhrase`, `secretSeed`, `privateKey`, `ss58Address` counts, as in Python. One difference:
/// a `secretSeed` that is not 64 hex digits falls through to `privateKey`, because wallet 4.1.0 writes such files
/// when it makes a key from a hex seed. What is not JSON is a bare hex seed or mnemonic, as SDK 11 reads them.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, KeyfileError> {
    let members = match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Members(members),
        Ok(other) => {
            // A bare seed of digits alone is a JSON number; a text in quotes is nothing.
            wipe(other);
            return bare(bytes);
        }
        Err(_) => return bare(bytes),
    };
    // Absent, null or not an integer means sr25519, as in Python.
    let scheme = match members.0.get("cryptoType").and_then(Value::as_i64) {
        None => Scheme::Sr25519,
        Some(number) => Scheme::from_crypto_type(number)
            .ok_or_else(|| corrupt(format!("its cryptoType is {number}; sr25519 is 1, ed25519 is 0")))?,
    };
    let written = members.text("ss58Address");
    let Some(pair) = members.secret(scheme)? else {
        let address = written.ok_or_else(|| corrupt("it holds neither a secret nor an ss58Address"))?;
        let account = address_of(address).ok_or_else(|| corrupt("its ss58Address is not an address"))?;
        return Ok(Contents::Public(PublicKey { account, scheme }));
    };
    match written {
        Some(written) if address_of(written) != Some(pair.account_id()) => Err(KeyfileError::WrongAddress {
            written: printable(written),
            derived: pair.account_id(),
        }),
        _ => Ok(Contents::Secret(Box::new(pair))),
    }
}

/// A file that holds just a hex seed or a mnemonic, of an sr25519 key.
fn bare(bytes: &[u8]) -> Result<Contents, KeyfileError> {
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim_ascii();
    let pair = match unhex(text).map(|seed| <[u8; 32]>::try_from(seed.as_slice())) {
        Some(Ok(seed)) => Keypair::from_seed(seed),
        _ => Keypair::from_mnemonic(text)
            .map_err(|_| corrupt("it is neither keyfile JSON, nor a hex seed, nor a mnemonic"))?,
    };
    Ok(Contents::Secret(Box::new(pair)))
}

/// The members of the JSON object; wipes the texts it held when dropped.
struct Members(Map<String, Value>);

impl Members {
    /// A text member; `null`, empty and other types count as absent.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn secret(&self, scheme: Scheme) -> Result<Option<Keypair>, KeyfileError> {
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
        std::mem::take(&mut self.0)
            .into_iter()
            .for_each(|(_, value)| wipe(value));
    }
}

fn wipe(value: Value) {
    match value {
        Value::String(text) => drop(Zeroizing::new(text)),
        Value::Array(values) => values.into_iter().for_each(wipe),
        Value::Object(members) => members.into_iter().for_each(|(_, value)| wipe(value)),
        _ => {}
    }
}

/// The key of an address of any network: both SDKs take them where an address stands for a key. Addresses that come
/// over the wire are parsed strictly elsewhere.
fn address_of(text: &str) -> Option<AccountId> {
    if text.len() > LONGEST_ADDRESS {
        return None;
    }
    let (key, _) = AccountId32::from_ss58check_with_version(text).ok()?;
    Some(AccountId(key.into()))
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .ok()
        .map(Zeroizing::new)
}

/// A text from a file, safe and short enough for a log line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
