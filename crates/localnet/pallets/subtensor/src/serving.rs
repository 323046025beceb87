//! Where neurons can be reached.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

const LOOPBACK_V4: u128 = 0x7f00_0001;
const LOOPBACK_V6: u128 = 1;

impl<T: Config> Pallet<T> {
    /// Stores where a miner serves.
    pub fn do_serve_axon(
        hotkey: &T::AccountId,
        netuid: u16,
        mut axon: AxonInfo,
        certificate: Option<Vec<u8>>,
    ) -> DispatchResult {
        Self::check_serve_axon(hotkey, netuid, &axon)?;
        axon.block = Self::current_block();
        Axons::<T>::insert(netuid, hotkey, axon);
        // A key without its algorithm byte, or a longer one than exists, is no key.
        let certificate = certificate.as_deref().and_then(|bytes| {
            let (algorithm, public_key) = bytes.split_first()?;
            Some(NeuronCertificate {
                public_key: public_key.to_vec().try_into().ok()?,
                algorithm: *algorithm,
            })
        });
        if let Some(certificate) = certificate {
            NeuronCertificates::<T>::insert(netuid, hotkey, certificate);
        }
        Self::deposit_event(Event::AxonServed(netuid, hotkey.clone()));
        Ok(())
    }

    /// Stores where a neuron serves metrics.
    pub fn do_serve_prometheus(hotkey: &T::AccountId, netuid: u16, mut info: PrometheusInfo) -> DispatchResult {
        Self::check_serve_prometheus(hotkey, netuid, &info)?;
        info.block = Self::current_block();
        Prometheus::<T>::insert(netuid, hotkey, info);
        Self::deposit_event(Event::PrometheusServed(netuid, hotkey.clone()));
        Ok(())
    }

    /// Everything that may be wrong with a serve call, in the main chain's order.
    pub fn check_serve_axon(hotkey: &T::AccountId, netuid: u16, axon: &AxonInfo) -> Result<(), Error<T>> {
        let previous = Axons::<T>::get(netuid, hotkey).map(|axon| axon.block);
        Self::check_serve(hotkey, netuid, axon.ip, axon.ip_type, axon.port, previous)
    }

    /// The same for metrics, where the zero address is refused too.
    pub fn check_serve_prometheus(hotkey: &T::AccountId, netuid: u16, info: &PrometheusInfo) -> Result<(), Error<T>> {
        let previous = Prometheus::<T>::get(netuid, hotkey).map(|info| info.block);
        ensure!(
            Self::uid_of(netuid, hotkey).is_some(),
            Error::<T>::HotKeyNotRegisteredInNetwork
        );
        ensure!(matches!(info.ip_type, 4 | 6), Error::<T>::InvalidIpType);
        ensure!(info.ip != 0, Error::<T>::InvalidIpAddress);
        Self::check_serve(hotkey, netuid, info.ip, info.ip_type, info.port, previous)
    }

    fn check_serve(
        hotkey: &T::AccountId,
        netuid: u16,
        ip: u128,
        ip_type: u8,
        port: u16,
        previous: Option<u64>,
    ) -> Result<(), Error<T>> {
        ensure!(
            Self::uid_of(netuid, hotkey).is_some(),
            Error::<T>::HotKeyNotRegisteredInNetwork
        );
        let reachable = match ip_type {
            4 => ip < u128::from(u32::MAX) && ip != LOOPBACK_V4,
            6 => ip != u128::MAX && ip != LOOPBACK_V6,
            _ => return Err(Error::<T>::InvalidIpType),
        };
        ensure!(reachable, Error::<T>::InvalidIpAddress);
        let limit = ServingRateLimit::<T>::get(netuid);
        let too_soon = |block: u64| block != 0 && Self::current_block().saturating_sub(block) < limit;
        ensure!(!previous.is_some_and(too_soon), Error::<T>::ServingRateLimitExceeded);
        ensure!(port != 0, Error::<T>::InvalidPort);
        Ok(())
    }
}
