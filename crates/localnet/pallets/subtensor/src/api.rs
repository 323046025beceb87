//! Runtime APIs, with the main chain's names, arguments and answers.

use crate::{
    info::{
        delegates::{DelegateInfo, Delegated},
        dynamic::{DynamicInfo, SubnetState},
        hyperparams::{HyperparamEntry, SubnetHyperparams, SubnetHyperparamsV2},
        metagraph::{Metagraph, SelectiveMetagraph},
        neuron::{NeuronInfo, NeuronInfoLite},
        stake::{Availability, StakeInfo},
        subnet::{SubnetInfo, SubnetInfov2},
        swap::{SimSwapResult, SubnetPrice},
    },
    LockState,
};
use sp_runtime::AccountId32;

sp_api::decl_runtime_apis! {
    /// Hotkeys that others stake to.
    pub trait DelegateInfoRuntimeApi {
        fn get_delegates() -> Vec<DelegateInfo<AccountId32>>;
        fn get_delegate(delegate_account: AccountId32) -> Option<DelegateInfo<AccountId32>>;
        fn get_delegated(delegatee_account: AccountId32) -> Delegated<AccountId32>;
    }

    /// Neurons.
    pub trait NeuronInfoRuntimeApi {
        fn get_neurons(netuid: u16) -> Vec<NeuronInfo<AccountId32>>;
        fn get_neuron(netuid: u16, uid: u16) -> Option<NeuronInfo<AccountId32>>;
        fn get_neurons_lite(netuid: u16) -> Vec<NeuronInfoLite<AccountId32>>;
        fn get_neuron_lite(netuid: u16, uid: u16) -> Option<NeuronInfoLite<AccountId32>>;
    }

    /// Subnets.
    pub trait SubnetInfoRuntimeApi {
        fn get_subnet_info(netuid: u16) -> Option<SubnetInfo<AccountId32>>;
        fn get_subnets_info() -> Vec<Option<SubnetInfo<AccountId32>>>;
        fn get_subnet_info_v2(netuid: u16) -> Option<SubnetInfov2<AccountId32>>;
        fn get_subnets_info_v2() -> Vec<Option<SubnetInfov2<AccountId32>>>;
        fn get_subnet_hyperparams(netuid: u16) -> Option<SubnetHyperparams>;
        fn get_subnet_hyperparams_v2(netuid: u16) -> Option<SubnetHyperparamsV2>;
        fn get_subnet_hyperparams_v3(netuid: u16) -> Option<Vec<HyperparamEntry>>;
        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo<AccountId32>>>;
        fn get_all_metagraphs() -> Vec<Option<Metagraph<AccountId32>>>;
        fn get_metagraph(netuid: u16) -> Option<Metagraph<AccountId32>>;
        fn get_all_mechagraphs() -> Vec<Option<Metagraph<AccountId32>>>;
        fn get_mechagraph(netuid: u16, mecid: u8) -> Option<Metagraph<AccountId32>>;
        fn get_dynamic_info(netuid: u16) -> Option<DynamicInfo<AccountId32>>;
        fn get_subnet_state(netuid: u16) -> Option<SubnetState<AccountId32>>;
        fn get_selective_metagraph(netuid: u16, metagraph_indexes: Vec<u16>) -> Option<SelectiveMetagraph<AccountId32>>;
        fn get_coldkey_auto_stake_hotkey(coldkey: AccountId32, netuid: u16) -> Option<AccountId32>;
        fn get_selective_mechagraph(netuid: u16, subid: u8, metagraph_indexes: Vec<u16>) -> Option<SelectiveMetagraph<AccountId32>>;
        fn get_next_epoch_start_block(netuid: u16) -> Option<u64>;
        fn get_subnet_to_prune() -> Option<u16>;
        fn get_block_emission() -> u64;
    }

    /// Stake.
    pub trait StakeInfoRuntimeApi {
        fn get_stake_info_for_coldkey(coldkey_account: AccountId32) -> Vec<StakeInfo<AccountId32>>;
        fn get_stake_info_for_coldkeys(coldkey_accounts: Vec<AccountId32>) -> Vec<(AccountId32, Vec<StakeInfo<AccountId32>>)>;
        fn get_stake_info_for_hotkey_coldkey_netuid(hotkey_account: AccountId32, coldkey_account: AccountId32, netuid: u16) -> Option<StakeInfo<AccountId32>>;
        fn get_stake_fee(origin: Option<(AccountId32, u16)>, origin_coldkey_account: AccountId32, destination: Option<(AccountId32, u16)>, destination_coldkey_account: AccountId32, amount: u64) -> u64;
        fn get_stake_availability_for_coldkeys(coldkey_accounts: Vec<AccountId32>, netuids: Option<Vec<u16>>) -> Availability<AccountId32>;
        fn get_coldkey_lock(coldkey: AccountId32, netuid: u16) -> Option<LockState>;
    }

    /// Creating subnets.
    pub trait SubnetRegistrationRuntimeApi {
        fn get_network_registration_cost() -> u64;
    }

    /// Prices and trades.
    pub trait SwapRuntimeApi {
        fn current_alpha_price(netuid: u16) -> u64;
        fn current_alpha_price_all() -> Vec<SubnetPrice>;
        fn sim_swap_tao_for_alpha(netuid: u16, tao: u64) -> SimSwapResult;
        fn sim_swap_alpha_for_tao(netuid: u16, alpha: u64) -> SimSwapResult;
    }

    /// Baskets that root stake earns, which newer main chains have. There is none here, and root earns nothing.
    pub trait BetaBasketRuntimeApi {
        fn get_root_basket_owed(coldkey: AccountId32) -> u64;
        fn get_root_basket_positions(coldkey: AccountId32) -> Vec<(AccountId32, u64, u64)>;
        fn get_root_basket_total_nav() -> u64;
    }
}
