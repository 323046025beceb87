//! Nonces, with one difference from FRAME's own extension: a free call works from an account that holds nothing.
//!
//! Hotkeys sign their calls but own no balance. FRAME's extension refuses accounts nobody pays for, whatever they call.

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{
    dispatch::{DispatchInfo, Pays},
    pallet_prelude::TransactionSource,
    weights::Weight,
};
use frame_system::Config;
use scale_info::TypeInfo;
use sp_runtime::{
    traits::{
        AsSystemOriginSigner, CheckedAdd, DispatchInfoOf, Dispatchable, One, PostDispatchInfoOf, TransactionExtension,
        ValidateResult, Zero,
    },
    transaction_validity::{InvalidTransaction, TransactionLongevity, TransactionValidityError, ValidTransaction},
    DispatchResult, Saturating,
};

/// The sender's transaction count; makes a transaction usable once.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct CheckNonce<T: Config>(#[codec(compact)] pub T::Nonce);

impl<T: Config> core::fmt::Debug for CheckNonce<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CheckNonce({})", self.0)
    }
}

impl<T: Config> TransactionExtension<T::RuntimeCall> for CheckNonce<T>
where
    T::RuntimeCall: Dispatchable<Info = DispatchInfo>,
    <T::RuntimeCall as Dispatchable>::RuntimeOrigin: AsSystemOriginSigner<T::AccountId> + Clone,
{
    const IDENTIFIER: &'static str = "CheckNonce";
    type Implicit = ();
    type Val = Option<T::AccountId>;
    type Pre = ();

    fn weight(&self, _: &T::RuntimeCall) -> Weight {
        Weight::zero()
    }

    fn validate(
        &self,
        origin: <T as Config>::RuntimeOrigin,
        _call: &T::RuntimeCall,
        info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, T::RuntimeCall> {
        let Some(who) = origin.as_system_origin_signer().cloned() else {
            return Ok((Default::default(), None, origin));
        };
        let account = frame_system::Account::<T>::get(&who);
        let nobody_pays = account.providers.is_zero() && account.sufficients.is_zero();
        if nobody_pays && info.pays_fee == Pays::Yes {
            return Err(InvalidTransaction::Payment.into());
        }
        if self.0 < account.nonce {
            return Err(InvalidTransaction::Stale.into());
        }
        let tag = |nonce: T::Nonce| (who.clone(), nonce).encode();
        let validity = ValidTransaction {
            priority: 0,
            requires: if account.nonce < self.0 {
                vec![tag(self.0.saturating_sub(One::one()))]
            } else {
                vec![]
            },
            provides: vec![tag(self.0)],
            longevity: TransactionLongevity::MAX,
            propagate: true,
        };
        Ok((validity, Some(who), origin))
    }

    fn prepare(
        self,
        who: Self::Val,
        _origin: &T::RuntimeOrigin,
        _call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        let Some(who) = who else { return Ok(()) };
        frame_system::Account::<T>::try_mutate(&who, |account| {
            if self.0 > account.nonce {
                return Err(InvalidTransaction::Future.into());
            }
            account.nonce = self.0.checked_add(&T::Nonce::one()).unwrap_or_else(Zero::zero);
            Ok(())
        })
    }

    fn post_dispatch_details(
        _pre: Self::Pre,
        _info: &DispatchInfo,
        _post_info: &PostDispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _result: &DispatchResult,
    ) -> Result<Weight, TransactionValidityError> {
        Ok(Weight::zero())
    }
}
