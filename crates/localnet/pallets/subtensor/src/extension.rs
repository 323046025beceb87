//! Checks that refuse a transaction before it reaches a block, with the main chain's custom codes.
//!
//! They matter most for free calls: without them an account that owns nothing could fill blocks with calls that fail.

use crate::{netuid_index, AxonInfo, Call, Config, Error, NetworksAdded, Pallet, PrometheusInfo, WeightCommits};
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
    /// The hotkey has never been registered.
    HotkeyAccountDoesntExist = 4,
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
    /// The round of the reveal has passed.
    InvalidRevealRound = 15,
    /// Nothing is committed with this hash.
    CommitNotFound = 16,
    /// Not the epoch to reveal in.
    CommitBlockNotInRevealRange = 17,
    /// Lists differ in length.
    InputLengthsUnequal = 18,
    /// The hotkey has no uid on this subnet.
    UidNotFound = 19,
    /// The hotkey belongs to another coldkey.
    NonAssociatedColdKey = 25,
    /// The take is below what is allowed.
    DelegateTakeTooLow = 26,
    /// The take is above what is allowed.
    DelegateTakeTooHigh = 27,
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
            Error::InvalidRevealRound => Self::InvalidRevealRound,
            Error::InputLengthsUnequal => Self::InputLengthsUnequal,
            Error::NoWeightsCommitFound | Error::InvalidRevealCommitHashNotMatch => Self::CommitNotFound,
            Error::RevealTooEarly | Error::ExpiredWeightCommit => Self::CommitBlockNotInRevealRange,
            Error::HotKeyAccountNotExists => Self::HotkeyAccountDoesntExist,
            Error::NonAssociatedColdKey => Self::NonAssociatedColdKey,
            Error::DelegateTakeTooLow => Self::DelegateTakeTooLow,
            Error::DelegateTakeTooHigh => Self::DelegateTakeTooHigh,
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
            Call::batch_set_weights { netuids, .. } | Call::batch_commit_weights { netuids, .. } => netuids
                .iter()
                .try_for_each(|netuid| Self::check_stake(who, netuid.0).map(|_| ())),
            Call::commit_weights { netuid, .. } => Self::check_weights(who, *netuid, 0),
            Call::commit_mechanism_weights { netuid, mecid, .. } => Self::check_weights(who, *netuid, *mecid),
            Call::commit_timelocked_weights {
                netuid, reveal_round, ..
            } => Self::check_timelocked(who, *netuid, 0, *reveal_round),
            Call::commit_crv3_mechanism_weights {
                netuid,
                mecid,
                reveal_round,
                ..
            }
            | Call::commit_timelocked_mechanism_weights {
                netuid,
                mecid,
                reveal_round,
                ..
            } => Self::check_timelocked(who, *netuid, *mecid, *reveal_round),
            Call::reveal_weights {
                netuid,
                uids,
                values,
                salt,
                version_key,
            } => Self::check_reveal(who, *netuid, 0, uids, values, salt, *version_key),
            Call::reveal_mechanism_weights {
                netuid,
                mecid,
                uids,
                values,
                salt,
                version_key,
            } => Self::check_reveal(who, *netuid, *mecid, uids, values, salt, *version_key),
            Call::batch_reveal_weights {
                netuid,
                uids_list,
                values_list,
                salts_list,
                version_keys,
            } => {
                let count = uids_list.len();
                if [values_list.len(), salts_list.len(), version_keys.len()] != [count; 3] {
                    return Err(Refusal::InputLengthsUnequal);
                }
                (0..count).try_for_each(|i| {
                    let (uids, values, salt) = (&uids_list[i], &values_list[i], &salts_list[i]);
                    Self::check_reveal(who, *netuid, 0, uids, values, salt, version_keys[i])
                })
            }
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
            Call::decrease_take { hotkey, take } => Ok(Pallet::<T>::check_decrease_take(who, hotkey, *take)?),
            Call::increase_take { hotkey, take } => Ok(Pallet::<T>::check_increase_take(who, hotkey, *take)?),
            Call::register_network { .. } | Call::register_network_with_identity { .. }
                if !Pallet::<T>::passes_network_rate_limit() =>
            {
                Err(Refusal::RateLimitExceeded)
            }
            _ => Ok(()),
        }
    }

    fn check_weights(who: &T::AccountId, netuid: u16, mecid: u8) -> Result<(), Refusal> {
        let uid = Self::check_stake(who, netuid)?;
        if !Pallet::<T>::passes_weights_rate_limit(netuid, netuid_index(netuid, mecid), uid) {
            return Err(Refusal::RateLimitExceeded);
        }
        Ok(())
    }

    fn check_timelocked(who: &T::AccountId, netuid: u16, mecid: u8, reveal_round: u64) -> Result<(), Refusal> {
        Self::check_weights(who, netuid, mecid)?;
        if !Pallet::<T>::is_round_to_come(reveal_round) {
            return Err(Refusal::InvalidRevealRound);
        }
        Ok(())
    }

    fn check_stake(who: &T::AccountId, netuid: u16) -> Result<u16, Refusal> {
        if !NetworksAdded::<T>::get(netuid) {
            return Err(Refusal::SubnetNotExists);
        }
        let uid = Pallet::<T>::uid_of(netuid, who).ok_or(Refusal::UidNotFound)?;
        if !Pallet::<T>::has_stake_for_weights(who, netuid) {
            return Err(Refusal::StakeAmountTooLow);
        }
        Ok(uid)
    }

    fn check_reveal(
        who: &T::AccountId,
        netuid: u16,
        mecid: u8,
        uids: &[u16],
        values: &[u16],
        salt: &[u16],
        version_key: u64,
    ) -> Result<(), Refusal> {
        Self::check_stake(who, netuid)?;
        let index = netuid_index(netuid, mecid);
        let hash = Pallet::<T>::commit_hash(who, index, uids, values, salt, version_key);
        let commits = WeightCommits::<T>::get(index, who).unwrap_or_default();
        Pallet::<T>::revealable(index, &commits, hash)?;
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
