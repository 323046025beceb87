//! `btauth/1`, the signed requests of SDK 11: any HTTP request with five or six `X-Bittensor-*` headers.
//!
//! Method, request target, body, nonce, sender and receiver are signed; everything else in the request is not. The SDK
//! reads these headers leniently; here they are read strictly, which refuses nothing an honest peer sends.
//!
//! A server goes in this order, so that cheap checks shield dear ones and nobody can burn a stranger's nonce:
//! [`BtauthHead::parse`], [`BtauthHead::check_receiver`], [`BtauthWindow::check`], [`BtauthHead::check_signature`], then
//! claims the nonce in its [`NonceStore`](crate::NonceStore) with [`LANE`] as uuid.
//!
//! ```
//! use axoneme_protocol::btauth::{self, BtauthHead, BtauthWindow};
//! use axoneme_wallet::Keypair;
//!
//! let (alice, bob) = (Keypair::from_uri("//Alice")?, Keypair::from_uri("//Bob")?.account_id());
//! let now = 1_752_076_800_000_000_000;
//! let headers = btauth::sign(&alice, Some(&bob), "POST", "/Prompting", b"{}", now);
//!
//! let head = BtauthHead::parse(headers.iter().map(|(name, value)| (*name, value.as_bytes())))?;
//! head.check_receiver(&bob, true)?;
//! BtauthWindow::default().check(now, head.nonce)?;
//! head.check_signature("POST", "/Prompting", &btauth::body_sha256(b"{}"))?;
//! assert_eq!(head.sender, alice.account_id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::Duration;

use axoneme_wallet::batch::Claim;
use axoneme_wallet::{AccountId, Keypair, Scheme};
use sha2::{Digest, Sha256};

use crate::nonce::{NonceError, nanoseconds};
use crate::text::{decimal_u64, printable};

/// The version of the headers: the value of `X-Bittensor-Version`.
pub const VERSION: &str = "1";

/// The uuid under which nonces of this wire are claimed in a [`NonceStore`](crate::NonceStore) shared with the v10 wire.
/// No uuid of that wire can hold a slash.
pub const LANE: &str = "btauth/1";

const HEADER_VERSION: &str = "X-Bittensor-Version";
const HEADER_HOTKEY: &str = "X-Bittensor-Hotkey";
const HEADER_NONCE: &str = "X-Bittensor-Nonce";
const HEADER_SIGNATURE: &str = "X-Bittensor-Signature";
const HEADER_CRYPTO: &str = "X-Bittensor-Crypto";
const HEADER_RECEIVER: &str = "X-Bittensor-Receiver";

const HEADERS: [&str; 6] = [
    HEADER_VERSION,
    HEADER_HOTKEY,
    HEADER_NONCE,
    HEADER_SIGNATURE,
    HEADER_CRYPTO,
    HEADER_RECEIVER,
];

/// Why a request was not accepted. Never holds text of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BtauthError {
    /// A header is missing, came twice, or cannot be what it should be.
    #[error("malformed authentication: {0}")]
    Malformed(&'static str),
    /// The request names no receiver though one is required, or another one.
    #[error("the request was signed for another receiver")]
    WrongReceiver,
    /// Signed too long ago or too far ahead of this clock.
    #[error("the request is not fresh: check the clock of the sender")]
    Stale {
        /// Whether the sender's clock is ahead, not behind.
        ahead: bool,
        /// How far from this clock.
        by: Duration,
    },
    /// The signature does not fit method, target, body, nonce, sender and receiver.
    #[error("the signature does not match the request")]
    BadSignature,
    /// The nonce was used before.
    #[error("the request was received before")]
    Replayed,
    /// The replay store could not be asked or is full: nothing can be accepted now.
    #[error("the replay store is unavailable, try again later")]
    StoreUnavailable,
}

impl BtauthError {
    /// The code of the kit's error answers.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "tw.auth_malformed",
            Self::WrongReceiver => "tw.auth_wrong_receiver",
            Self::Stale { .. } => "tw.auth_stale",
            Self::BadSignature => "tw.auth_bad_signature",
            Self::Replayed => "tw.auth_replayed",
            Self::StoreUnavailable => "tw.replay_store_unavailable",
        }
    }

    /// The HTTP status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::StoreUnavailable => 503,
            _ => 401,
        }
    }
}

impl From<NonceError> for BtauthError {
    /// What a [`NonceStore`](crate::NonceStore) says about a claim, in this wire's words.
    fn from(error: NonceError) -> Self {
        match error {
            NonceError::Replayed => Self::Replayed,
            NonceError::TooOld { age: by, .. } => Self::Stale { ahead: false, by },
            NonceError::TooNew { ahead: by, .. } => Self::Stale { ahead: true, by },
            _ => Self::StoreUnavailable,
        }
    }
}

/// Which nonces are fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BtauthWindow {
    /// How old a request may be.
    pub max_age: Duration,
    /// How far the sender's clock may run ahead.
    pub skew: Duration,
}

impl Default for BtauthWindow {
    /// Ten seconds back, two ahead, as in the SDK.
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(10),
            skew: Duration::from_secs(2),
        }
    }
}

impl BtauthWindow {
    /// Whether a nonce is fresh; the limits themselves are. Times in nanoseconds since 1970.
    pub fn check(&self, now_ns: u64, nonce: u64) -> Result<(), BtauthError> {
        let (ahead, limit) = if nonce > now_ns {
            (true, self.skew)
        } else {
            (false, self.max_age)
        };
        let by = now_ns.abs_diff(nonce);
        if by > nanoseconds(limit) {
            let by = Duration::from_nanos(by);
            return Err(BtauthError::Stale { ahead, by });
        }
        Ok(())
    }

    /// How long an accepted nonce has to be remembered: twice the window, so that a step of a clock within it cannot
    /// make a request fresh again.
    pub fn retention(&self) -> Duration {
        (self.max_age + self.skew) * 2
    }
}

/// The `X-Bittensor-*` headers of a request. Nothing is verified yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BtauthHead {
    /// How the sender signs.
    pub scheme: Scheme,
    /// Who claims to ask.
    pub sender: AccountId,
    /// Nanoseconds since 1970, by the sender's clock.
    pub nonce: u64,
    /// For whom the request was signed; nothing for anybody.
    pub receiver: Option<AccountId>,
    /// Nothing when it is hex of another length: the SDK finds that only after freshness.
    signature: Option<[u8; 64]>,
}

impl BtauthHead {
    /// Whether a request carries an `X-Bittensor-Signature`: it is then read as `btauth/1`, whatever else it holds.
    pub fn is_present<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> bool {
        headers
            .into_iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(HEADER_SIGNATURE))
    }

    /// Reads the headers of a request. Names are compared without case, as HTTP does; others are ignored.
    ///
    /// A receiver that is no address of this network is a wrong receiver, not a malformed request.
    pub fn parse<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, BtauthError> {
        use BtauthError::Malformed;

        let [version, hotkey, nonce, signature, crypto, receiver] = collect(headers)?;
        if version.ok_or(Malformed("no X-Bittensor-Version"))? != VERSION {
            return Err(Malformed("X-Bittensor-Version is not 1"));
        }
        let hotkey = hotkey.ok_or(Malformed("no X-Bittensor-Hotkey"))?;
        let nonce = nonce.ok_or(Malformed("no X-Bittensor-Nonce"))?;
        let nonce = decimal_u64(nonce).ok_or(Malformed("X-Bittensor-Nonce is not a 64-bit number"))?;
        let scheme = crypto.map_or(Ok(Scheme::Sr25519), str::parse);
        let scheme = scheme.map_err(|_| Malformed("X-Bittensor-Crypto is neither sr25519 nor ed25519"))?;
        let signature = signature.ok_or(Malformed("no X-Bittensor-Signature"))?;
        let signature = signature_hex(signature).ok_or(Malformed("X-Bittensor-Signature is not hex"))?;
        // Decoding an address is the dearest step, so it comes last.
        let sender = hotkey.parse();
        let sender = sender.map_err(|_| Malformed("X-Bittensor-Hotkey is not a prefix 42 ss58 address"))?;
        let receiver = receiver.map(str::parse).transpose();
        Ok(Self {
            scheme,
            sender,
            nonce,
            receiver: receiver.map_err(|_| BtauthError::WrongReceiver)?,
            signature,
        })
    }

    /// Whether the request is meant for `own`. `required`: one that names nobody is refused.
    pub fn check_receiver(&self, own: &AccountId, required: bool) -> Result<(), BtauthError> {
        match &self.receiver {
            Some(receiver) if receiver == own => Ok(()),
            None if !required => Ok(()),
            _ => Err(BtauthError::WrongReceiver),
        }
    }

    /// The text that the sender signed, if all is well. `target` is the request target as it came: path and query, with
    /// percent-encoding untouched.
    pub fn payload(&self, method: &str, target: &str, body: &[u8]) -> String {
        self.payload_of(method, target, &body_sha256(body))
    }

    fn payload_of(&self, method: &str, target: &str, body_sha256_hex: &str) -> String {
        payload(
            self.scheme,
            method,
            target,
            body_sha256_hex,
            self.nonce,
            &self.sender,
            self.receiver.as_ref(),
        )
    }

    /// Whether the sender signed this request: [`check_signature`](Self::check_signature) without the reason.
    pub fn verify(&self, method: &str, target: &str, body_sha256_hex: &str) -> bool {
        self.check_signature(method, target, body_sha256_hex).is_ok()
    }

    /// Verifies the signature under the declared scheme only. `body_sha256_hex` comes from [`body_sha256`] over the body
    /// as it was on the wire.
    ///
    /// Takes as long as one signature check, about 50 µs; never accepts weak keys or a `<Bytes>` wrapping.
    pub fn check_signature(&self, method: &str, target: &str, body_sha256_hex: &str) -> Result<(), BtauthError> {
        let signature = self
            .signature
            .ok_or(BtauthError::Malformed("X-Bittensor-Signature is not of 64 bytes"))?;
        // With a line break inside, the lines of the payload would have two readings.
        if [method, target].iter().any(|part| part.contains('\n')) {
            return Err(BtauthError::BadSignature);
        }
        let payload = self.payload_of(method, target, body_sha256_hex);
        let good = self.sender.verify_with(self.scheme, payload.as_bytes(), &signature);
        good.then_some(()).ok_or(BtauthError::BadSignature)
    }

    /// What has to hold for this request, to be checked with those of others. Nothing if it can only be checked alone:
    /// another scheme than sr25519, or a request that [`check_signature`](Self::check_signature) refuses at sight.
    pub fn claim(&self, method: &str, target: &str, body_sha256_hex: &str) -> Option<Claim> {
        let plain = self.scheme == Scheme::Sr25519 && ![method, target].iter().any(|part| part.contains('\n'));
        let signature = self.signature.filter(|_| plain)?;
        Some(Claim {
            account: self.sender,
            message: self.payload_of(method, target, body_sha256_hex).into_bytes(),
            signature,
        })
    }

    /// The claimed signature, unless it has another length than 64 bytes.
    pub fn signature(&self) -> Option<&[u8; 64]> {
        self.signature.as_ref()
    }
}

/// The hex SHA-256 of a raw body, as the payload holds it.
pub fn body_sha256(body: &[u8]) -> String {
    const_hex::encode(Sha256::digest(body))
}

/// Signs a request, giving its headers. `nonce`: nanoseconds since 1970, greater than any before.
///
/// Bind the receiver whenever it is known: a request without one can be passed on to anybody.
pub fn sign(
    signer: &Keypair,
    receiver: Option<&AccountId>,
    method: &str,
    target: &str,
    body: &[u8],
    nonce: u64,
) -> Vec<(&'static str, String)> {
    let (scheme, sender) = (signer.scheme(), signer.account_id());
    let payload = payload(scheme, method, target, &body_sha256(body), nonce, &sender, receiver);
    let mut headers = vec![
        (HEADER_VERSION, VERSION.to_owned()),
        (HEADER_HOTKEY, sender.to_string()),
        (HEADER_NONCE, nonce.to_string()),
        (
            HEADER_SIGNATURE,
            format!("0x{}", hex::encode(signer.sign(payload.as_bytes()))),
        ),
    ];
    if scheme != Scheme::Sr25519 {
        headers.push((HEADER_CRYPTO, scheme.to_string()));
    }
    headers.extend(receiver.map(|receiver| (HEADER_RECEIVER, receiver.to_string())));
    headers
}

fn payload(
    scheme: Scheme,
    method: &str,
    target: &str,
    body_sha256_hex: &str,
    nonce: u64,
    sender: &AccountId,
    receiver: Option<&AccountId>,
) -> String {
    let method = method.to_ascii_uppercase();
    let mut payload = format!("btauth/1\n{scheme}\n{method}\n{target}\n{body_sha256_hex}\n{nonce}\n{sender}\n");
    match receiver {
        Some(receiver) => payload.push_str(&receiver.to_string()),
        None => payload.push('-'),
    }
    payload
}

/// The values of [`HEADERS`], each at most once.
fn collect<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<[Option<&'a str>; HEADERS.len()], BtauthError> {
    let mut found = [None; HEADERS.len()];
    for (name, value) in headers {
        let Some(place) = HEADERS.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let value = printable(value).ok_or(BtauthError::Malformed("a header is not printable ASCII"))?;
        if found[place].replace(value).is_some() {
            return Err(BtauthError::Malformed("a header came more than once"));
        }
    }
    Ok(found)
}

/// Reads hex digits of either case, with or without `0x`: nothing when it is not hex, and an inner nothing when it is
/// hex of another length than 64 bytes.
fn signature_hex(text: &str) -> Option<Option<[u8; 64]>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut signature = [0; 64];
    if digits.len() == 128 {
        // A second `0x` in front leaves too few digits for the signature, so that is refused here too.
        let decoded = const_hex::decode_to_slice(digits, &mut signature);
        return decoded.ok().map(|()| Some(signature));
    }
    let is_hex =
        !digits.is_empty() && digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then_some(None)
}
