use axoneme_wallet::{AccountId, AddressError, Keypair};

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
fn every_sr25519_derivation_gives_the_address_of_the_python_wallets() {
    let file = vectors("keys");
    let mut checked = 0;
    for case in file["keys"].as_array().expect("cases") {
        if case["crypto_type"] != 1 {
            continue;
        }
        let source = text(case, "source");
        let pair = match text(case, "kind") {
            "uri" => Keypair::from_uri(source).expect("uri"),
            "mnemonic" => Keypair::from_mnemonic(source).expect("mnemonic"),
            "seed" => Keypair::from_seed(seed(source)),
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(pair.account_id().to_string(), text(case, "ss58"), "{source}");
        assert_eq!(
            format!("0x{}", hex::encode(pair.account_id().as_bytes())),
            text(case, "public_key")
        );
        checked += 1;
    }
    assert!(checked >= 15, "only {checked} cases");
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
