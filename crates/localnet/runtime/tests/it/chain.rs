//! A chain in memory for tests: the real runtime over one state.

use frame_support::traits::{Hooks, UnfilteredDispatchable};
use node_subtensor_runtime::{
    genesis::{dev_account, DevGenesis},
    pallet_aura, AccountId, Balances, Commitments, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SubtensorModule,
    System,
};
use pallet_subtensor::{Call, Error};
use sp_runtime::DispatchError;

/// Runs a test on a fresh chain at block 1.
pub fn on_chain(test: impl FnOnce()) {
    let storage = DevGenesis::default().storage().expect("the genesis builds");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        assert_eq!(pallet_aura::Pallet::<Runtime>::slot_duration(), 250);
        next_blocks(1);
        test();
    });
}

/// Lets blocks pass. Epochs, prices and emission happen; events of earlier blocks are forgotten.
pub fn next_blocks(count: u32) {
    for _ in 0..count {
        let next = System::block_number() + 1;
        System::set_block_number(next);
        System::reset_events();
        SubtensorModule::on_initialize(next);
        Commitments::on_initialize(next);
    }
}

/// Lets blocks pass until the first one of the next epoch.
pub fn to_next_epoch(netuid: u16) {
    let epoch = SubtensorModule::current_epoch(netuid);
    while SubtensorModule::current_epoch(netuid) == epoch {
        next_blocks(1);
    }
}

/// Account of a well-known or made-up development key.
pub fn account(name: &str) -> AccountId {
    dev_account(name)
}

/// Dispatches a call of SubtensorModule, signed by an account.
pub fn call(signer: &str, call: Call<Runtime>) -> Result<(), DispatchError> {
    dispatch(
        RuntimeOrigin::signed(account(signer)),
        RuntimeCall::SubtensorModule(call),
    )
}

/// Dispatches any call, rolling back when it fails as the chain does.
pub fn dispatch(origin: RuntimeOrigin, call: RuntimeCall) -> Result<(), DispatchError> {
    frame_support::storage::with_storage_layer(|| call.dispatch_bypass_filter(origin).map(|_| ()).map_err(|e| e.error))
}

/// Dispatches a call of AdminUtils as root.
pub fn root(call: pallet_admin_utils::Call<Runtime>) -> Result<(), DispatchError> {
    dispatch(RuntimeOrigin::root(), RuntimeCall::AdminUtils(call))
}

/// Asserts that a call failed with one of the pallet's errors.
pub fn refused(result: Result<(), DispatchError>, error: Error<Runtime>) {
    assert_eq!(result, Err(error.into()));
}

/// Asserts that an event was deposited in this block.
pub fn happened(event: pallet_subtensor::Event<Runtime>) {
    let event = RuntimeEvent::SubtensorModule(event);
    let events: Vec<_> = System::events().into_iter().map(|record| record.event).collect();
    assert!(events.contains(&event), "{event:?} is not among {events:?}");
}

/// rao that an account can spend.
pub fn balance(name: &str) -> u64 {
    Balances::free_balance(account(name))
}

/// Creates and starts a subnet owned by `//Alice` with the hotkey `//owner-hot`.
pub fn subnet() -> u16 {
    call(
        "Alice",
        Call::register_network {
            hotkey: account("owner-hot"),
        },
    )
    .expect("Alice can pay for a subnet");
    let netuid = 2;
    call("Alice", Call::start_call { netuid }).expect("the delay is zero");
    netuid
}

/// Registers a hotkey, paid by `//Bob`, and returns its uid.
pub fn register(netuid: u16, hotkey: &str) -> u16 {
    call(
        "Bob",
        Call::burned_register {
            netuid,
            hotkey: account(hotkey),
        },
    )
    .expect("Bob can pay");
    SubtensorModule::uid_of(netuid, &account(hotkey)).expect("it has just been registered")
}

/// Registers a validator with 1000 TAO behind it and waits until it has its permit and may set weights.
pub fn validator(netuid: u16, hotkey: &str) -> u16 {
    let uid = register(netuid, hotkey);
    stake(netuid, hotkey, 1_000);
    next_blocks(100);
    assert!(SubtensorModule::has_permit(netuid, uid));
    uid
}

/// Stakes TAO of `//Bob` to a hotkey.
pub fn stake(netuid: u16, hotkey: &str, tao: u64) {
    let amount_staked = tao * pallet_subtensor::TAO;
    call(
        "Bob",
        Call::add_stake {
            hotkey: account(hotkey),
            netuid,
            amount_staked,
        },
    )
    .expect("Bob can pay");
}

/// Sets weights of one mechanism-less subnet.
pub fn set_weights(netuid: u16, hotkey: &str, weights: &[(u16, u16)]) -> Result<(), DispatchError> {
    let (dests, weights) = weights.iter().copied().unzip();
    call(
        hotkey,
        Call::set_weights {
            netuid,
            dests,
            weights,
            version_key: 0,
        },
    )
}
