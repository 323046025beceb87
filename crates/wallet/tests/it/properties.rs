use std::fs;

use axoneme_wallet::{AccountId, KeySource, KeySpec, Keypair, Mnemonic, Scheme, Wallet};
use proptest::prelude::*;
use zeroize::Zeroizing;

fn schemes() -> impl Strategy<Value = Scheme> {
    prop_oneof![Just(Scheme::Sr25519), Just(Scheme::Ed25519)]
}

/// A secret in any form, and a URI only where both schemes know it.
fn sources() -> impl Strategy<Value = KeySource> {
    prop_oneof![
        prop::sample::select(vec![12, 15, 18, 21, 24])
            .prop_map(|words| Mnemonic::generate(words).expect("words").into()),
        any::<[u8; 32]>().prop_map(|seed| KeySource::Seed(Zeroizing::new(seed))),
        "//[a-zA-Z0-9]{1,40}(//[0-9]{1,6})?".prop_map(KeySource::Uri),
        Just(KeySource::Random),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_written_key_reads_back_in_any_member_order(source in sources(), scheme in schemes(), turn in 0usize..8) {
        let folder = tempfile::tempdir().expect("temp folder");
        let wallet = Wallet::new(folder.path(), "cold", "hot");
        let made = wallet.write_hotkey(&KeySpec::new(source).scheme(scheme), false).expect("written");
        let pair = wallet.load_hotkey().expect("read");
        prop_assert_eq!((pair.account_id(), pair.scheme()), (made.public.account, scheme));
        prop_assert_eq!(wallet.hotkeypub().expect("public"), made.public);
        // The Python wallets write the members in any order.
        let text = fs::read_to_string(wallet.hotkey_file()).expect("text");
        let mut members: Vec<&str> = text[1..text.len() - 1].split(",\"").map(|m| m.trim_start_matches('"')).collect();
        let count = members.len();
        members.rotate_left(turn % count);
        fs::write(wallet.hotkey_file(), format!("{{\"{}}}", members.join(",\""))).expect("turned");
        prop_assert_eq!(wallet.load_hotkey().expect("read").account_id(), made.public.account);
    }
}

proptest! {    #[test]
    fn signatures_hold_for_their_message_only(
        seed: [u8; 32],
        scheme in schemes(),
        message in prop::collection::vec(any::<u8>(), 0..200),
        flip in 0usize..512,
    ) {
        let pair = Keypair::from_seed_with(scheme, seed);
        let signature = pair.sign(&message);
        let account = pair.account_id();
        prop_assert!(account.verify_with(scheme, &message, &signature));
        let mut altered = signature;
        altered[flip / 8] ^= 1 << (flip % 8);
        prop_assert!(!account.verify_with(scheme, &message, &altered));
        prop_assert!(!account.verify_with(scheme, &[&message[..], b"x"].concat(), &signature));
    }

    #[test]
    fn arbitrary_keys_and_signatures_are_judged_without_panic(
        key: [u8; 32],
        half: [[u8; 32]; 2],
        scheme in schemes(),
    ) {
        let signature: [u8; 64] = half.concat().try_into().expect("64 bytes");
        prop_assert!(!AccountId(key).verify_with(scheme, b"message", &signature));
    }

    #[test]
    fn an_address_has_one_spelling(text in "\\PC{0,60}", base58 in "5[1-9A-HJ-NP-Za-km-z]{47}") {
        // One text in 65,536 of the right letters has the right checksum.
        for text in [text, base58] {
            if let Ok(account) = text.parse::<AccountId>() {
                prop_assert_eq!(account.to_string(), text);
            }
        }
    }

    #[test]
    fn addresses_read_back(key: [u8; 32]) {
        let account = AccountId(key);
        prop_assert_eq!(account.to_string().parse::<AccountId>(), Ok(account));
    }

    #[test]
    fn arbitrary_uris_and_phrases_are_an_answer_and_no_panic(
        uri in prop_oneof![".{0,80}", "(//?[a-z0-9é]{0,40}){1,4}(///.{0,10})?", "0x[0-9a-f]{0,130}(//[a-z]{0,3})?"],
        scheme in schemes(),
    ) {
        let _ = Keypair::from_uri_with(scheme, &uri);
        let _ = Keypair::from_mnemonic_with(scheme, &uri);
        let _ = Mnemonic::parse(&uri);
    }

    #[test]
    fn arbitrary_private_keys_are_an_answer_and_no_panic(
        secret in prop::collection::vec(any::<u8>(), 0..70),
        scheme in schemes(),
    ) {
        let _ = Keypair::from_private_key(scheme, &secret);
    }

    #[test]
    fn one_wrong_word_is_noticed_or_another_key(words in prop::sample::select(vec![12usize, 15, 18, 21, 24]), at in 0usize..12) {
        let phrase = Mnemonic::generate(words).expect("words");
        let mut altered: Vec<&str> = phrase.reveal().split(' ').collect();
        prop_assert_eq!(altered.len(), words);
        altered[at] = if altered[at] == "zoo" { "zone" } else { "zoo" };
        // A checksum of 4 to 8 bits cannot notice everything; what it lets pass is another key.
        if let Ok(other) = Keypair::from_mnemonic(&altered.join(" ")) {
            let own = Keypair::from_mnemonic(phrase.reveal()).expect("own words");
            prop_assert_ne!(other.account_id(), own.account_id());
        }
    }
}

#[test]
fn a_private_key_of_zero_is_refused() {
    let mut secret = [7; 64];
    secret[..32].fill(0);
    assert!(Keypair::from_private_key(Scheme::Sr25519, &secret).is_err());
}

#[test]
fn mnemonics_have_the_lengths_they_may_have() {
    for words in 0..30 {
        let made = Mnemonic::generate(words);
        assert_eq!(made.is_ok(), matches!(words, 12 | 15 | 18 | 21 | 24), "{words}");
    }
}
