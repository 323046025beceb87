//! The recorded encrypted files, with every value in between. Each costly key is derived once.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("vector file")).expect("JSON")
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("no {name} in {case}"))
}

fn sealed(base64: &str) -> Form {
    let bytes = BASE64_STANDARD.decode(base64).expect("base64");
    match Keyfile::parse(&bytes).expect("sound shape") {
        Keyfile::Encrypted(sealed) => sealed.0,
        Keyfile::Plain(_) => panic!("not encrypted"),
    }
}

fn address(plaintext: &[u8]) -> String {
    json::parse(plaintext).expect("keyfile").public().account.to_string()
}

#[test]
fn every_recorded_encrypted_file_opens_with_the_recorded_keys() {
    let mut nacl_keys = HashMap::new();
    let mut opened = 0;
    for case in vectors("keyfile_crypto.json")["cases"].as_array().expect("cases") {
        let recorded = &vectors(text(case, "file"))["encrypted"][case["index"].as_u64().expect("index") as usize];
        let password = Password::new(text(case, "password"));
        let plaintext = match sealed(text(recorded, "base64")) {
            Form::Nacl(sealed) => {
                let key = nacl_keys
                    .entry(text(case, "password").to_owned())
                    .or_insert_with(|| nacl::derive(&password).expect("derived"));
                assert_eq!(hex::encode(**key), text(case, "argon2i_key_hex"));
                let mut wrong = **key;
                wrong[0] ^= 1;
                assert_eq!(sealed.open_with(&wrong).err(), Some(KeyfileError::WrongPassword));
                sealed.open_with(key)
            }
            Form::Ansible(sealed) => {
                let keys = hex::encode(*sealed.derive(&password).expect("derived"));
                let recorded = ["aes_key_hex", "hmac_key_hex", "iv_hex"].map(|name| text(case, name));
                assert_eq!(keys, recorded.concat());
                let wrong = Password::new("another");
                assert_eq!(sealed.open(&wrong).err(), Some(KeyfileError::WrongPassword));
                sealed.open(&password)
            }
            Form::Fernet(sealed) => {
                let keys = fernet::derive(&password).expect("derived");
                assert_eq!(hex::encode(*keys), text(case, "pbkdf2_key_hex"));
                assert_eq!(sealed.open_with(&[7; 32]).err(), Some(KeyfileError::WrongPassword));
                sealed.open_with(&keys)
            }
        }
        .expect("opens");
        assert_eq!(
            std::str::from_utf8(&plaintext).expect("text"),
            text(recorded, "plaintext")
        );
        assert_eq!(address(&plaintext), text(recorded, "ss58"));
        opened += 1;
    }
    // The encrypted coldkeys of whole wallet folders, one per SDK generation, under one of the same passwords.
    for name in ["keyfiles_v11.json", "keyfiles_wallet_4_1_0.json"] {
        let folder = &vectors(name)["wallet_directory"];
        let mut files = folder["files"].as_array().expect("files").iter();
        let coldkey = files.find(|file| file["path"] == "cold/coldkey").expect("coldkey");
        let Form::Nacl(sealed) = sealed(text(coldkey, "base64")) else {
            panic!("another form")
        };
        let plaintext = sealed
            .open_with(&nacl_keys[text(folder, "coldkey_password")])
            .expect("opens");
        assert_eq!(address(&plaintext), text(folder, "coldkey_ss58"));
        opened += 1;
    }
    assert_eq!(opened, 8);
}

#[test]
fn encryption_is_told_by_the_first_bytes() {
    for case in vectors("keyfiles_v11.json")["detection"].as_array().expect("cases") {
        let found = encryption(text(case, "prefix").as_bytes());
        assert_eq!(found.is_some(), case["encrypted"] == true, "{case}");
        let expected = match text(case, "method") {
            "NaCl" => Some(Encryption::Nacl),
            "Ansible Vault" => Some(Encryption::Ansible),
            "legacy" => Some(Encryption::Fernet),
            _ => None,
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_file_cut_off_anywhere_is_never_opened() {
    for name in ["keyfiles_v11.json", "keyfiles_wallet_4_1_0.json"] {
        for case in vectors(name)["encrypted"].as_array().expect("cases") {
            let bytes = BASE64_STANDARD.decode(text(case, "base64")).expect("base64");
            for length in 0..bytes.len() {
                match Keyfile::parse(&bytes[..length]) {
                    Ok(Keyfile::Encrypted(Sealed(Form::Nacl(sealed)))) => {
                        assert!(sealed.open_with(&[7; 32]).is_err());
                    }
                    // Derived cheaply, so tried for good.
                    Ok(Keyfile::Encrypted(Sealed(Form::Ansible(sealed)))) if length % 32 == 0 => {
                        assert!(
                            sealed.open(&Password::new(text(case, "password"))).is_err() || length + 1 >= bytes.len()
                        );
                    }
                    Ok(Keyfile::Encrypted(_)) | Err(KeyfileError::Corrupt { .. }) => {}
                    other => panic!("{length} bytes gave {other:?}"),
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_with_its_key_and_no_other(
        plaintext in prop::collection::vec(any::<u8>(), 1..700),
        nonce: [u8; 24],
        key: [u8; 32],
        flipped in any::<prop::sample::Index>(),
    ) {
        let file = nacl::seal_with(&plaintext, &nonce, &key).expect("sealed");
        let open = |file: &[u8], key: &[u8; 32]| nacl::Sealed::parse(file).and_then(|sealed| sealed.open_with(key));
        let opened = open(&file, &key).expect("opens");
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        let mut other = key;
        other[flipped.index(32)] ^= 1;
        prop_assert_eq!(open(&file, &other).err(), Some(KeyfileError::WrongPassword));
        let mut tampered = file.clone();
        let at = nacl::PREFIX.len() + flipped.index(file.len() - nacl::PREFIX.len());
        tampered[at] ^= 1;
        prop_assert_eq!(open(&tampered, &key).err(), Some(KeyfileError::WrongPassword));
    }

    #[test]
    fn arbitrary_bytes_are_an_answer_and_no_panic(
        start in prop::sample::select(vec![
            &b""[..], b"$NACL", b"$ANSIBLE_VAULT;1.1;AES256\n", b"$ANSIBLE_VAULT", b"gAAAAA", b"{", b"{\"secretSeed\":\"0x", b"0x",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, &rest].concat();
        if let Ok(Keyfile::Encrypted(Sealed(Form::Nacl(sealed)))) = Keyfile::parse(&bytes) {
            prop_assert!(sealed.open_with(&[0; 32]).is_err());
        }
    }

    #[test]
    fn arbitrary_members_are_an_answer_and_no_panic(
        members in prop::collection::hash_map(
            prop::sample::select(vec!["secretPhrase", "secretSeed", "privateKey", "ss58Address", "cryptoType", "publicKey", "other"]),
            prop_oneof![
                any::<i64>().prop_map(Value::from),
                Just(Value::Null),
                any::<bool>().prop_map(Value::from),
                Just(Value::from(1)),
                Just(Value::from(0)),
                ".{0,80}".prop_map(Value::from),
                "(0x)?([0-9a-f]{2}){30,66}".prop_map(Value::from),
                "(0x)?[0-9a-f]{64}".prop_map(Value::from),
                "(0x)?[0-9a-f]{62}0[0-9a-f][0-9a-f]{64}".prop_map(Value::from),
                "[1-9A-HJ-NP-Za-km-z]{44,52}".prop_map(Value::from),
            ],
            0..6,
        ),
    ) {
        let json: serde_json::Map<String, Value> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Ok(Keyfile::Plain(Contents::Secret(pair))) = Keyfile::parse(Value::from(json).to_string().as_bytes()) {
            // Whatever was read signs, and its own address agrees.
            let signature = pair.sign(b"message");
            prop_assert!(pair.account_id().verify_with(pair.scheme(), b"message", &signature));
        }
    }

    #[test]
    fn vaults_of_arbitrary_parts_are_an_answer_and_no_panic(
        salt in prop::collection::vec(any::<u8>(), 0..40),
        mac in prop::collection::vec(any::<u8>(), 30..34),
        ciphertext in prop::collection::vec(any::<u8>(), 0..70),
    ) {
        let inner = format!("{}\n{}\n{}", hex::encode(salt), hex::encode(mac), hex::encode(ciphertext));
        let vault = format!("$ANSIBLE_VAULT;1.1;AES256\n{}\n", hex::encode(inner));
        if let Ok(Keyfile::Encrypted(Sealed(Form::Ansible(sealed)))) = Keyfile::parse(vault.as_bytes()) {
            prop_assert_eq!(sealed.open(&Password::new("any")).err(), Some(KeyfileError::WrongPassword));
        }
    }

    #[test]
    fn tokens_of_arbitrary_parts_are_an_answer_and_no_panic(rest in prop::collection::vec(any::<u8>(), 0..160)) {
        use base64::prelude::BASE64_URL_SAFE;
        let token = BASE64_URL_SAFE.encode([&[0x80, 0, 0, 0][..], &rest].concat());
        if let Ok(Keyfile::Encrypted(Sealed(Form::Fernet(sealed)))) = Keyfile::parse(token.as_bytes()) {
            prop_assert!(sealed.open_with(&[0; 32]).is_err());
        }
    }
}
