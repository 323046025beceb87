//! The text that is signed, and signatures as text.

use std::fmt::Write as _;

use axoneme_wallet::{AccountId, Keypair};

/// The message a dendrite signs: `{nonce}.{dendrite}.{axon}.{uuid}.{body_hash}`.
pub fn signed_message(nonce: u64, dendrite: &AccountId, axon: &AccountId, uuid: &str, body_hash: &str) -> String {
    let mut message = String::with_capacity(20 + 48 + 48 + uuid.len() + body_hash.len() + 4);
    // Writing to a text cannot fail.
    let _ = write!(message, "{nonce}.{dendrite}.{axon}.{uuid}.{body_hash}");
    message
}

/// Signs a request, giving the header value: `0x` and 128 hex digits.
pub fn sign_request(signer: &Keypair, nonce: u64, axon: &AccountId, uuid: &str, body_hash: &str) -> String {
    let message = signed_message(nonce, &signer.account_id(), axon, uuid, body_hash);
    format!("0x{}", hex::encode(signer.sign(message.as_bytes())))
}

/// Reads a signature header: exactly `0x` and 128 hex digits of either case.
pub fn parse_signature(text: &str) -> Option<[u8; 64]> {
    let mut signature = [0; 64];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut signature).ok()?;
    Some(signature)
}
