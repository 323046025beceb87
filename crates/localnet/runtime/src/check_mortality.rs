//! How long a transaction is valid, with one difference from FRAME's own extension: an encrypted one must not live long.
//!
//! The key of a block's author is good for a few blocks only, so what is encrypted to it cannot wait longer than they do.

use crate::{Runtime, RuntimeCall, RuntimeOrigin};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{pallet_prelude::TransactionSource, weights::Weight};
use scale_info::TypeInfo;
use sp_runtime::{
    generic::Era,
    impl_tx_ext_default,
    traits::{DispatchInfoOf, Implication, TransactionExtension, ValidateResult},
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};

/// Longest era of an encrypted transaction, blocks.
pub const LONGEST_SHIELDED_ERA: u64 = 8;

type Inner = frame_system::CheckMortality<Runtime>;

/// The blocks in which a transaction is valid.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Debug, Eq, PartialEq, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct CheckMortality<T>(pub Era, core::marker::PhantomData<T>);

impl<T> CheckMortality<T> {
    /// A transaction that is valid in these blocks.
    pub fn from(era: Era) -> Self {
        Self(era, core::marker::PhantomData)
    }

    fn inner(&self) -> Inner {
        Inner::from(self.0)
    }
}

impl TransactionExtension<RuntimeCall> for CheckMortality<Runtime> {
    const IDENTIFIER: &'static str = "CheckMortality";
    type Implicit = <Inner as TransactionExtension<RuntimeCall>>::Implicit;
    type Val = ();
    type Pre = ();

    fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
        TransactionExtension::<RuntimeCall>::implicit(&self.inner())
    }

    fn weight(&self, call: &RuntimeCall) -> Weight {
        self.inner().weight(call)
    }

    fn validate(
        &self,
        origin: RuntimeOrigin,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
        implicit: Self::Implicit,
        inherited_implication: &impl Implication,
        source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let shielded = matches!(
            call,
            RuntimeCall::MevShield(pallet_shield::Call::submit_encrypted { .. })
        );
        let is_short = matches!(self.0, Era::Mortal(period, _) if period <= LONGEST_SHIELDED_ERA);
        if shielded && !is_short {
            return Err(InvalidTransaction::Stale.into());
        }
        self.inner()
            .validate(origin, call, info, len, implicit, inherited_implication, source)
    }

    impl_tx_ext_default!(RuntimeCall; prepare);
}
