//! The runtime APIs: what the node and its clients may ask.

use crate::*;
use pallet_subtensor::info::{
    delegates::{DelegateInfo, Delegated},
    dynamic::{DynamicInfo, SubnetState},
    hyperparams::{HyperparamEntry, SubnetHyperparams, SubnetHyperparamsV2},
    metagraph::{Metagraph, SelectiveMetagraph},
    neuron::{NeuronInfo, NeuronInfoLite},
    stake::{Availability, StakeInfo},
    subnet::{SubnetInfo, SubnetInfov2},
    swap::{SimSwapResult, SubnetPrice},
};
use sp_core::OpaqueMetadata;
use sp_runtime::{
    traits::Block as BlockT,
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
};

sp_api::impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> sp_version::RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block)
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: sp_inherents::InherentData,
        ) -> sp_inherents::CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(uxt, len)
        }

        fn query_fee_details(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> pallet_transaction_payment_rpc_runtime_api::FeeDetails<Balance> {
            TransactionPayment::query_fee_details(uxt, len)
        }

        fn query_weight_to_fee(weight: frame_support::weights::Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_aura::AuraApi<Block> for Runtime {
        fn slot_duration() -> pallet_aura::SlotDuration {
            pallet_aura::SlotDuration(Aura::slot_duration())
        }
    }

    impl pallet_subtensor::api::DelegateInfoRuntimeApi<Block> for Runtime {
        fn get_delegates() -> Vec<DelegateInfo<AccountId>> {
            SubtensorModule::delegates()
        }

        fn get_delegate(delegate_account: AccountId) -> Option<DelegateInfo<AccountId>> {
            SubtensorModule::delegate(&delegate_account)
        }

        fn get_delegated(delegatee_account: AccountId) -> Delegated<AccountId> {
            SubtensorModule::delegated(&delegatee_account)
        }
    }

    impl pallet_subtensor::api::NeuronInfoRuntimeApi<Block> for Runtime {
        fn get_neurons(netuid: u16) -> Vec<NeuronInfo<AccountId>> {
            SubtensorModule::neurons(netuid)
        }

        fn get_neuron(netuid: u16, uid: u16) -> Option<NeuronInfo<AccountId>> {
            SubtensorModule::neuron(netuid, uid)
        }

        fn get_neurons_lite(netuid: u16) -> Vec<NeuronInfoLite<AccountId>> {
            SubtensorModule::neurons_lite(netuid)
        }

        fn get_neuron_lite(netuid: u16, uid: u16) -> Option<NeuronInfoLite<AccountId>> {
            SubtensorModule::neuron_lite(netuid, uid)
        }
    }

    impl pallet_subtensor::api::SubnetInfoRuntimeApi<Block> for Runtime {
        fn get_subnet_info(netuid: u16) -> Option<SubnetInfo<AccountId>> {
            SubtensorModule::subnet_info(netuid)
        }

        fn get_subnets_info() -> Vec<Option<SubnetInfo<AccountId>>> {
            SubtensorModule::netuid_range().map(SubtensorModule::subnet_info).collect()
        }

        fn get_subnet_info_v2(netuid: u16) -> Option<SubnetInfov2<AccountId>> {
            SubtensorModule::subnet_info_v2(netuid)
        }

        fn get_subnets_info_v2() -> Vec<Option<SubnetInfov2<AccountId>>> {
            SubtensorModule::netuid_range().map(SubtensorModule::subnet_info_v2).collect()
        }

        fn get_subnet_hyperparams(netuid: u16) -> Option<SubnetHyperparams> {
            SubtensorModule::hyperparams(netuid)
        }

        fn get_subnet_hyperparams_v2(netuid: u16) -> Option<SubnetHyperparamsV2> {
            SubtensorModule::hyperparams_v2(netuid)
        }

        fn get_subnet_hyperparams_v3(netuid: u16) -> Option<Vec<HyperparamEntry>> {
            SubtensorModule::hyperparams_v3(netuid)
        }

        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo<AccountId>>> {
            SubtensorModule::netuid_range().map(SubtensorModule::dynamic_info).collect()
        }

        fn get_all_metagraphs() -> Vec<Option<Metagraph<AccountId>>> {
            SubtensorModule::all_metagraphs()
        }

        fn get_metagraph(netuid: u16) -> Option<Metagraph<AccountId>> {
            SubtensorModule::metagraph(netuid, 0)
        }

        fn get_all_mechagraphs() -> Vec<Option<Metagraph<AccountId>>> {
            SubtensorModule::all_metagraphs()
        }

        fn get_mechagraph(netuid: u16, mecid: u8) -> Option<Metagraph<AccountId>> {
            SubtensorModule::metagraph(netuid, mecid)
        }

        fn get_dynamic_info(netuid: u16) -> Option<DynamicInfo<AccountId>> {
            SubtensorModule::dynamic_info(netuid)
        }

        fn get_subnet_state(netuid: u16) -> Option<SubnetState<AccountId>> {
            SubtensorModule::subnet_state(netuid)
        }

        fn get_selective_metagraph(
            netuid: u16,
            metagraph_indexes: Vec<u16>,
        ) -> Option<SelectiveMetagraph<AccountId>> {
            SubtensorModule::selective_metagraph(netuid, 0, &metagraph_indexes)
        }

        fn get_coldkey_auto_stake_hotkey(coldkey: AccountId, netuid: u16) -> Option<AccountId> {
            pallet_subtensor::AutoStakeDestination::<Runtime>::get(coldkey, netuid)
        }

        fn get_selective_mechagraph(
            netuid: u16,
            subid: u8,
            metagraph_indexes: Vec<u16>,
        ) -> Option<SelectiveMetagraph<AccountId>> {
            SubtensorModule::selective_metagraph(netuid, subid, &metagraph_indexes)
        }

        fn get_subnet_to_prune() -> Option<u16> {
            SubtensorModule::subnet_to_prune()
        }

        fn get_next_epoch_start_block(netuid: u16) -> Option<u64> {
            SubtensorModule::schedule(netuid).next_start()
        }

        fn get_block_emission() -> u64 {
            pallet_subtensor::BlockEmission::<Runtime>::get()
        }
    }

    impl pallet_subtensor::api::StakeInfoRuntimeApi<Block> for Runtime {
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<StakeInfo<AccountId>> {
            SubtensorModule::stake_infos(&coldkey_account)
        }

        fn get_stake_info_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
        ) -> Vec<(AccountId, Vec<StakeInfo<AccountId>>)> {
            let infos = |coldkey: AccountId| {
                let infos = SubtensorModule::stake_infos(&coldkey);
                (coldkey, infos)
            };
            coldkey_accounts.into_iter().map(infos).collect()
        }

        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: u16,
        ) -> Option<StakeInfo<AccountId>> {
            SubtensorModule::stake_info(&hotkey_account, &coldkey_account, netuid)
        }

        fn get_stake_fee(
            origin: Option<(AccountId, u16)>,
            _origin_coldkey_account: AccountId,
            destination: Option<(AccountId, u16)>,
            _destination_coldkey_account: AccountId,
            amount: u64,
        ) -> u64 {
            SubtensorModule::stake_fee(
                origin.map(|(_, netuid)| netuid),
                destination.map(|(_, netuid)| netuid),
                amount,
            )
        }

        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
            netuids: Option<Vec<u16>>,
        ) -> Availability<AccountId> {
            SubtensorModule::stake_availability(coldkey_accounts, netuids)
        }

        fn get_coldkey_lock(_coldkey: AccountId, _netuid: u16) -> Option<pallet_subtensor::LockState> {
            // Nothing is ever locked here.
            None
        }
    }

    impl pallet_subtensor::api::SubnetRegistrationRuntimeApi<Block> for Runtime {
        fn get_network_registration_cost() -> u64 {
            SubtensorModule::network_lock_cost()
        }
    }

    impl pallet_subtensor::api::SwapRuntimeApi<Block> for Runtime {
        fn current_alpha_price(netuid: u16) -> u64 {
            SubtensorModule::alpha_price(netuid)
        }

        fn current_alpha_price_all() -> Vec<SubnetPrice> {
            SubtensorModule::alpha_prices()
        }

        fn sim_swap_tao_for_alpha(netuid: u16, tao: u64) -> SimSwapResult {
            SubtensorModule::simulate_buy(netuid, tao)
        }

        fn sim_swap_alpha_for_tao(netuid: u16, alpha: u64) -> SimSwapResult {
            SubtensorModule::simulate_sell(netuid, alpha)
        }
    }

    impl pallet_subtensor::api::BetaBasketRuntimeApi<Block> for Runtime {
        fn get_root_basket_owed(_coldkey: AccountId) -> u64 {
            0
        }

        fn get_root_basket_positions(_coldkey: AccountId) -> Vec<(AccountId, u64, u64)> {
            Vec::new()
        }

        fn get_root_basket_total_nav() -> u64 {
            0
        }
    }

    impl pallet_shield::api::ShieldApi<Block> for Runtime {
        fn try_decode_shielded_tx(uxt: <Block as BlockT>::Extrinsic) -> Option<pallet_shield::ShieldedTransaction> {
            crate::shield::carried(&uxt)
        }

        fn is_shielded_using_current_key(key_hash: [u8; pallet_shield::KEY_HASH_LEN]) -> bool {
            MevShield::is_current_key(&key_hash)
        }

        fn try_unshield_tx(
            dec_key_bytes: Vec<u8>,
            shielded_tx: pallet_shield::ShieldedTransaction,
        ) -> Option<<Block as BlockT>::Extrinsic> {
            crate::shield::open(&dec_key_bytes, &shielded_tx)
        }
    }
}
