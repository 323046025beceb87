//! Which calls an account may let another make in its name: the main chain's kinds of proxies.

use crate::RuntimeCall;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::{GetCallMetadata, InstanceFilter};
use scale_info::TypeInfo;

/// Transfers below this are small, rao: half a TAO.
pub const SMALL_TRANSFER_LIMIT: u64 = 500_000_000;

/// What a proxy may do.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
)]
pub enum ProxyType {
    /// Anything.
    #[default]
    Any,
    /// What a subnet's owner does, but giving the subnet away.
    Owner,
    /// All but what cannot be undone.
    NonCritical,
    /// All but moving funds to others.
    NonTransfer,
    /// Nothing any more.
    Senate,
    /// All but anything to do with funds and keys.
    NonFungible,
    /// Nothing any more.
    Triumvirate,
    /// Nothing any more.
    Governance,
    /// Staking and unstaking.
    Staking,
    /// Registering neurons.
    Registration,
    /// Moving funds to others.
    Transfer,
    /// Moving little to others.
    SmallTransfer,
    /// Nothing any more.
    RootWeights,
    /// Children and what they give.
    ChildKeys,
    /// Nothing here: the runtime is compiled in.
    SudoUncheckedSetCode,
    /// Swapping a hotkey.
    SwapHotkey,
    /// What the beneficiary of a leased subnet does; there are no leases here.
    SubnetLeaseBeneficiary,
    /// Claiming what root earned.
    RootClaim,
}

const TRANSFERS: &[&str] = &["transfer_keep_alive", "transfer_allow_death", "transfer_all"];
const STAKING: &[&str] = &[
    "add_stake",
    "add_stake_limit",
    "remove_stake",
    "remove_stake_limit",
    "remove_stake_full_limit",
    "unstake_all",
    "unstake_all_alpha",
    "swap_stake",
    "swap_stake_limit",
    "move_stake",
];
const COLDKEY_SWAPS: &[&str] = &[
    "schedule_swap_coldkey",
    "swap_coldkey",
    "announce_coldkey_swap",
    "swap_coldkey_announced",
];

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        let said = call.get_call_metadata();
        let (pallet, name) = (said.pallet_name, said.function_name);
        let subtensor = pallet == "SubtensorModule";
        let is = |names: &[&str]| subtensor && names.contains(&name);
        match self {
            Self::Any => true,
            Self::NonTransfer => {
                pallet != "Balances" && !is(&["transfer_stake", "transfer_stake_and_hotkey"]) && !is(COLDKEY_SWAPS)
            }
            Self::NonFungible => {
                pallet != "Balances"
                    && !is(STAKING)
                    && !is(&["transfer_stake", "transfer_stake_and_hotkey"])
                    && !is(&[
                        "burned_register",
                        "register_limit",
                        "root_register",
                        "swap_hotkey",
                        "swap_hotkey_v2",
                    ])
                    && !is(COLDKEY_SWAPS)
            }
            Self::NonCritical => {
                pallet != "Sudo" && !is(&["dissolve_network", "root_register", "burned_register", "register_limit"])
            }
            Self::Owner => {
                (pallet == "AdminUtils" && name != "sudo_set_sn_owner_hotkey")
                    || is(&[
                        "set_subnet_identity",
                        "update_symbol",
                        "set_tempo",
                        "set_activity_cutoff_factor",
                    ])
            }
            Self::Staking => is(STAKING) || is(&["set_root_claim_type"]),
            Self::Registration => is(&["burned_register", "register", "register_limit"]),
            Self::Transfer => (pallet == "Balances" && TRANSFERS.contains(&name)) || is(&["transfer_stake"]),
            Self::SmallTransfer => is_small_transfer(call),
            Self::ChildKeys => is(&["set_children", "set_childkey_take"]),
            Self::SwapHotkey => is(&["swap_hotkey", "swap_hotkey_v2"]),
            Self::RootClaim => is(&["claim_root", "claim_root_with_hotkey"]),
            Self::Senate
            | Self::Triumvirate
            | Self::Governance
            | Self::RootWeights
            | Self::SudoUncheckedSetCode
            | Self::SubnetLeaseBeneficiary => false,
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (this, other) if this == other => true,
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (Self::NonTransfer, other) => !matches!(other, Self::Transfer | Self::SmallTransfer),
            (Self::Transfer, Self::SmallTransfer) => true,
            _ => false,
        }
    }
}

fn is_small_transfer(call: &RuntimeCall) -> bool {
    use pallet_balances::Call::{transfer_allow_death, transfer_keep_alive};
    match call {
        RuntimeCall::Balances(transfer_keep_alive { value, .. } | transfer_allow_death { value, .. }) => {
            *value < SMALL_TRANSFER_LIMIT
        }
        _ => false,
    }
}
