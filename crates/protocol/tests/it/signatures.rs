use axoneme_protocol::signing::{parse_signature, sign_request, signed_message};
use axoneme_wallet::{AccountId, Keypair};

use crate::{cases, text, vectors};

#[test]
fn the_signed_message_is_built_as_in_python() {
    let file = vectors("signatures");
    let parts = &file["parts"];
    let number = |name: &str| {
        parts[name]
            .as_u64()
            .or_else(|| parts[name].as_str()?.parse().ok())
            .expect("number")
    };
    let message = signed_message(
        number("nonce"),
        &text(parts, "dendrite_hotkey").parse().expect("address"),
        &text(parts, "axon_hotkey").parse().expect("address"),
        text(parts, "uuid"),
        text(parts, "body_hash"),
    );
    assert_eq!(message, text(parts, "message"));
}

#[test]
fn recorded_signatures_are_judged_strictly() {
    let file = vectors("signatures");
    let mut accepted = 0;
    for case in cases(&file, "cases") {
        let Some(expected) = case["strict_expected"].as_bool() else {
            continue;
        };
        let good = match (
            text(&case, "ss58").parse::<AccountId>(),
            parse_signature(text(&case, "signature")),
        ) {
            (Ok(account), Some(signature)) => account.verify(text(&case, "message").as_bytes(), &signature),
            _ => false,
        };
        assert_eq!(good, expected, "{}", text(&case, "note"));
        accepted += u32::from(good);
    }
    assert_eq!(accepted, 4);
}

#[test]
fn own_signatures_verify() {
    let alice = Keypair::from_uri("//Alice").expect("uri");
    let bob = Keypair::from_uri("//Bob").expect("uri").account_id();
    let signature = parse_signature(&sign_request(&alice, 7, &bob, "u", "h")).expect("well-formed");
    let message = signed_message(7, &alice.account_id(), &bob, "u", "h");
    assert!(alice.account_id().verify(message.as_bytes(), &signature));
    assert!(!bob.verify(message.as_bytes(), &signature));
}
