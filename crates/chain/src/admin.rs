//! Settings that the root key of a development chain changes.
//!
//! On public networks nobody but the chain's governance can do this; the owner of a subnet sets hyperparameters
//! with other tools. Locally `//Alice` is root.

use crate::at::number;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::outcome::Receipt;
use crate::submit::{WaitFor, call};
use axoneme_wallet::Keypair;
use subxt::dynamic::{Value, tx};
use subxt::ext::scale_value::Composite;

impl Chain {
    /// Calls `AdminUtils.<name>` as root, with arguments by position.
    ///
    /// # Errors
    /// `BadSigner` when `sudo` is not the sudo key; [`ChainError::Missing`] for a name the runtime does not know.
    pub async fn admin_set(&self, sudo: &Keypair, name: &str, args: Vec<Value>) -> Result<Receipt, ChainError> {
        let included = self
            .submit(
                "admin_set",
                sudo,
                |at| {
                    if !at.has_call("AdminUtils", name) {
                        return Err(ChainError::missing(format!("call AdminUtils.{name}")));
                    }
                    let inner = tx("AdminUtils", name, Composite::unnamed(args.clone())).into_value();
                    Ok(call("Sudo", "sudo", [("call", inner)]))
                },
                WaitFor::Inclusion,
            )
            .await?;
        Ok(included.receipt)
    }
}

/// One method for each setting: its documentation, name, arguments, and the name of the call.
macro_rules! settings {
    ($($(#[$doc:meta])* $method:ident($($arg:ident: $kind:ty),+) => $call:literal;)+) => {
        impl Chain {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Chain::admin_set`].
                pub async fn $method(&self, sudo: &Keypair, $($arg: $kind),+) -> Result<Receipt, ChainError> {
                    self.admin_set(sudo, $call, vec![$(setting($arg)),+]).await
                }
            )+
        }
    };
}

/// A number or a truth value as an argument.
fn setting(value: impl Into<Setting>) -> Value {
    match value.into() {
        Setting::Number(value) => number(value),
        Setting::Flag(flag) => Value::bool(flag),
    }
}

enum Setting {
    Number(u128),
    Flag(bool),
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
    admin_set_tempo(netuid: u16, blocks: u16) => "sudo_set_tempo";
    /// Sets how many blocks have to pass between two weight settings of a validator.
    admin_set_weights_set_rate_limit(netuid: u16, blocks: u64) => "sudo_set_weights_set_rate_limit";
    /// Sets the fewest weights a validator has to give.
    admin_set_min_allowed_weights(netuid: u16, count: u16) => "sudo_set_min_allowed_weights";
    /// Switches between committed and plain weights.
    admin_set_commit_reveal(netuid: u16, enabled: bool) => "sudo_set_commit_reveal_weights_enabled";
    /// Sets how many blocks have to pass between two new subnets of one owner.
    admin_set_network_rate_limit(blocks: u64) => "sudo_set_network_rate_limit";
    /// Sets how many blocks have to pass between two axon announcements.
    admin_set_serving_rate_limit(netuid: u16, blocks: u64) => "sudo_set_serving_rate_limit";
    /// Sets for how many blocks a new neuron cannot be replaced.
    admin_set_immunity_period(netuid: u16, blocks: u16) => "sudo_set_immunity_period";
    /// Sets how many neurons fit into a subnet.
    admin_set_max_allowed_uids(netuid: u16, count: u16) => "sudo_set_max_allowed_uids";
    /// Sets how many validators get a permit.
    admin_set_max_allowed_validators(netuid: u16, count: u16) => "sudo_set_max_allowed_validators";
    /// Opens or closes registration.
    admin_set_registration_allowed(netuid: u16, allowed: bool) => "sudo_set_network_registration_allowed";
    /// Sets the lowest registration price, in rao.
    admin_set_min_burn(netuid: u16, rao: u64) => "sudo_set_min_burn";
    /// Sets the highest registration price, in rao.
    admin_set_max_burn(netuid: u16, rao: u64) => "sudo_set_max_burn";
    /// Sets the lowest version key that validators may use.
    admin_set_weights_version_key(netuid: u16, key: u64) => "sudo_set_weights_version_key";
    /// Sets after how many blocks without weights a neuron counts as inactive.
    admin_set_activity_cutoff(netuid: u16, blocks: u16) => "sudo_set_activity_cutoff";
    /// Sets the stake below which validators cannot set weights, in rao.
    admin_set_stake_threshold(rao: u64) => "sudo_set_stake_threshold";
    /// Sets how many blocks have to pass between creating and starting a subnet.
    admin_set_start_call_delay(blocks: u64) => "sudo_set_start_call_delay";
    /// Sets the lowest price of a new subnet, in rao.
    admin_set_network_min_lock_cost(rao: u64) => "sudo_set_network_min_lock_cost";
    /// Opens or closes trading of the subnet's token.
    admin_set_subtoken_enabled(netuid: u16, enabled: bool) => "sudo_set_subtoken_enabled";
    /// Sets how many registrations a block may hold.
    admin_set_max_registrations_per_block(netuid: u16, count: u16) => "sudo_set_max_registrations_per_block";
    /// Sets how many registrations the price aims at in an interval.
    admin_set_target_registrations(netuid: u16, count: u16) => "sudo_set_target_registrations_per_interval";
}
