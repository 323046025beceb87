//! What the Python SDKs are known to let through.

/// Cases that the axon of bittensor 10.5.0 serves, or leaves open, against the rules of the wire, and requests that
/// `http_auth` of bittensor 11.3.0 accepts against them; measured with this kit.
///
/// They tell a difference in hardening from a broken server: a subnet that runs Python lives with these.
const LAX: &[&str] = &[
    "stale-wide",
    "stale-huge",
    "stale-nan",
    "stale-inf",
    "stale-old-sdk",
    "future",
    "wrapped",
    "zero-key",
    "no-uuid",
    "dotted-uuid",
    "future-soon",
    "stale-lane",
    "nonce-underscores",
    "nonce-plus",
    "nonce-zeros",
    "nonce-twice",
    "signature-twice",
    "hash-twice",
    "timeout-twice",
    "control",
    "injected",
    "folded",
    "big-header",
    "many-headers",
    "placeholders",
    "surrogate",
    "nan",
    "answer-caller",
    "smuggle-cl-te",
    "same-lengths",
    "listed-lengths",
    "huge-length",
    "huge-chunk",
    "http3",
    "length-and-chunks",
    "chunks-and-length",
    "te-10",
    "declared",
    "silent",
    "slow-head",
    "stalled-head",
    "slow-body",
    "stalled-body",
    "slow-chunks",
    "bt-crypto",
    "bt-spaces",
    "bt-twice",
    "bt-underscores",
    "bt-wrapped",
    "bt-zero-key",
    "bt-weak-key",
    "bt-nonce-plus",
    "bt-nonce-zeros",
    "bt-crypto-upper",
    "bt-prefix",
];

/// Whether Python fails this case.
pub(crate) fn is_lax(case: &str) -> bool {
    LAX.contains(&case)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_known_weakness_is_a_case() {
        let cases = crate::cases::all();
        for id in super::LAX {
            assert!(cases.iter().any(|case| case.id == *id), "no case {id}");
        }
    }
}
