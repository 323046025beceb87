//! Creating, starting and describing subnets.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult, traits::Get};

/// Price of the first registration on a new subnet, rao.
const NEW_SUBNET_BURN: u64 = TAO;
/// What netuid 1 holds in its pool at genesis, rao and alpha-rao.
const GENESIS_POOL: u64 = 10 * TAO;
/// Symbols of netuid 1 and following; the default symbol after that.
pub(crate) const SYMBOLS: [&str; 24] = [
    "α", "β", "γ", "δ", "ε", "ζ", "η", "θ", "ι", "κ", "λ", "μ", "ν", "ξ", "ο", "π", "ρ", "σ", "τ", "υ", "φ", "χ", "ψ",
    "ω",
];

impl<T: Config> Pallet<T> {
    /// All subnets, root included, in order.
    pub fn netuids() -> Vec<u16> {
        let mut netuids: Vec<u16> = NetworksAdded::<T>::iter()
            .filter(|(_, added)| *added)
            .map(|(netuid, _)| netuid)
            .collect();
        netuids.sort_unstable();
        netuids
    }

    /// Creates a subnet; the price becomes its pool.
    pub fn do_register_network(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        identity: Option<SubnetIdentityV3>,
    ) -> DispatchResult {
        Self::ensure_own_or_new(coldkey, hotkey)?;
        ensure!(
            Self::passes_network_rate_limit(),
            Error::<T>::NetworkTxRateLimitExceeded
        );
        let free = Self::free_netuid();
        let netuid = free
            .or_else(Self::subnet_to_prune)
            .ok_or(Error::<T>::SubnetLimitReached)?;
        let price = Self::network_lock_cost();
        ensure!(Self::spendable(coldkey) >= price, Error::<T>::CannotAffordLockCost);
        if free.is_none() {
            Self::do_dissolve_network(netuid)?;
        }
        Self::withdraw(coldkey, price)?;

        let block = Self::current_block();
        NetworkLastLockCost::<T>::put(price);
        LastRateLimitedBlock::<T>::insert(RateLimitKey::NetworkLastRegistered, block);
        Self::init_subnet(netuid, T::NewSubnetTempo::get());
        SubnetLocked::<T>::insert(netuid, price);
        Self::fill_pool(netuid, price);

        Self::associate(coldkey, hotkey)?;
        SubnetOwner::<T>::insert(netuid, coldkey);
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        let uid = Self::place_neuron(netuid, hotkey).ok_or(Error::<T>::NoNeuronIdAvailable)?;
        if let Some(identity) = identity {
            ensure!(identity.is_valid(), Error::<T>::InvalidIdentity);
            SubnetIdentitiesV3::<T>::insert(netuid, identity);
            Self::deposit_event(Event::SubnetIdentitySet(netuid));
        }
        Self::deposit_event(Event::NetworkAdded(netuid, 1));
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        Ok(())
    }

    /// Starts emission and trading.
    pub fn do_start_call(coldkey: &T::AccountId, netuid: u16) -> DispatchResult {
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            SubnetOwner::<T>::get(netuid) == *coldkey,
            sp_runtime::DispatchError::BadOrigin
        );
        ensure!(
            FirstEmissionBlockNumber::<T>::get(netuid).is_none(),
            Error::<T>::FirstEmissionBlockNumberAlreadySet
        );
        let block = Self::current_block();
        let earliest = NetworkRegisteredAt::<T>::get(netuid).saturating_add(StartCallDelay::<T>::get());
        ensure!(block >= earliest, Error::<T>::NeedWaitingMoreBlocksToStarCall);
        let first = block.saturating_add(1);
        FirstEmissionBlockNumber::<T>::insert(netuid, first);
        SubtokenEnabled::<T>::insert(netuid, true);
        Self::deposit_event(Event::FirstEmissionBlockNumberSet(netuid, first));
        Ok(())
    }

    /// What a new subnet costs now, rao: twice the last price, falling back to the lowest price over time.
    pub fn network_lock_cost() -> u64 {
        let lowest = NetworkMinLockCost::<T>::get();
        let last = NetworkLastLockCost::<T>::get();
        let last_block = Self::last_network_registration();
        let factor = if last_block == 0 { 1 } else { 2 };
        let fall_per_block = last.checked_div(NetworkLockReductionInterval::<T>::get()).unwrap_or(0);
        let elapsed = Self::current_block().saturating_sub(last_block);
        last.saturating_mul(factor)
            .saturating_sub(fall_per_block.saturating_mul(elapsed))
            .max(lowest)
    }

    /// Whether a subnet may be created in this block.
    pub fn passes_network_rate_limit() -> bool {
        let last = Self::last_network_registration();
        last == 0 || Self::current_block().saturating_sub(last) >= NetworkRateLimit::<T>::get()
    }

    fn last_network_registration() -> u64 {
        LastRateLimitedBlock::<T>::get(RateLimitKey::NetworkLastRegistered)
    }

    fn free_netuid() -> Option<u16> {
        (1..=SubnetLimit::<T>::get()).find(|netuid| !NetworksAdded::<T>::get(netuid))
    }

    /// Everything about a subnet that does not depend on who creates it.
    fn init_subnet(netuid: u16, tempo: u16) {
        let block = Self::current_block();
        NetworksAdded::<T>::insert(netuid, true);
        TotalNetworks::<T>::mutate(|n| *n = n.saturating_add(1));
        NetworkRegisteredAt::<T>::insert(netuid, block);
        SubnetworkN::<T>::insert(netuid, 0);
        SubnetMechanism::<T>::insert(netuid, 1);
        Tempo::<T>::insert(netuid, tempo);
        // Spreads the epochs of subnets over blocks.
        let phase = u64::from(netuid).checked_rem(u64::from(tempo)).unwrap_or(0);
        LastEpochBlock::<T>::insert(netuid, block.saturating_sub(phase));
        MaxAllowedUids::<T>::insert(netuid, 256);
        MaxAllowedValidators::<T>::insert(netuid, 64);
        MinAllowedWeights::<T>::insert(netuid, 1);
        MaxWeightsLimit::<T>::insert(netuid, u16::MAX);
        ImmunityPeriod::<T>::insert(netuid, 5_000);
        NetworkRegistrationAllowed::<T>::insert(netuid, true);
        Burn::<T>::insert(netuid, NEW_SUBNET_BURN);
        Yuma3On::<T>::insert(netuid, true);
        // Differs from the main chain: Python clients encrypt to the main chain's beacon, which is not heard here.
        CommitRevealWeightsEnabled::<T>::insert(netuid, false);
        // Read by listings that skip subnets without an entry.
        MechanismCountCurrent::<T>::insert(netuid, 1);
        if let Some(symbol) = usize::from(netuid).checked_sub(1).and_then(|index| SYMBOLS.get(index)) {
            TokenSymbol::<T>::insert(netuid, symbol.as_bytes().to_vec());
        }
    }

    /// Root, and netuid 1 with one neuron, both owned by nobody.
    pub(crate) fn create_genesis_subnets() {
        Self::init_subnet(ROOT, 100);
        SubnetMechanism::<T>::insert(ROOT, 0);
        MaxAllowedUids::<T>::insert(ROOT, 64);
        SubtokenEnabled::<T>::insert(ROOT, true);
        TokenSymbol::<T>::insert(ROOT, "Τ".as_bytes().to_vec());

        Self::init_subnet(1, 100);
        MinAllowedWeights::<T>::insert(1, 0);
        ImmunityPeriod::<T>::remove(1);
        Burn::<T>::remove(1);
        Yuma3On::<T>::remove(1);
        // Nobody owns this subnet, so nobody could start it.
        SubtokenEnabled::<T>::insert(1, true);
        Self::fill_pool(1, GENESIS_POOL);
        let nobody = neurons::zero_account::<T>();
        Owner::<T>::insert(&nobody, &nobody);
        let _ = Self::place_neuron(1, &nobody);
    }
}
