//! Checks that refuse a transaction before it reaches a block.

use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_runtime::{impl_tx_ext_default, traits::{Dispatchable, TransactionExtension}};

/// Refuses calls that are bound to fail, with the main chain's custom codes.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct SubtensorTransactionExtension<T>(core::marker::PhantomData<T>);

impl<T> core::fmt::Debug for SubtensorTransactionExtension<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SubtensorTransactionExtension")
    }
}

impl<T> SubtensorTransactionExtension<T> {
    /// The extension has no data.
    pub fn new() -> Self {
        Self(core::marker::PhantomData)
    }
}

impl<T: crate::Config + Send + Sync + scale_info::TypeInfo> TransactionExtension<T::RuntimeCall> for SubtensorTransactionExtension<T>
where T::RuntimeCall: Dispatchable,
{
    const IDENTIFIER: &'static str = "SubtensorTransactionExtension";
    type Implicit = ();
    type Val = ();
    type Pre = ();
    impl_tx_ext_default!(T::RuntimeCall; weight validate prepare);
}
