//! What owners say about their subnets, and coldkeys about themselves.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

/// Longest short text, bytes.
const SHORT: usize = 256;
/// Longest long text, bytes.
const LONG: usize = 1_024;

impl ChainIdentityV2 {
    /// Whether every text is short enough.
    pub fn is_valid(&self) -> bool {
        let short = [&self.name, &self.url, &self.github_repo, &self.discord];
        let long = [&self.image, &self.description, &self.additional];
        fits(&short, SHORT) && fits(&long, LONG)
    }
}

impl SubnetIdentityV3 {
    /// Whether every text is short enough.
    pub fn is_valid(&self) -> bool {
        let short = [&self.subnet_name, &self.discord];
        let long = [
            &self.github_repo,
            &self.subnet_contact,
            &self.subnet_url,
            &self.description,
            &self.logo_url,
            &self.additional,
        ];
        fits(&short, SHORT) && fits(&long, LONG)
    }
}

fn fits(texts: &[&Vec<u8>], limit: usize) -> bool {
    texts.iter().all(|text| text.len() <= limit)
}

impl<T: Config> Pallet<T> {
    /// Says who a coldkey is. One of its hotkeys has to be registered somewhere.
    pub fn do_set_identity(coldkey: &T::AccountId, identity: ChainIdentityV2) -> DispatchResult {
        let is_member = |hotkey| IsNetworkMember::<T>::iter_prefix(hotkey).any(|(_, member)| member);
        ensure!(
            OwnedHotkeys::<T>::get(coldkey).into_iter().any(is_member),
            Error::<T>::HotKeyNotRegisteredInNetwork
        );
        ensure!(identity.is_valid(), Error::<T>::InvalidIdentity);
        IdentitiesV2::<T>::insert(coldkey, identity);
        Self::deposit_event(Event::ChainIdentitySet(coldkey.clone()));
        Ok(())
    }

    /// Says what a subnet is. Only its owner can.
    pub fn do_set_subnet_identity(coldkey: &T::AccountId, netuid: u16, identity: SubnetIdentityV3) -> DispatchResult {
        Self::ensure_exists(netuid)?;
        ensure!(SubnetOwner::<T>::get(netuid) == *coldkey, Error::<T>::NotSubnetOwner);
        ensure!(identity.is_valid(), Error::<T>::InvalidIdentity);
        SubnetIdentitiesV3::<T>::insert(netuid, identity);
        Self::deposit_event(Event::SubnetIdentitySet(netuid));
        Ok(())
    }
}
