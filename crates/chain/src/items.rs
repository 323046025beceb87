//! Every call, storage item, interface and constant of the runtime that this crate touches.
//!
//! The names are here and nowhere else, so that this is the list to hold against a runtime: what is in it has to
//! exist there with these arguments, or have a way around it where it is used. [`Known`] says which.

use crate::call::Payload;
use subxt::dynamic::Value;
use subxt::ext::scale_value::Composite;

/// Which of the main chain's runtimes have an item.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// All since December 2025.
    Always,
    /// Those since April 2026 (spec 393).
    Recent,
    /// Later ones only, so that the code gets by without it or says that it is missing.
    Newer,
}

/// A call with the names of its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallItem<const N: usize> {
    pub(crate) pallet: &'static str,
    pub(crate) name: &'static str,
    args: [&'static str; N],
}

impl<const N: usize> CallItem<N> {
    /// The call with a value for each argument, in the order of the list.
    pub(crate) fn with(&self, values: [Value; N]) -> Payload {
        let args = self.args.into_iter().zip(values);
        subxt::dynamic::tx(self.pallet, self.name, Composite::named(args))
    }
}

/// A storage item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StorageItem {
    pub(crate) pallet: &'static str,
    pub(crate) name: &'static str,
}

/// A method of a runtime interface.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiItem {
    pub(crate) interface: &'static str,
    pub(crate) method: &'static str,
}

/// A constant of a pallet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConstantItem {
    pub(crate) pallet: &'static str,
    pub(crate) name: &'static str,
}

const fn count(names: &[&str]) -> usize {
    names.len()
}

/// One constant for each item, and the list of them for the tests.
macro_rules! items {
    (calls $($known:ident $pallet:ident { $($name:ident = $call:ident($($arg:ident),*);)* })*) => {
        $($(
            pub(crate) const $name: CallItem<{ count(&[$(stringify!($arg)),*]) }> = CallItem {
                pallet: stringify!($pallet),
                name: stringify!($call),
                args: [$(stringify!($arg)),*],
            };
        )*)*
        /// All calls: which runtimes have it, pallet, name, arguments.
        #[cfg(test)]
        pub(crate) const ALL: &[(Known, &str, &str, &[&str])] = &[
            $($((Known::$known, stringify!($pallet), stringify!($call), &[$(stringify!($arg)),*]),)*)*
        ];
    };
    ($kind:ident { $outer:ident, $inner:ident } $($known:ident $pallet:ident { $($name:ident = $item:ident;)* })*) => {
        $($(
            pub(crate) const $name: $kind = $kind { $outer: stringify!($pallet), $inner: stringify!($item) };
        )*)*
        /// All of them: which runtimes have it, pallet or interface, name.
        #[cfg(test)]
        pub(crate) const ALL: &[(Known, &str, &str)] = &[
            $($((Known::$known, stringify!($pallet), stringify!($item)),)*)*
        ];
    };
}

/// Calls.
pub(crate) mod calls {
    use super::*;

    items! { calls
        Always SubtensorModule {
            SET_WEIGHTS = set_weights(netuid, dests, weights, version_key);
            SET_MECHANISM_WEIGHTS = set_mechanism_weights(netuid, mecid, dests, weights, version_key);
            BATCH_SET_WEIGHTS = batch_set_weights(netuids, weights, version_keys);
            COMMIT_WEIGHTS = commit_weights(netuid, commit_hash);
            COMMIT_MECHANISM_WEIGHTS = commit_mechanism_weights(netuid, mecid, commit_hash);
            BATCH_COMMIT_WEIGHTS = batch_commit_weights(netuids, commit_hashes);
            REVEAL_WEIGHTS = reveal_weights(netuid, uids, values, salt, version_key);
            REVEAL_MECHANISM_WEIGHTS = reveal_mechanism_weights(netuid, mecid, uids, values, salt, version_key);
            BATCH_REVEAL_WEIGHTS = batch_reveal_weights(netuid, uids_list, values_list, salts_list, version_keys);
            COMMIT_TIMELOCKED_WEIGHTS = commit_timelocked_weights(netuid, commit, reveal_round, commit_reveal_version);
            COMMIT_TIMELOCKED_MECHANISM_WEIGHTS =
                commit_timelocked_mechanism_weights(netuid, mecid, commit, reveal_round, commit_reveal_version);
            BURNED_REGISTER = burned_register(netuid, hotkey);
            ROOT_REGISTER = root_register(hotkey);
            REGISTER_NETWORK = register_network(hotkey);
            REGISTER_NETWORK_WITH_IDENTITY = register_network_with_identity(hotkey, identity);
            TRY_ASSOCIATE_HOTKEY = try_associate_hotkey(hotkey);
            START_CALL = start_call(netuid);
            SWAP_HOTKEY = swap_hotkey(hotkey, new_hotkey, netuid);
            SERVE_AXON = serve_axon(netuid, version, ip, port, ip_type, protocol, placeholder1, placeholder2);
            SERVE_AXON_TLS =
                serve_axon_tls(netuid, version, ip, port, ip_type, protocol, placeholder1, placeholder2, certificate);
            SERVE_PROMETHEUS = serve_prometheus(netuid, version, ip, port, ip_type);
            ADD_STAKE = add_stake(hotkey, netuid, amount_staked);
            ADD_STAKE_LIMIT = add_stake_limit(hotkey, netuid, amount_staked, limit_price, allow_partial);
            REMOVE_STAKE = remove_stake(hotkey, netuid, amount_unstaked);
            REMOVE_STAKE_LIMIT = remove_stake_limit(hotkey, netuid, amount_unstaked, limit_price, allow_partial);
            REMOVE_STAKE_FULL_LIMIT = remove_stake_full_limit(hotkey, netuid, limit_price);
            UNSTAKE_ALL = unstake_all(hotkey);
            UNSTAKE_ALL_ALPHA = unstake_all_alpha(hotkey);
            MOVE_STAKE =
                move_stake(origin_hotkey, destination_hotkey, origin_netuid, destination_netuid, alpha_amount);
            TRANSFER_STAKE =
                transfer_stake(destination_coldkey, hotkey, origin_netuid, destination_netuid, alpha_amount);
            SWAP_STAKE = swap_stake(hotkey, origin_netuid, destination_netuid, alpha_amount);
            SWAP_STAKE_LIMIT = swap_stake_limit(
                hotkey, origin_netuid, destination_netuid, alpha_amount, limit_price, allow_partial
            );
            SET_AUTO_STAKE = set_coldkey_auto_stake_hotkey(netuid, hotkey);
            DECREASE_TAKE = decrease_take(hotkey, take);
            INCREASE_TAKE = increase_take(hotkey, take);
            SET_CHILDKEY_TAKE = set_childkey_take(hotkey, netuid, take);
            SET_CHILDREN = set_children(hotkey, netuid, children);
            SET_IDENTITY = set_identity(name, url, github_repo, image, discord, description, additional);
            SET_SUBNET_IDENTITY = set_subnet_identity(
                netuid, subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional
            );
        }
        Newer SubtensorModule {
            REGISTER_LIMIT = register_limit(netuid, hotkey, limit_price);
            POW_REGISTER = pow_register(netuid, work_block, nonce, work, hotkey);
            SET_TEMPO = set_tempo(netuid, tempo);
            TRIGGER_EPOCH = trigger_epoch(netuid);
            SET_ACTIVITY_CUTOFF_FACTOR = set_activity_cutoff_factor(netuid, factor_milli);
        }
        Always Commitments {
            SET_COMMITMENT = set_commitment(netuid, info);
        }
        Always Balances {
            TRANSFER_KEEP_ALIVE = transfer_keep_alive(dest, value);
            TRANSFER_ALLOW_DEATH = transfer_allow_death(dest, value);
            TRANSFER_ALL = transfer_all(dest, keep_alive);
        }
        Always Proxy {
            PROXY = proxy(real, force_proxy_type, call);
            ADD_PROXY = add_proxy(delegate, proxy_type, delay);
            REMOVE_PROXY = remove_proxy(delegate, proxy_type, delay);
        }
        Always Utility {
            BATCH = batch(calls);
            BATCH_ALL = batch_all(calls);
            FORCE_BATCH = force_batch(calls);
        }
        Always Sudo {
            SUDO = sudo(call);
        }
        Always AdminUtils {
            SET_TX_RATE_LIMIT = sudo_set_tx_rate_limit(tx_rate_limit);
            SET_SERVING_RATE_LIMIT = sudo_set_serving_rate_limit(netuid, serving_rate_limit);
            SET_WEIGHTS_VERSION_KEY = sudo_set_weights_version_key(netuid, weights_version_key);
            SET_WEIGHTS_SET_RATE_LIMIT = sudo_set_weights_set_rate_limit(netuid, weights_set_rate_limit);
            SET_IMMUNITY_PERIOD = sudo_set_immunity_period(netuid, immunity_period);
            SET_MIN_ALLOWED_WEIGHTS = sudo_set_min_allowed_weights(netuid, min_allowed_weights);
            SET_MAX_ALLOWED_UIDS = sudo_set_max_allowed_uids(netuid, max_allowed_uids);
            SET_KAPPA = sudo_set_kappa(netuid, kappa);
            SET_RHO = sudo_set_rho(netuid, rho);
            SET_ACTIVITY_CUTOFF = sudo_set_activity_cutoff(netuid, activity_cutoff);
            SET_REGISTRATION_ALLOWED = sudo_set_network_registration_allowed(netuid, registration_allowed);
            SET_TARGET_REGISTRATIONS =
                sudo_set_target_registrations_per_interval(netuid, target_registrations_per_interval);
            SET_MIN_BURN = sudo_set_min_burn(netuid, min_burn);
            SET_MAX_BURN = sudo_set_max_burn(netuid, max_burn);
            SET_MAX_ALLOWED_VALIDATORS = sudo_set_max_allowed_validators(netuid, max_allowed_validators);
            SET_BONDS_MOVING_AVERAGE = sudo_set_bonds_moving_average(netuid, bonds_moving_average);
            SET_MAX_REGISTRATIONS_PER_BLOCK =
                sudo_set_max_registrations_per_block(netuid, max_registrations_per_block);
            SET_NETWORK_RATE_LIMIT = sudo_set_network_rate_limit(rate_limit);
            ADMIN_SET_TEMPO = sudo_set_tempo(netuid, tempo);
            SET_NETWORK_MIN_LOCK_COST = sudo_set_network_min_lock_cost(lock_cost);
            SET_STAKE_THRESHOLD = sudo_set_stake_threshold(min_stake);
            SET_COMMIT_REVEAL_ENABLED = sudo_set_commit_reveal_weights_enabled(netuid, enabled);
            SET_LIQUID_ALPHA_ENABLED = sudo_set_liquid_alpha_enabled(netuid, enabled);
            SET_ALPHA_VALUES = sudo_set_alpha_values(netuid, alpha_low, alpha_high);
            SET_COMMIT_REVEAL_INTERVAL = sudo_set_commit_reveal_weights_interval(netuid, interval);
            SET_BONDS_PENALTY = sudo_set_bonds_penalty(netuid, bonds_penalty);
            SET_SUBTOKEN_ENABLED = sudo_set_subtoken_enabled(netuid, subtoken_enabled);
            SET_YUMA3_ENABLED = sudo_set_yuma3_enabled(netuid, enabled);
            SET_COMMIT_REVEAL_VERSION = sudo_set_commit_reveal_version(version);
            SET_ADMIN_FREEZE_WINDOW = sudo_set_admin_freeze_window(window);
            SET_OWNER_HPARAM_RATE_LIMIT = sudo_set_owner_hparam_rate_limit(epochs);
            SET_MECHANISM_COUNT = sudo_set_mechanism_count(netuid, mechanism_count);
            SET_MECHANISM_EMISSION_SPLIT = sudo_set_mechanism_emission_split(netuid, maybe_split);
        }
        Recent AdminUtils {
            SET_START_CALL_DELAY = sudo_set_start_call_delay(delay);
        }
        Newer AdminUtils {
            SET_BURN_HALF_LIFE = sudo_set_burn_half_life(netuid, burn_half_life);
            SET_MAX_EPOCHS_PER_BLOCK = sudo_set_max_epochs_per_block(max_epochs_per_block);
        }
    }
}

/// Storage items.
pub(crate) mod storage {
    use super::*;

    items! { StorageItem { pallet, name }
        Always SubtensorModule {
            NETWORKS_ADDED = NetworksAdded;
            SUBNETWORK_N = SubnetworkN;
            UIDS = Uids;
            OWNER = Owner;
            SUBNET_OWNER = SubnetOwner;
            SUBNET_OWNER_HOTKEY = SubnetOwnerHotkey;
            BURN = Burn;
            TEMPO = Tempo;
            BLOCKS_SINCE_LAST_STEP = BlocksSinceLastStep;
            LAST_STEP_BLOCK = LastMechansimStepBlock;
            BLOCK_AT_REGISTRATION = BlockAtRegistration;
            AXONS = Axons;
            PROMETHEUS = Prometheus;
            NEURON_CERTIFICATES = NeuronCertificates;
            VALIDATOR_PERMIT = ValidatorPermit;
            VALIDATOR_TRUST = ValidatorTrust;
            LAST_UPDATE = LastUpdate;
            WEIGHTS = Weights;
            BONDS = Bonds;
            WEIGHT_COMMITS = WeightCommits;
            TIMELOCKED_WEIGHT_COMMITS = TimelockedWeightCommits;
            COMMIT_REVEAL_ENABLED = CommitRevealWeightsEnabled;
            COMMIT_REVEAL_VERSION = CommitRevealWeightsVersion;
            REVEAL_PERIOD_EPOCHS = RevealPeriodEpochs;
            WEIGHTS_SET_RATE_LIMIT = WeightsSetRateLimit;
            WEIGHTS_VERSION_KEY = WeightsVersionKey;
            MIN_ALLOWED_WEIGHTS = MinAllowedWeights;
            MAX_WEIGHTS_LIMIT = MaxWeightsLimit;
            STAKE_THRESHOLD = StakeThreshold;
            MECHANISM_COUNT = MechanismCountCurrent;
            MECHANISM_EMISSION_SPLIT = MechanismEmissionSplit;
            TOTAL_HOTKEY_ALPHA = TotalHotkeyAlpha;
            DELEGATES = Delegates;
            CHILD_KEYS = ChildKeys;
            PARENT_KEYS = ParentKeys;
            CHILDKEY_TAKE = ChildkeyTake;
            IDENTITIES = IdentitiesV2;
            SUBNET_IDENTITIES = SubnetIdentitiesV3;
        }
        Newer SubtensorModule {
            LAST_EPOCH_BLOCK = LastEpochBlock;
            PENDING_EPOCH_AT = PendingEpochAt;
            SUBNET_EPOCH_INDEX = SubnetEpochIndex;
        }
        Always Commitments {
            COMMITMENT_OF = CommitmentOf;
            REVEALED_COMMITMENTS = RevealedCommitments;
            MAX_SPACE = MaxSpace;
        }
        Always Drand {
            LAST_STORED_ROUND = LastStoredRound;
            BEACON_CONFIG = BeaconConfig;
        }
        Always Timestamp {
            NOW = Now;
        }
        Always System {
            ACCOUNT = Account;
            NUMBER = Number;
        }
        Always Sudo {
            SUDO_KEY = Key;
        }
    }
}

/// Methods of runtime interfaces.
pub(crate) mod apis {
    use super::*;

    items! { ApiItem { interface, method }
        Always SubnetInfoRuntimeApi {
            GET_METAGRAPH = get_metagraph;
            GET_MECHAGRAPH = get_mechagraph;
            GET_SELECTIVE_METAGRAPH = get_selective_metagraph;
            GET_SUBNET_STATE = get_subnet_state;
            GET_HYPERPARAMS = get_subnet_hyperparams;
            GET_HYPERPARAMS_V2 = get_subnet_hyperparams_v2;
            GET_AUTO_STAKE = get_coldkey_auto_stake_hotkey;
        }
        Newer SubnetInfoRuntimeApi {
            GET_HYPERPARAMS_V3 = get_subnet_hyperparams_v3;
            GET_NEXT_EPOCH_START_BLOCK = get_next_epoch_start_block;
        }
        Always NeuronInfoRuntimeApi {
            GET_NEURONS_LITE = get_neurons_lite;
        }
        Always DelegateInfoRuntimeApi {
            GET_DELEGATE = get_delegate;
        }
        Always StakeInfoRuntimeApi {
            GET_STAKE_INFO = get_stake_info_for_hotkey_coldkey_netuid;
            GET_STAKE_INFO_FOR_COLDKEY = get_stake_info_for_coldkey;
        }
        Always SubnetRegistrationRuntimeApi {
            GET_NETWORK_REGISTRATION_COST = get_network_registration_cost;
        }
        Always SwapRuntimeApi {
            CURRENT_ALPHA_PRICE = current_alpha_price;
            SIM_SWAP_TAO_FOR_ALPHA = sim_swap_tao_for_alpha;
            SIM_SWAP_ALPHA_FOR_TAO = sim_swap_alpha_for_tao;
        }
    }
}

/// Constants of pallets.
pub(crate) mod constants {
    use super::*;

    items! { ConstantItem { pallet, name }
        Always Aura {
            SLOT_DURATION = SlotDuration;
        }
        Always Balances {
            EXISTENTIAL_DEPOSIT = ExistentialDeposit;
        }
    }
}
