//! Signed transactions through the same doors as the node: validation, application, fees, refusals.

use crate::chain::*;
use codec::Encode;
use frame_support::dispatch::GetDispatchInfo;
use node_subtensor_runtime::{
    AccountId, Executive, Nonce, Runtime, RuntimeCall, Signature, SubtensorModule, System, TransactionPayment,
    TxExtension, UncheckedExtrinsic, VERSION,
};
use pallet_subtensor::{Call, TAO};
use sp_core::{sr25519, Pair, H256};
use sp_runtime::{
    generic::Era,
    traits::TransactionExtension,
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError},
};

fn signed(signer: &str, nonce: Nonce, call: impl Into<RuntimeCall>) -> UncheckedExtrinsic {
    signed_for(Era::Immortal, signer, nonce, call)
}

/// A transaction as a client sends it, valid for as long as `era` says.
pub fn signed_for(era: Era, signer: &str, nonce: Nonce, call: impl Into<RuntimeCall>) -> UncheckedExtrinsic {
    let call = call.into();
    let extension: TxExtension = (
        (
            frame_system::CheckNonZeroSender::new(),
            frame_system::CheckSpecVersion::new(),
            frame_system::CheckTxVersion::new(),
            frame_system::CheckGenesis::new(),
            node_subtensor_runtime::CheckMortality::from(era),
            node_subtensor_runtime::CheckNonce(nonce),
            frame_system::CheckWeight::new(),
        ),
        (
            pallet_transaction_payment::ChargeTransactionPayment::from(0),
            node_subtensor_runtime::SudoTransactionExtension::new(),
            node_subtensor_runtime::CheckShieldedTxValidity::new(),
            node_subtensor_runtime::SubtensorTransactionExtension::new(),
            node_subtensor_runtime::DrandPriority::new(),
        ),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
    );
    let implicit = extension.implicit().expect("all of it can be computed");
    let payload = (&call, &extension, implicit).encode();
    let message = if payload.len() > 256 {
        sp_io::hashing::blake2_256(&payload).to_vec()
    } else {
        payload
    };
    let pair = sr25519::Pair::from_string(&format!("//{signer}"), None).expect("a development key");
    let signature = Signature::Sr25519(pair.sign(&message));
    let address = AccountId::from(pair.public().0).into();
    UncheckedExtrinsic::new_signed(call, address, signature, extension)
}

pub fn validate(transaction: UncheckedExtrinsic) -> TransactionValidity {
    Executive::validate_transaction(TransactionSource::External, transaction, H256::zero())
}

pub fn refusal(transaction: UncheckedExtrinsic) -> TransactionValidityError {
    validate(transaction).expect_err("the pool refuses it")
}

pub fn custom(code: u8) -> TransactionValidityError {
    InvalidTransaction::Custom(code).into()
}

fn axon(netuid: u16, ip: u128, port: u16) -> Call<Runtime> {
    Call::serve_axon {
        netuid,
        version: 1,
        ip,
        port,
        ip_type: 4,
        protocol: 4,
        placeholder1: 0,
        placeholder2: 0,
    }
}

fn weights(netuid: u16, uid: u16) -> Call<Runtime> {
    Call::set_mechanism_weights {
        netuid,
        mecid: 0,
        dests: vec![uid],
        weights: vec![1],
        version_key: 0,
    }
}

#[test]
fn a_hotkey_without_any_balance_can_send_free_calls() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        assert!(!frame_system::Account::<Runtime>::contains_key(account("miner")));
        let served = signed("miner", 0, axon(netuid, 0x0808_0808, 8091));
        assert!(validate(served.clone()).is_ok());
        assert_eq!(Executive::apply_extrinsic(served), Ok(Ok(())));
        assert_eq!(System::account_nonce(account("miner")), 1);
        assert_eq!(balance("miner"), 0);

        // The same nonce is used up, a later one has to wait for its turn.
        assert_eq!(
            refusal(signed("miner", 0, axon(netuid, 9, 1))),
            InvalidTransaction::Stale.into()
        );
        next_blocks(100);
        let later = validate(signed("miner", 2, weights(netuid, 1))).expect("it may wait");
        assert_eq!(later.requires.len(), 1);
    });
}

#[test]
fn a_hotkey_without_any_balance_cannot_send_other_calls() {
    on_chain(|| {
        let netuid = subnet();
        let call = Call::burned_register {
            netuid,
            hotkey: account("other"),
        };
        assert_eq!(refusal(signed("miner", 0, call)), InvalidTransaction::Payment.into());
    });
}

#[test]
fn paid_calls_cost_their_fee() {
    on_chain(|| {
        let netuid = subnet();
        let price = pallet_subtensor::Burn::<Runtime>::get(netuid);
        let transaction = signed(
            "Bob",
            0,
            Call::burned_register {
                netuid,
                hotkey: account("miner"),
            },
        );
        let length = transaction.encode().len() as u32;
        let fee = TransactionPayment::query_info(transaction.clone(), length).partial_fee;
        let before = balance("Bob");
        assert_eq!(Executive::apply_extrinsic(transaction), Ok(Ok(())));
        assert_eq!(before - balance("Bob"), price + fee);
        assert!((u64::from(length)..TAO / 1_000).contains(&fee), "{fee}");

        let free = RuntimeCall::from(weights(netuid, 0)).get_dispatch_info();
        assert_eq!(free.pays_fee, frame_support::dispatch::Pays::No);
    });
}

#[test]
fn the_pool_refuses_weights_that_are_bound_to_fail() {
    on_chain(|| {
        let netuid = subnet();
        validator(netuid, "validator");
        assert_eq!(refusal(signed("validator", 0, weights(77, 0))), custom(3));
        assert_eq!(refusal(signed("stranger", 0, weights(netuid, 0))), custom(19));
        assert!(validate(signed("validator", 0, weights(netuid, 0))).is_ok());
        assert_eq!(
            Executive::apply_extrinsic(signed("validator", 0, weights(netuid, 0))),
            Ok(Ok(()))
        );
        assert_eq!(refusal(signed("validator", 1, weights(netuid, 0))), custom(6));
        pallet_subtensor::StakeThreshold::<Runtime>::put(u64::MAX);
        assert_eq!(refusal(signed("validator", 1, weights(netuid, 0))), custom(1));
    });
}

#[test]
fn the_pool_refuses_commits_and_reveals_that_are_bound_to_fail() {
    on_chain(|| {
        let netuid = subnet();
        validator(netuid, "validator");
        pallet_subtensor::CommitRevealWeightsEnabled::<Runtime>::insert(netuid, true);
        let hash = SubtensorModule::commit_hash(&account("validator"), netuid, &[0], &[1], &[2], 0);
        let commit = |commit_hash| Call::commit_weights { netuid, commit_hash };
        let reveal = |salt: u16| Call::reveal_weights {
            netuid,
            uids: vec![0],
            values: vec![1],
            salt: vec![salt],
            version_key: 0,
        };
        assert_eq!(refusal(signed("stranger", 0, commit(hash))), custom(19));
        assert_eq!(refusal(signed("validator", 0, reveal(2))), custom(16));
        let committed = Executive::apply_extrinsic(signed("validator", 0, commit(hash)));
        assert_eq!(committed, Ok(Ok(())));
        assert_eq!(refusal(signed("validator", 1, commit(hash))), custom(6));
        assert_eq!(refusal(signed("validator", 1, reveal(2))), custom(17));
        next_blocks(10);
        assert_eq!(refusal(signed("validator", 1, reveal(3))), custom(16));
        assert!(validate(signed("validator", 1, reveal(2))).is_ok());
        let batch = Call::batch_reveal_weights {
            netuid,
            uids_list: vec![vec![0]],
            values_list: vec![],
            salts_list: vec![],
            version_keys: vec![],
        };
        assert_eq!(refusal(signed("validator", 1, batch)), custom(18));
    });
}

#[test]
fn the_pool_refuses_rounds_that_have_passed() {
    on_chain(|| {
        let netuid = subnet();
        validator(netuid, "validator");
        pallet_subtensor::CommitRevealWeightsEnabled::<Runtime>::insert(netuid, true);
        pallet_drand::LastStoredRound::<Runtime>::put(100);
        let commit = |reveal_round| Call::commit_timelocked_mechanism_weights {
            netuid,
            mecid: 0,
            commit: vec![0; 300].try_into().expect("short enough"),
            reveal_round,
            commit_reveal_version: 4,
        };
        assert_eq!(refusal(signed("validator", 0, commit(99))), custom(15));
        assert_eq!(refusal(signed("stranger", 0, commit(100))), custom(19));
        let committed = Executive::apply_extrinsic(signed("validator", 0, commit(100)));
        assert_eq!(committed, Ok(Ok(())));
        assert_eq!(refusal(signed("validator", 1, commit(100))), custom(6));
    });
}

#[test]
fn the_pool_refuses_takes_out_of_bounds() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "hot");
        let take = |hotkey: &str, take| Call::increase_take {
            hotkey: account(hotkey),
            take,
        };
        assert_eq!(refusal(signed("Bob", 0, take("nobody", 1))), custom(4));
        assert_eq!(refusal(signed("Alice", 0, take("hot", 1))), custom(25));
        let lower = Call::decrease_take {
            hotkey: account("hot"),
            take: 5,
        };
        assert_eq!(Executive::apply_extrinsic(signed("Bob", 0, lower)), Ok(Ok(())));
        assert_eq!(refusal(signed("Bob", 1, take("hot", 5))), custom(26));
        assert_eq!(refusal(signed("Bob", 1, take("hot", u16::MAX))), custom(27));
        assert!(validate(signed("Bob", 1, take("hot", 6))).is_ok());
    });
}

#[test]
fn nobody_hands_in_pulses() {
    on_chain(|| {
        let call = pallet_drand::Call::write_pulse {
            pulses_payload: pallet_drand::PulsesPayload {
                block_number: 1,
                pulses: vec![pallet_drand::beacon::dev_pulse(5)],
                public: sp_runtime::MultiSigner::Sr25519(Default::default()),
            },
            signature: None,
        };
        let unsigned = UncheckedExtrinsic::new_bare(RuntimeCall::Drand(call));
        assert!(validate(unsigned).is_err());
    });
}

#[test]
fn the_pool_refuses_to_serve_where_nobody_can_reach() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        assert_eq!(refusal(signed("stranger", 0, axon(netuid, 9, 1))), custom(10));
        assert_eq!(refusal(signed("miner", 0, axon(netuid, 0x7f00_0001, 1))), custom(11));
        assert_eq!(refusal(signed("miner", 0, axon(netuid, 9, 0))), custom(13));
        assert_eq!(
            Executive::apply_extrinsic(signed("miner", 0, axon(netuid, 9, 1))),
            Ok(Ok(()))
        );
        assert_eq!(refusal(signed("miner", 1, axon(netuid, 9, 1))), custom(12));
    });
}

#[test]
fn only_the_sudo_key_sends_sudo_calls() {
    on_chain(|| {
        let netuid = 1;
        let call = pallet_admin_utils::Call::sudo_set_tempo { netuid, tempo: 7 };
        let sudo = || pallet_sudo::Call::<Runtime>::sudo {
            call: Box::new(call.clone().into()),
        };
        assert_eq!(refusal(signed("Bob", 0, sudo())), InvalidTransaction::BadSigner.into());
        assert_eq!(Executive::apply_extrinsic(signed("Alice", 0, sudo())), Ok(Ok(())));
        assert_eq!(pallet_subtensor::Tempo::<Runtime>::get(netuid), 7);
    });
}

#[test]
fn the_extensions_have_the_main_chains_names() {
    let names: Vec<&str> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
        .iter()
        .map(|extension| extension.identifier)
        .collect();
    let expected = [
        "CheckNonZeroSender",
        "CheckSpecVersion",
        "CheckTxVersion",
        "CheckGenesis",
        "CheckMortality",
        "CheckNonce",
        "CheckWeight",
        "ChargeTransactionPayment",
        "SudoTransactionExtension",
        "CheckShieldedTxValidity",
        "SubtensorTransactionExtension",
        "DrandPriority",
        "CheckMetadataHash",
    ];
    assert_eq!(names, expected);
    assert_eq!((VERSION.transaction_version, VERSION.system_version), (1, 1));
}
