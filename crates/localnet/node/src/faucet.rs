//! TAO from nowhere: what has to change in the state so that an account has more.
//!
//! Works on the bytes, so that it does for a runtime from a file too: balances of 64 or 128 bits tell by their length.

use codec::{Decode, DecodeAll, Encode};
use sp_core::crypto::AccountId32;
use sp_crypto_hashing::{blake2_128, twox_128};

use crate::{chain::Chain, seal::SealError, types::Change};

/// Nonce, and the counts of those who need the account: consumers, providers, sufficients. All of 32 bits.
const COUNTS: usize = 16;
/// Where in them the providers are.
const PROVIDERS: std::ops::Range<usize> = 8..12;
/// The flags after the balances of an account: the highest bit says that its locks are counted in the newer way.
const FLAGS: u128 = 1 << 127;
/// Free, reserved, frozen.
const BALANCES: usize = 3;

/// The changes to the head's state that give `account` `rao` more.
pub(crate) fn changes(chain: &Chain, account: &AccountId32, rao: u64) -> Result<Vec<Change>, SealError> {
    let at = chain.store().head().hash;
    let id = account.encode();
    let accounts = item("System", "Account");
    let key = [&accounts[..], &blake2_128(&id), &id].concat();
    let issuance = item("Balances", "TotalIssuance");
    let issued = chain
        .value(at, &issuance)?
        .ok_or_else(|| SealError::Changes("the runtime has no Balances.TotalIssuance".to_owned()))?;
    let width = issued.len();

    let known = match chain.keys(at, &accounts, None, 1)?.first() {
        Some(key) => chain.value(at, key)?,
        None => None,
    };
    let known = known.unwrap_or_else(|| blank(width));
    let mut info = match chain.value(at, &key)? {
        Some(info) => info,
        None => {
            let mut info = vec![0; known.len().saturating_sub(16)];
            info.extend((flags(&known) & FLAGS).to_le_bytes());
            info
        }
    };
    let unlike = || {
        SealError::Changes(format!(
            "accounts of {} bytes are none that dev_faucet knows",
            known.len()
        ))
    };
    if info.len() != blank(width).len() || known.len() != info.len() {
        return Err(unlike());
    }
    let free = info.get_mut(COUNTS..COUNTS + width).ok_or_else(unlike)?;
    let more = add(free, rao)?;
    free.copy_from_slice(&more);
    // An account that is new lives by its balance.
    let providers = info.get_mut(PROVIDERS).ok_or_else(unlike)?;
    if providers.iter().all(|byte| *byte == 0) {
        providers.copy_from_slice(&1u32.to_le_bytes());
    }
    let mut changes = vec![(key, Some(info))];
    changes.push((issuance, Some(add(&issued, rao)?)));
    let staked = item("SubtensorModule", "TotalIssuance");
    if let Some(issued) = chain.value(at, &staked)? {
        changes.push((staked, Some(add(&issued, rao)?)));
    }
    Ok(changes)
}

/// An account that nothing happened to, with balances of `width` bytes.
fn blank(width: usize) -> Vec<u8> {
    let mut info = vec![0; COUNTS.saturating_add(width.saturating_mul(BALANCES))];
    info.extend(FLAGS.to_le_bytes());
    info
}

fn flags(info: &[u8]) -> u128 {
    info.last_chunk().map_or(0, |flags| u128::from_le_bytes(*flags))
}

fn item(pallet: &str, name: &str) -> Vec<u8> {
    [twox_128(pallet.as_bytes()), twox_128(name.as_bytes())].concat()
}

fn add(has: &[u8], more: u64) -> Result<Vec<u8>, SealError> {
    let sum = match has.len() {
        8 => decoded::<u64>(has)?.checked_add(more).map(|sum| sum.encode()),
        16 => decoded::<u128>(has)?
            .checked_add(u128::from(more))
            .map(|sum| sum.encode()),
        _ => {
            let detail = format!("balances of {} bytes are none that dev_faucet knows", has.len());
            return Err(SealError::Changes(detail));
        }
    };
    sum.ok_or_else(|| SealError::Changes("there cannot be as much TAO".to_owned()))
}

fn decoded<T: Decode>(mut bytes: &[u8]) -> Result<T, SealError> {
    T::decode_all(&mut bytes).map_err(|error| SealError::Changes(error.to_string()))
}
