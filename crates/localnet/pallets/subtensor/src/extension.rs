//! Checks that refuse a transaction before it reaches a block, with the main chain's custom codes.
//!
//! They matter most for free calls: without them an account that owns nothing could fill blocks with calls that fail.

use crate::{netuid_index, AxonInfo, Call, Config, Error, NetworksAdded, Pallet, PrometheusInfo};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{dispatch::DispatchInfo, pallet_prelude::TransactionSource, traits::IsSubType};
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{AsSystemOriginSigner, DispatchInfoOf, Dispatchable, TransactionExtension, ValidateResult},
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};
use std::marker::PhantomData;

/// Why a transaction is refused; the number is the code of the JSON-RPC error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// Not enough stake to set weights.
    StakeAmountTooLow = 1,
    /// There is no such subnet.
    SubnetNotExists = 3,
    /// Weights or subnets too fast.
    RateLimitExceeded = 6,
    /// The hotkey has to register before it serves.
    HotKeyNotRegisteredInNetwork = 10,
    /// Nobody else could reach this address.
    InvalidIpAddress = 11,
    /// Served too recently.
    ServingRateLimitExceeded = 12,
    /// Port 0.
    InvalidPort = 13,
    /// The hotkey has no uid on this subnet.
    UidNotFound = 19,
    /// Anything else.
    BadRequest = 255,
}

impl From<Refusal> for TransactionValidityError {
    fn from(refusal: Refusal) -> Self {
        InvalidTransaction::Custom(refusal as u8).into()
    }
}

impl<T> From<Error<T>> for Refusal {
    fn from(error: Error<T>) -> Self {
        match error {
            Error::HotKeyNotRegisteredInNetwork => Self::HotKeyNotRegisteredInNetwork,
            Error::InvalidIpAddress => Self::InvalidIpAddress,
            Error::ServingRateLimitExceeded => Self::ServingRateLimitExceeded,
            Error::InvalidPort => Self::InvalidPort,
            _ => Self::BadRequest,
        }
    }
}

/// Refuses calls that are bound to fail.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Default, Eq, PartialEq, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct SubtensorTransactionExtension<T>(PhantomData<T>);

impl<T> std::fmt::Debug for SubtensorTransactionExtension<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubtensorTransactionExtension")
    }
}

impl<T> SubtensorTransactionExtension<T> {
    /// The extension has no data.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Config> SubtensorTransactionExtension<T> {
    fn check(who: &T::AccountId, call: &Call<T>) -> Result<(), Refusal> {
        match call {
            Call::set_weights { netuid, .. } => Self::check_weights(who, *netuid, 0),
            Call::set_mechanism_weights { netuid, mecid, .. } => Self::check_weights(who, *netuid, *mecid),
            Call::serve_axon {
                netuid,
                ip,
                ip_type,
                port,
                ..
            }
            | Call::serve_axon_tls {
                netuid,
                ip,
                ip_type,
                port,
                ..
            } => {
                let axon = AxonInfo {
                    ip: *ip,
                    ip_type: *ip_type,
                    port: *port,
                    ..Default::default()
                };
                Ok(Pallet::<T>::check_serve_axon(who, *netuid, &axon)?)
            }
            Call::serve_prometheus {
                netuid,
                ip,
                ip_type,
                port,
                ..
            } => {
                let info = PrometheusInfo {
                    ip: *ip,
                    ip_type: *ip_type,
                    port: *port,
                    ..Default::default()
                };
                Ok(Pallet::<T>::check_serve_prometheus(who, *netuid, &info)?)
            }
            Call::register_network { .. } | Call::register_network_with_identity { .. }
                if !Pallet::<T>::passes_network_rate_limit() =>
            {
                Err(Refusal::RateLimitExceeded)
            }
            _ => Ok(()),
        }
    }

    fn check_weights(who: &T::AccountId, netuid: u16, mecid: u8) -> Result<(), Refusal> {
        if !NetworksAdded::<T>::get(netuid) {
            return Err(Refusal::SubnetNotExists);
        }
        let uid = Pallet::<T>::uid_of(netuid, who).ok_or(Refusal::UidNotFound)?;
        if !Pallet::<T>::has_stake_for_weights(who, netuid) {
            return Err(Refusal::StakeAmountTooLow);
        }
        if !Pallet::<T>::passes_weights_rate_limit(netuid, netuid_index(netuid, mecid), uid) {
            return Err(Refusal::RateLimitExceeded);
        }
        Ok(())
    }
}

impl<T> TransactionExtension<T::RuntimeCall> for SubtensorTransactionExtension<T>
where
    T: Config + Send + Sync + TypeInfo,
    T::RuntimeCall: Dispatchable<RuntimeOrigin = T::RuntimeOrigin, Info = DispatchInfo> + IsSubType<Call<T>>,
    T::RuntimeOrigin: AsSystemOriginSigner<T::AccountId> + Clone,
{
    const IDENTIFIER: &'static str = "SubtensorTransactionExtension";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn validate(
        &self,
        origin: T::RuntimeOrigin,
        call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, T::RuntimeCall> {
        if let (Some(who), Some(call)) = (origin.as_system_origin_signer(), call.is_sub_type()) {
            Self::check(who, call)?;
        }
        Ok((Default::default(), (), origin))
    }

    impl_tx_ext_default!(T::RuntimeCall; weight prepare);
}
