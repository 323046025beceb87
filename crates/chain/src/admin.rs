//! Settings that the root key of a development chain changes.
//!
//! On public networks nobody but the chain's governance can do this; the owner of a subnet sets hyperparameters
//! with other tools. Locally `//Alice` is root.

use crate::at::number;
use crate::call::{Call, Wrapped, numbers, option};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::Receipt;
use axoneme_wallet::Keypair;
use subxt::dynamic::Value;
use subxt::ext::scale_value::Composite;

impl Chain {
    /// Calls `AdminUtils.<name>` as root, with arguments by position.
    ///
    /// # Errors
    /// `BadSigner` when `sudo` is not the sudo key; [`ChainError::Missing`] for a name the runtime does not know.
    pub async fn admin_set(&self, sudo: &Keypair, name: &str, args: Vec<Value>) -> Result<Receipt, ChainError> {
        let call = subxt::dynamic::tx("AdminUtils", name, Composite::unnamed(args));
        self.as_root(sudo, Call::quick("admin_set", call)).await
    }

    /// Makes a call as root.
    ///
    /// # Errors
    /// `BadSigner` when `sudo` is not the sudo key; else as [`Chain::submit_call`].
    pub async fn as_root(&self, sudo: &Keypair, call: Call) -> Result<Receipt, ChainError> {
        let call: Wrapped = call.as_root();
        self.submit_call(sudo, &call).await
    }
}

/// A call and a method for each setting: its documentation, names, arguments, and the item.
macro_rules! settings {
    ($($(#[$doc:meta])* $method:ident, $call:ident($($arg:ident: $kind:ty),+) => $item:ident;)+) => {
        impl Chain {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Chain::as_root`].
                pub async fn $method(&self, sudo: &Keypair, $($arg: $kind),+) -> Result<Receipt, ChainError> {
                    self.as_root(sudo, Call::$call($($arg),+)).await
                }
            )+
        }

        impl Call {
            $(
                $(#[$doc])*
                ///
                /// For [`Call::as_root`], or for the subnet's owner where the chain lets it.
                pub fn $call($($arg: $kind),+) -> Call {
                    Call::quick("admin_set", calls::$item.with([$(setting($arg)),+]))
                }
            )+
        }
    };
}

/// A number, a truth value, or a list of shares as an argument.
fn setting(value: impl Into<Setting>) -> Value {
    match value.into() {
        Setting::Number(value) => number(value),
        Setting::Flag(flag) => Value::bool(flag),
        Setting::Shares(shares) => option(shares.map(numbers)),
    }
}

enum Setting {
    Number(u128),
    Flag(bool),
    Shares(Option<Vec<u16>>),
}

impl From<u8> for Setting {
    fn from(value: u8) -> Self {
        Setting::Number(value.into())
    }
}

impl From<Option<Vec<u16>>> for Setting {
    fn from(shares: Option<Vec<u16>>) -> Self {
        Setting::Shares(shares)
    }
}

impl From<u16> for Setting {
    fn from(value: u16) -> Self {
        Setting::Number(value.into())
    }
}

impl From<u64> for Setting {
    fn from(value: u64) -> Self {
        Setting::Number(value.into())
    }
}

impl From<bool> for Setting {
    fn from(flag: bool) -> Self {
        Setting::Flag(flag)
    }
}

settings! {
    /// Sets the number of blocks between epochs.
    admin_set_tempo, sudo_set_tempo(netuid: u16, blocks: u16) => ADMIN_SET_TEMPO;
    /// Sets how many blocks have to pass between two weight settings of a validator.
    admin_set_weights_set_rate_limit, sudo_set_weights_set_rate_limit(netuid: u16, blocks: u64) => SET_WEIGHTS_SET_RATE_LIMIT;
    /// Sets the fewest weights a validator has to give.
    admin_set_min_allowed_weights, sudo_set_min_allowed_weights(netuid: u16, count: u16) => SET_MIN_ALLOWED_WEIGHTS;
    /// Switches between committed and plain weights.
    admin_set_commit_reveal, sudo_set_commit_reveal_weights_enabled(netuid: u16, enabled: bool) => SET_COMMIT_REVEAL_ENABLED;
    /// Sets how many blocks have to pass between two new subnets of one owner.
    admin_set_network_rate_limit, sudo_set_network_rate_limit(blocks: u64) => SET_NETWORK_RATE_LIMIT;
    /// Sets how many blocks have to pass between two axon announcements.
    admin_set_serving_rate_limit, sudo_set_serving_rate_limit(netuid: u16, blocks: u64) => SET_SERVING_RATE_LIMIT;
    /// Sets for how many blocks a new neuron cannot be replaced.
    admin_set_immunity_period, sudo_set_immunity_period(netuid: u16, blocks: u16) => SET_IMMUNITY_PERIOD;
    /// Sets how many neurons fit into a subnet.
    admin_set_max_allowed_uids, sudo_set_max_allowed_uids(netuid: u16, count: u16) => SET_MAX_ALLOWED_UIDS;
    /// Sets how many validators get a permit.
    admin_set_max_allowed_validators, sudo_set_max_allowed_validators(netuid: u16, count: u16) => SET_MAX_ALLOWED_VALIDATORS;
    /// Opens or closes registration.
    admin_set_registration_allowed, sudo_set_network_registration_allowed(netuid: u16, allowed: bool) => SET_REGISTRATION_ALLOWED;
    /// Sets the lowest registration price, in rao.
    admin_set_min_burn, sudo_set_min_burn(netuid: u16, rao: u64) => SET_MIN_BURN;
    /// Sets the highest registration price, in rao.
    admin_set_max_burn, sudo_set_max_burn(netuid: u16, rao: u64) => SET_MAX_BURN;
    /// Sets the lowest version key that validators may use.
    admin_set_weights_version_key, sudo_set_weights_version_key(netuid: u16, key: u64) => SET_WEIGHTS_VERSION_KEY;
    /// Sets after how many blocks without weights a neuron counts as inactive.
    admin_set_activity_cutoff, sudo_set_activity_cutoff(netuid: u16, blocks: u16) => SET_ACTIVITY_CUTOFF;
    /// Sets the stake below which validators cannot set weights, in rao.
    admin_set_stake_threshold, sudo_set_stake_threshold(rao: u64) => SET_STAKE_THRESHOLD;
    /// Sets how many blocks have to pass between creating and starting a subnet.
    admin_set_start_call_delay, sudo_set_start_call_delay(blocks: u64) => SET_START_CALL_DELAY;
    /// Sets the lowest price of a new subnet, in rao.
    admin_set_network_min_lock_cost, sudo_set_network_min_lock_cost(rao: u64) => SET_NETWORK_MIN_LOCK_COST;
    /// Opens or closes trading of the subnet's token.
    admin_set_subtoken_enabled, sudo_set_subtoken_enabled(netuid: u16, enabled: bool) => SET_SUBTOKEN_ENABLED;
    /// Sets how many registrations a block may hold.
    admin_set_max_registrations_per_block, sudo_set_max_registrations_per_block(netuid: u16, count: u16) => SET_MAX_REGISTRATIONS_PER_BLOCK;
    /// Sets how many registrations the price aims at in an interval.
    admin_set_target_registrations, sudo_set_target_registrations_per_interval(netuid: u16, count: u16) => SET_TARGET_REGISTRATIONS;
    /// Sets the pause between two transactions of a kind that the chain limits, in blocks.
    admin_set_tx_rate_limit, sudo_set_tx_rate_limit(blocks: u64) => SET_TX_RATE_LIMIT;
    /// Sets the share of stake that decides the consensus, as a fraction of 65535.
    admin_set_kappa, sudo_set_kappa(netuid: u16, kappa: u16) => SET_KAPPA;
    /// Sets rho, which some older formulas use.
    admin_set_rho, sudo_set_rho(netuid: u16, rho: u16) => SET_RHO;
    /// Sets how much of the bonds is kept in each epoch, in millionths.
    admin_set_bonds_moving_average, sudo_set_bonds_moving_average(netuid: u16, millionths: u64) => SET_BONDS_MOVING_AVERAGE;
    /// Sets how much weights above the consensus cost in bonds, as a fraction of 65535.
    admin_set_bonds_penalty, sudo_set_bonds_penalty(netuid: u16, penalty: u16) => SET_BONDS_PENALTY;
    /// Switches the bonds of each pair of neurons to a rate of their own.
    admin_set_liquid_alpha, sudo_set_liquid_alpha_enabled(netuid: u16, enabled: bool) => SET_LIQUID_ALPHA_ENABLED;
    /// Sets the lowest and highest of those rates, as fractions of 65535.
    admin_set_alpha_values, sudo_set_alpha_values(netuid: u16, low: u16, high: u16) => SET_ALPHA_VALUES;
    /// Sets the epochs between commit and reveal.
    admin_set_commit_reveal_interval, sudo_set_commit_reveal_weights_interval(netuid: u16, epochs: u64) => SET_COMMIT_REVEAL_INTERVAL;
    /// Sets the version of timelocked commits that the chain accepts.
    admin_set_commit_reveal_version, sudo_set_commit_reveal_version(version: u16) => SET_COMMIT_REVEAL_VERSION;
    /// Switches to the third form of the consensus.
    admin_set_yuma3, sudo_set_yuma3_enabled(netuid: u16, enabled: bool) => SET_YUMA3_ENABLED;
    /// Sets for how many blocks before an epoch owners cannot change settings.
    admin_set_freeze_window, sudo_set_admin_freeze_window(blocks: u16) => SET_ADMIN_FREEZE_WINDOW;
    /// Sets how many epochs have to pass between two changes of a setting by the owner.
    admin_set_owner_rate_limit, sudo_set_owner_hparam_rate_limit(epochs: u16) => SET_OWNER_HPARAM_RATE_LIMIT;
    /// Sets how many mechanisms a subnet has.
    admin_set_mechanism_count, sudo_set_mechanism_count(netuid: u16, count: u8) => SET_MECHANISM_COUNT;
    /// Sets how the emission is shared between mechanisms, in parts that sum to 65535; `None` for equal shares.
    admin_set_mechanism_emission_split, sudo_set_mechanism_emission_split(netuid: u16, shares: Option<Vec<u16>>) => SET_MECHANISM_EMISSION_SPLIT;
    /// Sets in how many blocks the registration price falls by half.
    admin_set_burn_half_life, sudo_set_burn_half_life(netuid: u16, blocks: u16) => SET_BURN_HALF_LIFE;
    /// Sets how many epochs may run in one block.
    admin_set_max_epochs_per_block, sudo_set_max_epochs_per_block(count: u8) => SET_MAX_EPOCHS_PER_BLOCK;
}
