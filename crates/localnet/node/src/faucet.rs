//! TAO from nowhere: what has to change in the state so that an account has more.

use codec::{Decode, Encode};
use node_subtensor_runtime::{Nonce, Runtime};
use sp_core::crypto::AccountId32;
use sp_crypto_hashing::{blake2_128, twox_128};

use crate::{chain::Chain, seal::SealError, types::Change};

type AccountInfo = frame_system::AccountInfo<Nonce, <Runtime as frame_system::Config>::AccountData>;

/// The changes to the head's state that give `account` `rao` more.
pub(crate) fn changes(chain: &Chain, account: &AccountId32, rao: u64) -> Result<Vec<Change>, SealError> {
    let at = chain.store().head().hash;
    let id = account.encode();
    let account_key = [item("System", "Account"), [&blake2_128(&id)[..], &id].concat()].concat();
    let mut info: AccountInfo = read(chain.value(at, &account_key)?);
    info.data.free = add(info.data.free, rao)?;
    // An account that is new lives by its balance.
    info.providers = info.providers.max(1);
    let mut changes = vec![(account_key, Some(info.encode()))];
    for pallet in ["Balances", "SubtensorModule"] {
        let key = item(pallet, "TotalIssuance");
        let issued: u64 = read(chain.value(at, &key)?);
        changes.push((key, Some(add(issued, rao)?.encode())));
    }
    Ok(changes)
}

fn item(pallet: &str, name: &str) -> Vec<u8> {
    [twox_128(pallet.as_bytes()), twox_128(name.as_bytes())].concat()
}

fn read<T: Decode + Default>(value: Option<Vec<u8>>) -> T {
    value
        .and_then(|bytes| T::decode(&mut &bytes[..]).ok())
        .unwrap_or_default()
}

fn add(has: u64, more: u64) -> Result<u64, SealError> {
    has.checked_add(more)
        .ok_or_else(|| SealError::Changes("there cannot be as much TAO".to_owned()))
}
