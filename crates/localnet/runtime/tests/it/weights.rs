use crate::chain::*;
use node_subtensor_runtime::Runtime;
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::*;

#[test]
fn weights_are_scaled_and_stored_in_the_order_given() {
    on_chain(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        let uid = validator(netuid, "validator");
        assert_eq!(set_weights(netuid, "validator", &[(miner, 2), (0, 1)]), Ok(()));
        happened(Event::WeightsSet(netuid, uid));
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![(miner, 65_535), (0, 32_768)]);
        let block = u64::from(node_subtensor_runtime::System::block_number());
        assert_eq!(LastUpdate::<Runtime>::get(netuid)[usize::from(uid)], block);
    });
}

#[test]
fn weights_cannot_be_set_again_before_the_rate_limit() {
    on_chain(|| {
        let netuid = subnet();
        validator(netuid, "validator");
        assert_eq!(set_weights(netuid, "validator", &[(0, 1)]), Ok(()));
        next_blocks(99);
        refused(
            set_weights(netuid, "validator", &[(0, 1)]),
            Error::SettingWeightsTooFast,
        );
        next_blocks(1);
        assert_eq!(set_weights(netuid, "validator", &[(0, 1)]), Ok(()));
        root(Admin::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: 0,
        })
        .unwrap();
        assert_eq!(set_weights(netuid, "validator", &[(0, 1)]), Ok(()));
    });
}

#[test]
fn what_forbids_weights_is_named() {
    on_chain(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        validator(netuid, "validator");
        let with = |dests: &[u16], weights: &[u16], netuid, mecid, version_key| {
            let (dests, weights) = (dests.to_vec(), weights.to_vec());
            call(
                "validator",
                Call::set_mechanism_weights {
                    netuid,
                    mecid,
                    dests,
                    weights,
                    version_key,
                },
            )
        };
        refused(with(&[0], &[1], 0, 0, 0), Error::CanNotSetRootNetworkWeights);
        refused(with(&[0], &[1, 2], netuid, 0, 0), Error::WeightVecNotEqualSize);
        refused(with(&[0], &[1], netuid, 1, 0), Error::MechanismDoesNotExist);
        refused(
            with(&[0; 9], &[1; 9], netuid, 0, 0),
            Error::UidsLengthExceedUidsInSubNet,
        );
        refused(with(&[0, 0], &[1, 2], netuid, 0, 0), Error::DuplicateUids);
        refused(with(&[9], &[1], netuid, 0, 0), Error::UidVecContainInvalidOne);
        refused(
            set_weights(netuid, "stranger", &[(0, 1)]),
            Error::HotKeyNotRegisteredInSubNet,
        );
        refused(set_weights(netuid, "miner", &[(0, 1)]), Error::NeuronNoValidatorPermit);
        // A neuron may always weigh itself alone.
        assert_eq!(set_weights(netuid, "miner", &[(miner, 1)]), Ok(()));

        root(Admin::sudo_set_min_allowed_weights {
            netuid,
            min_allowed_weights: 2,
        })
        .unwrap();
        refused(with(&[0], &[1], netuid, 0, 0), Error::WeightVecLengthIsLow);
        root(Admin::sudo_set_weights_version_key {
            netuid,
            weights_version_key: 5,
        })
        .unwrap();
        refused(with(&[0, 1], &[1, 1], netuid, 0, 4), Error::IncorrectWeightVersionKey);
        root(Admin::sudo_set_stake_threshold { min_stake: u64::MAX }).unwrap();
        refused(with(&[0, 1], &[1, 1], netuid, 0, 5), Error::NotEnoughStakeToSetWeights);
        root(Admin::sudo_set_stake_threshold { min_stake: 0 }).unwrap();
        root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: true }).unwrap();
        refused(with(&[0, 1], &[1, 1], netuid, 0, 5), Error::CommitRevealEnabled);
        root(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: false }).unwrap();
        assert_eq!(with(&[0, 1], &[1, 1], netuid, 0, 5), Ok(()));
    });
}

#[test]
fn the_owner_needs_no_permit() {
    on_chain(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        next_blocks(100);
        assert_eq!(set_weights(netuid, "owner-hot", &[(miner, 1)]), Ok(()));
    });
}

#[test]
fn mechanisms_keep_their_own_weights() {
    on_chain(|| {
        let netuid = subnet();
        root(Admin::sudo_set_max_allowed_uids {
            netuid,
            max_allowed_uids: 64,
        })
        .unwrap();
        root(Admin::sudo_set_mechanism_count {
            netuid,
            mechanism_count: 2,
        })
        .unwrap();
        let miner = register(netuid, "miner");
        let uid = validator(netuid, "validator");
        let weights = |mecid| Call::set_mechanism_weights {
            netuid,
            mecid,
            dests: vec![miner],
            weights: vec![1],
            version_key: 0,
        };
        assert_eq!(call("validator", weights(1)), Ok(()));
        happened(Event::WeightsSet(4096 + netuid, uid));
        assert_eq!(Weights::<Runtime>::get(netuid, uid), vec![]);
        assert_eq!(Weights::<Runtime>::get(4096 + netuid, uid), vec![(miner, 65_535)]);
        next_blocks(10);
        assert_eq!(Incentive::<Runtime>::get(4096 + netuid)[usize::from(miner)], 65_535);
        assert_eq!(Incentive::<Runtime>::get(netuid)[usize::from(miner)], 0);
        root(Admin::sudo_set_mechanism_count {
            netuid,
            mechanism_count: 1,
        })
        .unwrap();
        assert_eq!(Weights::<Runtime>::get(4096 + netuid, uid), vec![]);
    });
}
