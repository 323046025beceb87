use crate::{array, bytes, list, rng, vectors};
use axoneme_timelock::{
    Beacon, COMMIT_REVEAL_VERSION, DevBeacon, LegacyPayload, OVERHEAD, WeightsPayload, commit_hash, decrypt, encrypt,
    netuid_index, randomness, verify_pulse,
};
use serde_json::Value;

fn payload(value: &Value) -> WeightsPayload {
    WeightsPayload {
        hotkey: array(&value["hotkey"]),
        uids: list(&value["uids"]),
        values: list(&value["values"]),
        version_key: value["version_key"].as_u64().unwrap(),
    }
}

#[test]
fn quicknet_is_the_one_of_the_vectors() {
    let quicknet = &vectors("timelock")["quicknet"];
    let beacon = Beacon::quicknet();
    assert_eq!(beacon.public_key, array(&quicknet["public_key_g2"]));
    assert_eq!(beacon.chain_hash, array(&quicknet["chain_hash"]));
    assert_eq!(Some(beacon.genesis), quicknet["genesis_time"].as_u64());
    assert_eq!(Some(beacon.period), quicknet["period_s"].as_u64());
    assert_eq!(COMMIT_REVEAL_VERSION, 4);
}

#[test]
fn a_real_pulse_verifies_and_a_bad_one_does_not() {
    let quicknet = &vectors("timelock")["quicknet"];
    let key = Beacon::quicknet().public_key;
    let pulse = &quicknet["known_pulse"];
    let signature = array(&pulse["signature"]);
    assert!(verify_pulse(&key, 1000, &signature));
    assert!(!verify_pulse(&key, 1001, &signature), "another round");
    assert!(!verify_pulse(
        &key,
        1000,
        &array(&quicknet["bad_pulse_same_round"]["signature"])
    ));
    assert!(
        !verify_pulse(&Beacon::dev().public_key, 1000, &signature),
        "another key"
    );
    assert_eq!(randomness(&signature), array(&pulse["randomness"]));
}

#[test]
fn ciphertexts_of_the_python_core_open() {
    let file = vectors("timelock");
    let signature = array(&file["quicknet"]["known_pulse"]["signature"]);
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let ciphertext = bytes(&case["tle_ciphertext"]);
        let plaintext = decrypt(&ciphertext, &signature).unwrap();
        assert_eq!(plaintext, bytes(&case["plaintext"]), "{}", case["name"]);
        assert_eq!(ciphertext.len(), plaintext.len() + OVERHEAD);
        let given = &case["payload"];
        if !given["hotkey"].is_null() {
            let read = WeightsPayload::decode(&plaintext).unwrap();
            assert_eq!(read, payload(given));
            assert_eq!(read.encode(), plaintext);
        } else if !given.is_null() {
            assert!(WeightsPayload::decode(&plaintext).is_err());
            let read = LegacyPayload::read(&plaintext).unwrap();
            assert_eq!((read.uids, read.values), (list(&given["uids"]), list(&given["values"])));
        }
    }
}

#[test]
fn the_development_beacon_signs_what_the_vectors_say() {
    let file = vectors("timelock");
    let given = &file["dev_beacon"];
    let dev = DevBeacon::new(&array(&given["secret_scalar_be"])).unwrap();
    assert_eq!(dev.beacon(), Beacon::dev(), "the default secret");
    assert_eq!(dev.beacon().public_key, array(&given["public_key_g2"]));
    let quicknet = Beacon::quicknet();
    assert_eq!(
        (dev.beacon().genesis, dev.beacon().period),
        (quicknet.genesis, quicknet.period)
    );
    for round in given["rounds"].as_array().unwrap() {
        let number = round["round"].as_u64().unwrap();
        let signature = dev.sign(number);
        assert_eq!(signature, array(&round["signature"]), "round {number}");
        assert_eq!(randomness(&signature), array(&round["randomness"]));
        assert!(verify_pulse(&dev.beacon().public_key, number, &signature));
    }
    for case in given["cases"].as_array().unwrap() {
        let signature = dev.sign(case["round"].as_u64().unwrap());
        let opened = decrypt(&bytes(&case["tle_ciphertext"]), &signature).unwrap();
        assert_eq!(opened, bytes(&case["plaintext"]), "{}", case["name"]);
    }
}

#[test]
fn what_we_encrypt_opens_with_the_real_signature() {
    let file = vectors("timelock");
    let signature = array(&file["quicknet"]["known_pulse"]["signature"]);
    let first = encrypt(&Beacon::quicknet(), 1000, b"ours", &mut rng()).unwrap();
    assert_eq!(decrypt(&first, &signature).unwrap(), b"ours");
    let again = encrypt(&Beacon::quicknet(), 1000, b"ours", &mut rng()).unwrap();
    assert_eq!(first, again, "the random numbers are all that varies");
}

#[test]
fn a_live_commit_has_our_round_and_our_length() {
    let sample = vectors("timelock")["sample_commit_v2"].clone();
    let inputs = &sample["inputs"];
    let weights = WeightsPayload {
        hotkey: array(&inputs["hotkey"]),
        uids: list(&inputs["uids"]),
        values: list(&inputs["weights"]),
        version_key: inputs["version_key"].as_u64().unwrap(),
    };
    let ours = encrypt(&Beacon::quicknet(), 1, &weights.encode(), &mut rng()).unwrap();
    let theirs = bytes(&sample["ciphertext"]);
    assert_eq!(ours.len(), theirs.len());
    // It opens for nobody yet, but its layout is read as far as that.
    let early = array(&vectors("timelock")["quicknet"]["known_pulse"]["signature"]);
    assert_eq!(
        decrypt(&theirs, &early),
        Err(axoneme_timelock::TimelockError::WrongSignature)
    );
}

#[test]
fn commit_hashes_agree() {
    let file = vectors("commit_hash");
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let hash = commit_hash(
            bytes(&case["preimage"])[..32].try_into().unwrap(),
            case["netuid_index"].as_u64().unwrap() as u16,
            &list(&case["uids"]),
            &list(&case["values"]),
            &list(&case["salt"]),
            case["version_key"].as_u64().unwrap(),
        );
        assert_eq!(hash, array(&case["hash"]), "{case}");
    }
    assert_eq!(netuid_index(1, 0), Some(1));
    assert_eq!(netuid_index(3, 2), Some(8195));
    assert_eq!(netuid_index(0, 16), None);
}
