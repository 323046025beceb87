use axoneme_wallet::{AccountId, AddressError, KeyError, Keypair, Scheme};

use crate::vectors;

fn text<'a>(case: &'a serde_json::Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("no {name} in {case}"))
}

fn seed(hex_text: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    hex::decode_to_slice(hex_text.trim_start_matches("0x"), &mut seed).expect("hex");
    seed
}

#[test]
fn every_derivation_gives_the_key_of_the_python_wallets() {
    let file = vectors("keys");
    let mut checked = [0; 2];
    for case in file["keys"].as_array().expect("cases") {
        let scheme = match case["crypto_type"].as_i64() {
            Some(0) => Scheme::Ed25519,
            Some(1) => Scheme::Sr25519,
            other => panic!("unknown crypto type {other:?}"),
        };
        let source = text(case, "source");
        let pair = match text(case, "kind") {
            "uri" => Keypair::from_uri_with(scheme, source).expect("uri"),
            "mnemonic" => Keypair::from_mnemonic_with(scheme, source).expect("mnemonic"),
            "seed" => Keypair::from_seed_with(scheme, seed(source)),
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(pair.scheme(), scheme);
        assert_eq!(pair.account_id().to_string(), text(case, "ss58"), "{source}");
        assert_eq!(
            format!("0x{}", hex::encode(pair.account_id().as_bytes())),
            text(case, "public_key")
        );
        let private = hex::decode(text(case, "private_key").trim_start_matches("0x")).expect("hex");
        assert_eq!(
            Keypair::from_private_key(scheme, &private)
                .expect("private key")
                .account_id(),
            pair.account_id()
        );
        checked[scheme as usize] += 1;
    }
    assert!(checked[0] >= 15 && checked[1] >= 8, "only {checked:?} cases");
}

#[test]
fn each_scheme_verifies_its_own_signatures_only() {
    for scheme in [Scheme::Sr25519, Scheme::Ed25519] {
        let pair = Keypair::from_uri_with(scheme, "//Alice").expect("uri");
        let signature = pair.sign(b"message");
        for as_scheme in [Scheme::Sr25519, Scheme::Ed25519] {
            let valid = pair.account_id().verify_with(as_scheme, b"message", &signature);
            assert_eq!(valid, as_scheme == scheme, "{scheme} as {as_scheme}");
        }
        assert!(!pair.account_id().verify_with(scheme, b"other", &signature));
    }
}

#[test]
fn weak_keys_sign_for_nobody() {
    // The encodings of all points of order 1, 2, 4 and 8, canonical and not.
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for key in weak {
        let account = AccountId(seed(key));
        // With R the neutral element (or the key itself) and s = 0 the check holds for every message without care.
        for r in weak {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&seed(r));
            assert!(!account.verify_with(Scheme::Ed25519, b"message", &signature), "{key}");
        }
    }
    let mut zero = [0; 64];
    zero[63] = 0x80;
    assert!(!AccountId([0; 32]).verify_with(Scheme::Sr25519, b"message", &zero));
}

#[test]
fn an_altered_ed25519_signature_is_refused() {
    let pair = Keypair::from_uri_with(Scheme::Ed25519, "//Alice").expect("uri");
    let signature = pair.sign(b"message");
    // s + the group's order: the same equation, another text.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut carry = 0;
    let mut altered = signature;
    for (byte, add) in altered[32..].iter_mut().zip(seed(order)) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_ne!(altered, signature);
    assert!(!pair.account_id().verify_with(Scheme::Ed25519, b"message", &altered));
}

#[test]
fn ed25519_has_no_soft_junctions() {
    assert_eq!(
        Keypair::from_uri_with(Scheme::Ed25519, "//Alice/soft").err(),
        Some(KeyError::SoftJunction)
    );
    assert!(Keypair::from_uri("//Alice/soft").is_ok());
}

#[test]
fn scheme_names_are_exact() {
    for scheme in [Scheme::Sr25519, Scheme::Ed25519] {
        assert_eq!(scheme.to_string().parse(), Ok(scheme));
    }
    for wrong in ["", "SR25519", " ed25519", "ed25519 ", "ecdsa", "1"] {
        assert!(wrong.parse::<Scheme>().is_err(), "{wrong}");
    }
}

#[test]
fn addresses_are_encoded_and_decoded_as_recorded() {
    let file = vectors("ss58");
    for case in file["encode"]
        .as_array()
        .expect("cases")
        .iter()
        .filter(|case| case["prefix"] == 42)
    {
        assert_eq!(
            AccountId(seed(text(case, "public_key"))).to_string(),
            text(case, "address")
        );
    }
    for case in file["decode"].as_array().expect("cases") {
        let address = match text(case, "note") {
            "60 KB of fives" => "5".repeat(60_000),
            _ => text(case, "address").to_owned(),
        };
        assert_eq!(
            address.parse::<AccountId>().is_ok(),
            case["strict_expected"] == true,
            "{}",
            case["note"]
        );
    }
}

#[test]
fn a_long_text_is_refused_by_its_length_alone() {
    assert_eq!(
        "5".repeat(60_000).parse::<AccountId>(),
        Err(AddressError::Length { found: 60_000 })
    );
}

#[test]
fn signatures_are_judged_strictly() {
    let file = vectors("signatures");
    let mut checked = 0;
    for case in file["cases"].as_array().expect("cases") {
        // Shape errors (no 0x, wrong length) are the protocol crate's; here only what is 64 bytes.
        let Some(expected) = case["strict_expected"].as_bool() else {
            continue;
        };
        let signature = text(case, "signature")
            .strip_prefix("0x")
            .and_then(|digits| hex::decode(digits).ok());
        let Some(Ok(signature)) = signature.map(<[u8; 64]>::try_from) else {
            assert!(!expected, "{}", case["note"]);
            continue;
        };
        let Ok(account) = text(case, "ss58").parse::<AccountId>() else {
            assert!(!expected, "{}", case["note"]);
            continue;
        };
        assert_eq!(
            account.verify(text(case, "message").as_bytes(), &signature),
            expected,
            "{}",
            case["note"]
        );
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} cases");
}

#[test]
fn a_signature_over_the_wrapped_message_is_refused() {
    let alice = Keypair::from_uri("//Alice").expect("uri");
    let wrapped = alice.sign(b"<Bytes>message</Bytes>");
    assert!(!alice.account_id().verify(b"message", &wrapped));
    assert!(alice.account_id().verify(b"message", &alice.sign(b"message")));
}

#[test]
fn a_generated_key_comes_back_from_its_words() {
    let (pair, words) = Keypair::generate();
    assert_eq!(words.reveal().split(' ').count(), 12);
    assert_eq!(
        Keypair::from_mnemonic(words.reveal()).expect("own words").account_id(),
        pair.account_id()
    );
    assert_eq!(format!("{words:?}"), "Mnemonic(hidden)");
}

#[test]
fn debug_output_holds_no_secret() {
    let alice = Keypair::from_uri("//Alice").expect("uri");
    assert_eq!(
        format!("{alice:?}"),
        "Keypair(5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY)"
    );
}

#[test]
fn wrong_secrets_are_errors() {
    assert!(Keypair::from_mnemonic("foo bar").is_err());
    assert!(
        Keypair::from_mnemonic("legal winner thank year wave sausage worth useful legal winner thank legal").is_err()
    );
    assert!(Keypair::from_uri("nonsense//x").is_err());
    assert!(Keypair::from_uri("0x1234").is_err());
}

#[test]
fn accounts_travel_as_text_in_json() {
    let alice = Keypair::from_uri("//Alice").expect("uri").account_id();
    let json = serde_json::to_string(&alice).expect("serialise");
    assert_eq!(json, "\"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\"");
    assert_eq!(serde_json::from_str::<AccountId>(&json).expect("parse"), alice);
    assert!(serde_json::from_str::<AccountId>("\"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5\"").is_err());
}
