//! The main chain's own transaction extensions. They encode to nothing; clients only need to see their names.

use crate::{Runtime, RuntimeCall, RuntimeOrigin};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::pallet_prelude::TransactionSource;
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{AsSystemOriginSigner, DispatchInfoOf, TransactionExtension, ValidateResult},
    transaction_validity::InvalidTransaction,
};

pub use pallet_subtensor::SubtensorTransactionExtension;

/// An extension without data.
macro_rules! empty_extension {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Encode, Decode, DecodeWithMemTracking, Clone, Copy, Debug, Default, Eq, PartialEq, TypeInfo,
        )]
        #[scale_info(skip_type_params(T))]
        pub struct $name<T>(core::marker::PhantomData<T>);

        impl<T> $name<T> {
            /// The extension has no data.
            pub fn new() -> Self {
                Self(core::marker::PhantomData)
            }
        }
    };
}
pub(crate) use empty_extension;

empty_extension!(
    /// Refuses a sudo call that the sudo key has not signed, before it costs anybody a fee.
    SudoTransactionExtension
);
empty_extension!(
    /// Named for clients; pulses come with each block and need no priority.
    DrandPriority
);

impl TransactionExtension<RuntimeCall> for SudoTransactionExtension<Runtime> {
    const IDENTIFIER: &'static str = "SudoTransactionExtension";
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
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        if let (Some(who), RuntimeCall::Sudo(_)) = (origin.as_system_origin_signer(), call) {
            if pallet_sudo::Key::<Runtime>::get().as_ref() != Some(who) {
                return Err(InvalidTransaction::BadSigner.into());
            }
        }
        Ok((Default::default(), (), origin))
    }

    impl_tx_ext_default!(RuntimeCall; weight prepare);
}

impl TransactionExtension<RuntimeCall> for DrandPriority<Runtime> {
    const IDENTIFIER: &'static str = "DrandPriority";
    type Implicit = ();
    type Val = ();
    type Pre = ();
    impl_tx_ext_default!(RuntimeCall; weight validate prepare);
}
