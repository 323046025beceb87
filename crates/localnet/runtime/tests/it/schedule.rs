//! What a subnet's owner may do to its schedule.

use crate::chain::*;
use node_subtensor_runtime::{Runtime, System};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::*;
use sp_runtime::DispatchError;

#[test]
fn an_owner_chooses_the_tempo_within_bounds() {
    on_chain(|| {
        let netuid = subnet();
        let set = |signer: &str, tempo| call(signer, Call::set_tempo { netuid, tempo });
        assert_eq!(set("Bob", 360), Err(DispatchError::BadOrigin));
        refused(set("Alice", 359), Error::TempoOutOfBounds);
        refused(set("Alice", 50_401), Error::TempoOutOfBounds);
        next_blocks(3);
        assert_eq!(set("Alice", 360), Ok(()));
        happened(Event::TempoSet(netuid, 360));
        assert_eq!(
            (Tempo::<Runtime>::get(netuid), LastEpochBlock::<Runtime>::get(netuid)),
            (360, u64::from(System::block_number()))
        );
        refused(set("Alice", 400), Error::TxRateLimitExceeded);
    });
}

#[test]
fn an_owner_chooses_how_long_silence_is_tolerated() {
    on_chain(|| {
        let netuid = subnet();
        let set = |factor_milli| call("Alice", Call::set_activity_cutoff_factor { netuid, factor_milli });
        refused(set(999), Error::ActivityCutoffFactorMilliOutOfBounds);
        refused(set(50_001), Error::ActivityCutoffFactorMilliOutOfBounds);
        assert_eq!(set(2_000), Ok(()));
        assert_eq!(node_subtensor_runtime::SubtensorModule::activity_cutoff(netuid), 20);
    });
}

#[test]
fn an_owner_triggers_an_epoch() {
    on_chain(|| {
        let netuid = subnet();
        let trigger = |signer: &str| call(signer, Call::trigger_epoch { netuid });
        assert_eq!(trigger("Bob"), Err(DispatchError::BadOrigin));
        refused(trigger("Alice"), Error::AutoEpochAlreadyImminent);
        root(Admin::sudo_set_tempo { netuid, tempo: 360 }).unwrap();
        CommitRevealWeightsEnabled::<Runtime>::insert(netuid, true);
        refused(trigger("Alice"), Error::DynamicTempoBlockedByCommitReveal);
        CommitRevealWeightsEnabled::<Runtime>::insert(netuid, false);
        assert_eq!(trigger("Alice"), Ok(()));
        let at = u64::from(System::block_number()) + 10;
        happened(Event::EpochTriggered(netuid, at));
        refused(trigger("Alice"), Error::EpochTriggerAlreadyPending);
        let before = SubnetEpochIndex::<Runtime>::get(netuid);
        next_blocks(9);
        assert_eq!(SubnetEpochIndex::<Runtime>::get(netuid), before);
        next_blocks(1);
        assert_eq!(SubnetEpochIndex::<Runtime>::get(netuid), before + 1);
        assert_eq!(LastEpochBlock::<Runtime>::get(netuid), at);
        assert_eq!(PendingEpochAt::<Runtime>::get(netuid), 0);
    });
}
