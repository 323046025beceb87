//! Symbols of subnets' tokens.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};
use frame_system::{ensure_root, ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Gives a subnet's token another symbol out of the list; root or the owner does.
    pub fn do_update_symbol(origin: OriginFor<T>, netuid: u16, symbol: Vec<u8>) -> DispatchResult {
        if ensure_root(origin.clone()).is_err() {
            let who = ensure_signed(origin)?;
            ensure!(SubnetOwner::<T>::get(netuid) == who, DispatchError::BadOrigin);
        }
        Self::ensure_exists(netuid)?;
        let known = subnets::SYMBOLS.iter().any(|other| other.as_bytes() == symbol);
        ensure!(known, Error::<T>::SymbolDoesNotExist);
        let taken = TokenSymbol::<T>::iter_values().any(|other| other == symbol);
        ensure!(!taken, Error::<T>::SymbolAlreadyInUse);
        TokenSymbol::<T>::insert(netuid, &symbol);
        Self::deposit_event(Event::SymbolUpdated { netuid, symbol });
        Ok(())
    }
}
