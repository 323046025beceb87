//! Ciphertexts, signatures and keys that somebody made to break us.

use crate::{array, bytes, rng, vectors};
use axoneme_timelock::{
    Beacon, DevBeacon, LegacyPayload, MAX_COMMIT_BYTES, OVERHEAD, TimelockError, WeightsPayload, decrypt, encrypt,
    verify_pulse,
};
use proptest::prelude::*;

const U: usize = 96;

fn sample() -> (Vec<u8>, [u8; 48]) {
    let dev = DevBeacon::default();
    let ciphertext = encrypt(&dev.beacon(), 5, b"some weights", &mut rng()).unwrap();
    (ciphertext, dev.sign(5))
}

/// A point on the curve of keys that is outside the group.
fn outside_the_group() -> Vec<u8> {
    use ark_bls12_381::{Fq, Fq2, G2Affine};
    use ark_serialize::CanonicalSerialize as _;
    let point = (0u64..)
        .find_map(|x| {
            let point = G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::from(1u8)), false)?;
            (!point.is_in_correct_subgroup_assuming_on_curve()).then_some(point)
        })
        .unwrap();
    let mut bytes = Vec::new();
    point.serialize_compressed(&mut bytes).unwrap();
    bytes
}

fn infinity<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = 0xc0;
    bytes
}

#[test]
fn every_cut_is_an_error() {
    let (ciphertext, signature) = sample();
    for length in 0..ciphertext.len() {
        let cut = decrypt(&ciphertext[..length], &signature);
        assert!(matches!(cut, Err(TimelockError::Malformed { .. })), "{length}: {cut:?}");
    }
    let longer = [&ciphertext[..], &[0]].concat();
    assert!(matches!(
        decrypt(&longer, &signature),
        Err(TimelockError::Malformed { .. })
    ));
}

#[test]
fn every_wrong_length_is_an_error() {
    let (ciphertext, signature) = sample();
    let body = U + 2 * 40;
    let text = body + 8;
    let nonce = text + 8 + 12 + 16;
    let suite = nonce + 8 + 12;
    for at in [U, U + 40, body, text, nonce, suite] {
        for length in [0, 1, 31, 33, 1 << 20, u64::MAX / 2, u64::MAX] {
            let mut changed = ciphertext.clone();
            changed[at..at + 8].copy_from_slice(&length.to_le_bytes());
            let outcome = decrypt(&changed, &signature);
            assert!(
                matches!(outcome, Err(TimelockError::Malformed { .. })),
                "{at} {length}: {outcome:?}"
            );
        }
    }
}

#[test]
fn points_outside_curve_or_group_are_refused() {
    let (ciphertext, signature) = sample();
    let mut off_curve = ciphertext[..U].to_vec();
    // About every second number is the coordinate of a point.
    while Beacon::with_key(off_curve[..].try_into().unwrap()).is_ok() {
        off_curve[U - 1] = off_curve[U - 1].wrapping_add(1);
    }
    let mut uncompressed = ciphertext[..U].to_vec();
    uncompressed[0] &= 0x7f;
    for u in [
        outside_the_group(),
        off_curve,
        uncompressed,
        vec![0xff; U],
        vec![0; U],
        infinity::<U>().to_vec(),
    ] {
        let changed = [&u, &ciphertext[U..]].concat();
        assert_eq!(
            decrypt(&changed, &signature),
            Err(TimelockError::Malformed { part: "U" })
        );
        let key: [u8; U] = u.try_into().unwrap();
        assert_eq!(Beacon::with_key(key), Err(TimelockError::PublicKey));
        let beacon = Beacon {
            public_key: key,
            ..Beacon::dev()
        };
        assert_eq!(encrypt(&beacon, 1, b"", &mut rng()), Err(TimelockError::PublicKey));
        assert!(!verify_pulse(&key, 1, &infinity()), "the neutral key signs nothing");
    }
    for bad in [[0; 48], [0xff; 48], infinity()] {
        assert_eq!(decrypt(&ciphertext, &bad), Err(TimelockError::Signature));
        assert!(!verify_pulse(&Beacon::dev().public_key, 5, &bad));
    }
}

#[test]
fn the_wrong_round_and_a_changed_text_are_told_apart() {
    let (ciphertext, signature) = sample();
    assert_eq!(
        decrypt(&ciphertext, &DevBeacon::default().sign(6)),
        Err(TimelockError::WrongSignature)
    );
    let mut changed = ciphertext.clone();
    changed[U + 2 * 40 + 16] ^= 1;
    assert_eq!(decrypt(&changed, &signature), Err(TimelockError::Tampered));
    let mut changed = ciphertext;
    changed[U + 8] ^= 1;
    assert_eq!(decrypt(&changed, &signature), Err(TimelockError::WrongSignature));
}

#[test]
fn what_the_chain_would_not_take_is_not_made() {
    let longest = vec![0; MAX_COMMIT_BYTES - OVERHEAD];
    let ciphertext = encrypt(&Beacon::dev(), 1, &longest, &mut rng()).unwrap();
    assert_eq!(ciphertext.len(), MAX_COMMIT_BYTES);
    let longer = [&longest[..], &[0]].concat();
    let refused = encrypt(&Beacon::dev(), 1, &longer, &mut rng());
    assert!(matches!(refused, Err(TimelockError::TooLong { .. })));
    assert_eq!(DevBeacon::new(&[0; 32]).unwrap_err(), TimelockError::Secret);
}

#[test]
fn payloads_with_huge_counts_allocate_nothing() {
    // A list of 2^30 - 1 numbers, of which none follow.
    let huge = [0xfe, 0xff, 0xff, 0xff];
    assert!(matches!(WeightsPayload::decode(&huge), Err(TimelockError::Payload(_))));
    assert!(LegacyPayload::read(&huge).is_err());
    let case = &vectors("timelock")["cases"][1];
    let mut good = bytes(&case["plaintext"]);
    assert_eq!(
        WeightsPayload::decode(&good).unwrap().hotkey,
        array(&case["payload"]["hotkey"])
    );
    good.push(0);
    assert!(WeightsPayload::decode(&good).is_err(), "bytes left over");
    let short = [&[4u8, 1][..], &bytes(&case["plaintext"])[33..]].concat();
    assert!(WeightsPayload::decode(&short).is_err(), "a hotkey of one byte");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), flip in 0usize..250, bit in 0u8..8) {
        let (mut ciphertext, signature) = sample();
        prop_assert!(decrypt(&bytes, &signature).is_err());
        let _ = WeightsPayload::decode(&bytes);
        let _ = LegacyPayload::read(&bytes);
        let at = flip % ciphertext.len();
        ciphertext[at] ^= 1 << bit;
        prop_assert!(decrypt(&ciphertext, &signature).is_err(), "every bit counts: {}", at);
    }
}
