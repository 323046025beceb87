//! Encrypted transactions: what the pool refuses, and what the author gets out of the others.

use crate::{
    chain::*,
    transactions::{custom, refusal, signed_for, validate},
};
use codec::{Decode, Encode};
use node_subtensor_runtime::{
    api,
    pallet_shield::{dev_key, Call, NextKey, ShieldedTransaction},
    shield::{carried, open},
    Executive, Runtime, RuntimeCall, System, UncheckedExtrinsic, LONGEST_SHIELDED_ERA,
};
use sp_runtime::{generic::Era, transaction_validity::InvalidTransaction, AccountId32};

/// Valid at block 1, where tests begin.
const SHORT: Era = Era::Mortal(LONGEST_SHIELDED_ERA, 0);

fn transfer(to: &str, value: u64) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: account(to).into(),
        value,
    })
}

fn carrying(bytes: Vec<u8>) -> RuntimeCall {
    let ciphertext = bytes.try_into().expect("short enough");
    RuntimeCall::MevShield(Call::submit_encrypted { ciphertext })
}

fn encrypted(plaintext: &[u8]) -> ShieldedTransaction {
    let key = NextKey::<Runtime>::get().expect("a dev chain publishes its key from genesis on");
    dev_key::encrypt(&key, [5; 32], [6; 24], plaintext).expect("the key is one")
}

#[test]
fn the_author_gets_the_very_transaction_that_was_encrypted() {
    on_chain(|| {
        let inner = signed_for(SHORT, "Bob", 1, transfer("Ferdie", 77));
        let shielded = encrypted(&inner.encode());
        let carrier = signed_for(SHORT, "Bob", 0, carrying(shielded.to_bytes()));
        assert!(validate(carrier.clone()).is_ok());

        let (mine, theirs) = (balance("Bob"), balance("Ferdie"));
        assert_eq!(Executive::apply_extrinsic(carrier.clone()), Ok(Ok(())));
        assert!(balance("Bob") < mine, "the carrier pays a fee");
        assert_eq!(balance("Ferdie"), theirs);

        // Through the doors that the node uses.
        let answer = api::dispatch("ShieldApi_try_decode_shielded_tx", &carrier.encode()).expect("exists");
        let found = Option::<ShieldedTransaction>::decode(&mut &answer[..]).expect("decodes");
        assert_eq!(found, Some(shielded.clone()));
        let asked = (&dev_key::SEED[..], found.expect("found")).encode();
        let answer = api::dispatch("ShieldApi_try_unshield_tx", &asked).expect("exists");
        let decrypted = Option::<UncheckedExtrinsic>::decode(&mut &answer[..]).expect("decodes");
        let decrypted = decrypted.expect("it was encrypted to this key");
        assert_eq!(decrypted.encode(), inner.encode());
        assert_eq!(Executive::apply_extrinsic(decrypted), Ok(Ok(())));
        assert_eq!(balance("Ferdie"), theirs + 77);
        assert_eq!(System::account_nonce(account("Bob")), 2);
    });
}

#[test]
fn what_cannot_be_taken_apart_is_refused_with_23() {
    on_chain(|| {
        for bytes in [vec![], vec![1; 17], vec![255; 1_000]] {
            assert_eq!(refusal(signed_for(SHORT, "Bob", 0, carrying(bytes))), custom(23));
        }
    });
}

#[test]
fn what_is_for_another_key_is_refused_with_24() {
    on_chain(|| {
        let another = dev_key::encapsulation_key(&[3; 64]);
        let shielded = dev_key::encrypt(&another, [5; 32], [6; 24], b"anything").expect("the key is one");
        let carrier = signed_for(SHORT, "Bob", 0, carrying(shielded.to_bytes()));
        assert_eq!(refusal(carrier), custom(24));
        let carrier = signed_for(SHORT, "Bob", 0, carrying(encrypted(b"anything").to_bytes()));
        assert!(validate(carrier).is_ok());
        NextKey::<Runtime>::kill();
        pallet_shield::PendingKey::<Runtime>::kill();
        pallet_shield::CurrentKey::<Runtime>::kill();
        let carrier = signed_for(SHORT, "Bob", 0, carrying(shielded.to_bytes()));
        assert_eq!(refusal(carrier), custom(24), "no key, no encrypted transactions");
    });
}

#[test]
fn an_encrypted_transaction_must_not_live_long() {
    on_chain(|| {
        let call = || carrying(encrypted(b"anything").to_bytes());
        assert!(validate(signed_for(Era::Mortal(4, 0), "Bob", 0, call())).is_ok());
        for era in [Era::Immortal, Era::Mortal(16, 0), Era::Mortal(128, 0)] {
            let refused = refusal(signed_for(era, "Bob", 0, call()));
            assert_eq!(refused, InvalidTransaction::Stale.into(), "{era:?}");
        }
        // Others may.
        assert!(validate(signed_for(Era::Immortal, "Bob", 0, transfer("Ferdie", 1))).is_ok());
    });
}

#[test]
fn only_signed_transactions_come_out() {
    on_chain(|| {
        let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 1 });
        let bare = UncheckedExtrinsic::new_bare(set.clone());
        for plaintext in [bare.encode(), set.encode(), b"no transaction at all".to_vec(), vec![]] {
            assert!(open(&dev_key::SEED, &encrypted(&plaintext)).is_none());
        }
        let bare = UncheckedExtrinsic::new_bare(carrying(encrypted(b"x").to_bytes()));
        assert!(carried(&bare).is_none(), "what carries has to be signed too");
        let signed = signed_for(SHORT, "Bob", 0, transfer("Ferdie", 1));
        assert!(carried(&signed).is_none(), "it carries nothing");
    });
}

#[test]
fn a_strange_signer_address_is_no_way_in() {
    on_chain(|| {
        let signed = signed_for(SHORT, "Bob", 0, transfer("Ferdie", 1));
        let mut bytes = signed.encode();
        // The signer's 32 bytes: somebody else has not signed this.
        let bob: [u8; 32] = account("Bob").into();
        let at = bytes
            .windows(32)
            .position(|window| window == bob)
            .expect("the signer is in it");
        bytes[at..at + 32].copy_from_slice(AccountId32::from([9; 32]).as_ref());
        let forged = open(&dev_key::SEED, &encrypted(&bytes)).expect("it decodes");
        assert!(
            Executive::apply_extrinsic(forged).is_err(),
            "the signature is another's"
        );
    });
}
