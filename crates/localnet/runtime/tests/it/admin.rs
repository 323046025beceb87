use crate::chain::*;
use node_subtensor_runtime::{Runtime, RuntimeCall, RuntimeOrigin, SubtensorModule};
use pallet_admin_utils::{Call, Error};
use pallet_subtensor::{self as subtensor, *};
use sp_runtime::DispatchError;

fn admin(signer: &str, call: Call<Runtime>) -> Result<(), DispatchError> {
    dispatch(RuntimeOrigin::signed(account(signer)), RuntimeCall::AdminUtils(call))
}

#[test]
fn root_sets_anything_and_strangers_nothing() {
    on_chain(|| {
        let netuid = subnet();
        assert_eq!(root(Call::sudo_set_tempo { netuid, tempo: 33 }), Ok(()));
        happened(subtensor::Event::TempoSet(netuid, 33));
        assert_eq!(Tempo::<Runtime>::get(netuid), 33);
        assert_eq!(
            admin("Alice", Call::sudo_set_tempo { netuid, tempo: 3 }),
            Err(DispatchError::BadOrigin)
        );
        assert_eq!(
            admin(
                "Bob",
                Call::sudo_set_bonds_penalty {
                    netuid,
                    bonds_penalty: 3
                }
            ),
            Err(DispatchError::BadOrigin)
        );
        assert_eq!(
            root(Call::sudo_set_tempo { netuid: 77, tempo: 3 }),
            Err(Error::<Runtime>::SubnetDoesNotExist.into())
        );
    });
}

#[test]
fn an_owner_sets_a_parameter_once_in_two_tempos() {
    on_chain(|| {
        let netuid = subnet();
        let set = |bonds_penalty| admin("Alice", Call::sudo_set_bonds_penalty { netuid, bonds_penalty });
        assert_eq!(set(1), Ok(()));
        refused(set(2), subtensor::Error::TxRateLimitExceeded);
        assert_eq!(
            admin(
                "Alice",
                Call::sudo_set_immunity_period {
                    netuid,
                    immunity_period: 1
                }
            ),
            Ok(())
        );
        next_blocks(20);
        assert_eq!(set(2), Ok(()));
        assert_eq!(BondsPenalty::<Runtime>::get(netuid), 2);
    });
}

#[test]
fn an_owner_changes_nothing_right_before_an_epoch() {
    on_chain(|| {
        let netuid = subnet();
        root(Call::sudo_set_tempo { netuid, tempo: 50 }).unwrap();
        next_blocks(41);
        assert!(SubtensorModule::is_frozen(netuid));
        let set = Call::sudo_set_bonds_penalty {
            netuid,
            bonds_penalty: 1,
        };
        refused(
            admin("Alice", set.clone()),
            subtensor::Error::AdminActionProhibitedDuringWeightsWindow,
        );
        assert_eq!(root(set.clone()), Ok(()));
        next_blocks(9);
        assert_eq!(admin("Alice", set), Ok(()));
    });
}

#[test]
fn values_out_of_bounds_are_refused() {
    on_chain(|| {
        let netuid = subnet();
        let bad = |call, error: Error<Runtime>| assert_eq!(root(call), Err(error.into()));
        bad(
            Call::sudo_set_min_burn {
                netuid,
                min_burn: 2 * TAO,
            },
            Error::ValueNotInBounds,
        );
        bad(Call::sudo_set_max_burn { netuid, max_burn: 1 }, Error::ValueNotInBounds);
        bad(
            Call::sudo_set_max_allowed_uids {
                netuid,
                max_allowed_uids: 3,
            },
            Error::MaxAllowedUidsLessThanMinAllowedUids,
        );
        bad(
            Call::sudo_set_max_allowed_uids {
                netuid,
                max_allowed_uids: 300,
            },
            Error::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids,
        );
        bad(
            Call::sudo_set_max_allowed_validators {
                netuid,
                max_allowed_validators: 300,
            },
            Error::MaxValidatorsLargerThanMaxUIds,
        );
        bad(
            Call::sudo_set_bonds_moving_average {
                netuid,
                bonds_moving_average: 1_000_000,
            },
            Error::BondsMovingAverageMaxReached,
        );
        bad(
            Call::sudo_set_alpha_sigmoid_steepness { netuid, steepness: -1 },
            Error::NegativeSigmoidSteepness,
        );
        let interval = |interval| root(Call::sudo_set_commit_reveal_weights_interval { netuid, interval });
        refused(interval(0), subtensor::Error::RevealPeriodTooSmall);
        refused(interval(101), subtensor::Error::RevealPeriodTooLarge);
        refused(
            root(Call::sudo_set_alpha_values {
                netuid,
                alpha_low: 1,
                alpha_high: 2,
            }),
            subtensor::Error::LiquidAlphaDisabled,
        );
        refused(
            root(Call::sudo_set_mechanism_count {
                netuid,
                mechanism_count: 2,
            }),
            subtensor::Error::TooManyUIDsPerMechanism,
        );
    });
}
