//! Encrypted transactions: refused by the pool when the author could not read them.

use crate::extensions::empty_extension;
use crate::{AccountId, Address, Runtime, RuntimeCall, RuntimeOrigin, UncheckedExtrinsic};
use codec::{Decode, DecodeAll, DecodeWithMemTracking, Encode};
use frame_support::pallet_prelude::TransactionSource;
use pallet_shield::{dev_key, Pallet, ShieldedTransaction};
use scale_info::TypeInfo;
use sp_runtime::{
    generic::Preamble,
    impl_tx_ext_default,
    traits::{DispatchInfoOf, TransactionExtension, ValidateResult},
    transaction_validity::InvalidTransaction,
};

/// Pool code: the encrypted bytes cannot be taken apart.
pub const FAILED_SHIELDED_TX_PARSING: u8 = 23;
/// Pool code: encrypted to a key that no author has.
pub const INVALID_SHIELDED_TX_PUB_KEY_HASH: u8 = 24;

empty_extension!(
    /// Refuses encrypted transactions that cannot be taken apart or are for another key.
    CheckShieldedTxValidity
);

impl TransactionExtension<RuntimeCall> for CheckShieldedTxValidity<Runtime> {
    const IDENTIFIER: &'static str = "CheckShieldedTxValidity";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn validate(
        &self,
        origin: RuntimeOrigin,
        call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        _len: usize,
        _implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        if let RuntimeCall::MevShield(call) = call {
            if let Some(shielded) = Pallet::<Runtime>::shielded(call) {
                let shielded = shielded.ok_or(InvalidTransaction::Custom(FAILED_SHIELDED_TX_PARSING))?;
                let is_known = if source == TransactionSource::InBlock {
                    Pallet::<Runtime>::is_current_key(&shielded.key_hash)
                } else {
                    Pallet::<Runtime>::is_known_key(&shielded.key_hash)
                };
                if !is_known {
                    return Err(InvalidTransaction::Custom(INVALID_SHIELDED_TX_PUB_KEY_HASH).into());
                }
            }
        }
        Ok((Default::default(), (), origin))
    }

    impl_tx_ext_default!(RuntimeCall; weight prepare);
}

/// The encrypted transaction that a signed transaction carries, if it carries one that can be taken apart.
pub fn carried(transaction: &UncheckedExtrinsic) -> Option<ShieldedTransaction> {
    let signed: &Preamble<Address, _, _> = &transaction.preamble;
    if !matches!(signed, Preamble::Signed(..)) {
        return None;
    }
    match &transaction.function {
        RuntimeCall::MevShield(call) => Pallet::<Runtime>::shielded(call)?,
        _ => None,
    }
}

/// Decrypts a transaction with the seed of the author's key. Only signed ones come out: a stranger must not be able to say
/// what only an author may.
pub fn open(seed: &[u8], shielded: &ShieldedTransaction) -> Option<UncheckedExtrinsic> {
    let plaintext = dev_key::decrypt(seed, shielded)?;
    let transaction = UncheckedExtrinsic::decode_all(&mut &plaintext[..]).ok()?;
    let Preamble::Signed(Address::Id(signer), ..) = &transaction.preamble else {
        return None;
    };
    let _: &AccountId = signer;
    Some(transaction)
}
