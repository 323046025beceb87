//! `twresp/1`: answers signed by the miner, so that a validator can prove who said what to which question.
//!
//! The signature covers the nonce and sender of the request, the responder, the HTTP status and the raw body. It is an
//! addition of the Python kit to `btauth/1`; the v10 wire has no counterpart. Streams carry theirs at the end: [`sse`].

pub mod sse;

use axoneme_wallet::{AccountId, Keypair, Scheme};

use crate::btauth::body_sha256;
use crate::signing::parse_signature;
use crate::text::printable;

/// The version of the headers: the value of `X-TW-Resp-Version`.
pub const VERSION: &str = "1";

const HEADER_VERSION: &str = "X-TW-Resp-Version";
const HEADER_HOTKEY: &str = "X-TW-Resp-Hotkey";
const HEADER_CRYPTO: &str = "X-TW-Resp-Crypto";
const HEADER_SIGNATURE: &str = "X-TW-Resp-Signature";

const HEADERS: [&str; 4] = [HEADER_VERSION, HEADER_HOTKEY, HEADER_CRYPTO, HEADER_SIGNATURE];

/// What both ends know about the request that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// The nonce of the request.
    pub nonce: u64,
    /// Who asked.
    pub sender: &'a AccountId,
    /// Who was asked.
    pub responder: &'a AccountId,
}

/// Why an answer is not what its headers claim. A client treats the answer as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TwrespError {
    /// No signature headers at all, or one of them is missing.
    #[error("response is not signed")]
    Unsigned,
    /// A header came twice.
    #[error("duplicate {0} header")]
    Duplicate(&'static str),
    /// Another version of these headers.
    #[error("unsupported response signature version")]
    Version,
    /// Somebody else answered than was asked.
    #[error("response signed by another hotkey")]
    OtherHotkey,
    /// A scheme that is neither sr25519 nor ed25519.
    #[error("unsupported response signature scheme")]
    Scheme,
    /// The signature is not `0x` and 128 hex digits, or a header holds other than printable ASCII.
    #[error("malformed response signature")]
    Malformed,
    /// The signature does not fit the answer and its question.
    #[error("invalid response signature")]
    BadSignature,
}

/// Signs an answer, giving its headers. `signer` has to be the exchange's responder.
pub fn sign_response(
    signer: &Keypair,
    exchange: &Exchange<'_>,
    status: u16,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let mut headers = identity_headers(signer);
    let signature = sign_digest(signer, exchange, status, &body_sha256(body));
    headers.push((HEADER_SIGNATURE, signature));
    headers
}

/// Checks the headers of an answer against what was asked, whom, and what arrived.
pub fn verify_response<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    exchange: &Exchange<'_>,
    status: u16,
    body: &[u8],
) -> Result<(), TwrespError> {
    let found = Found::collect(headers)?;
    let scheme = found.identity(exchange)?;
    let signature = found.signature.ok_or(TwrespError::Unsigned)?;
    verify_digest(scheme, exchange, status, &body_sha256(body), signature)
}

/// Whether an answer carries any of these headers. Without them [`verify_response`] says
/// [`Unsigned`](TwrespError::Unsigned).
pub fn is_signed<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> bool {
    headers
        .into_iter()
        .any(|(name, _)| HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The headers that say who signs and how, without the signature.
fn identity_headers(signer: &Keypair) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        (HEADER_VERSION, VERSION.to_owned()),
        (HEADER_HOTKEY, signer.account_id().to_string()),
    ];
    if signer.scheme() != Scheme::Sr25519 {
        headers.push((HEADER_CRYPTO, signer.scheme().to_string()));
    }
    headers
}

fn payload(scheme: Scheme, exchange: &Exchange<'_>, status: u16, digest: &str) -> String {
    let Exchange {
        nonce,
        sender,
        responder,
    } = exchange;
    format!("twresp/1\n{scheme}\n{nonce}\n{sender}\n{responder}\n{status}\n{digest}")
}

fn sign_digest(signer: &Keypair, exchange: &Exchange<'_>, status: u16, digest: &str) -> String {
    let payload = payload(signer.scheme(), exchange, status, digest);
    const_hex::encode_prefixed(signer.sign(payload.as_bytes()))
}

fn verify_digest(
    scheme: Scheme,
    exchange: &Exchange<'_>,
    status: u16,
    digest: &str,
    signature: &str,
) -> Result<(), TwrespError> {
    let signature = parse_signature(signature).ok_or(TwrespError::Malformed)?;
    let payload = payload(scheme, exchange, status, digest);
    let good = exchange.responder.verify_with(scheme, payload.as_bytes(), &signature);
    good.then_some(()).ok_or(TwrespError::BadSignature)
}

/// The values of [`HEADERS`], each at most once.
#[derive(Default)]
struct Found<'a> {
    version: Option<&'a str>,
    hotkey: Option<&'a str>,
    crypto: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn collect(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, TwrespError> {
        let mut found = Self::default();
        for (name, value) in headers {
            let Some(known) = HEADERS.into_iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                continue;
            };
            let place = match known {
                HEADER_VERSION => &mut found.version,
                HEADER_HOTKEY => &mut found.hotkey,
                HEADER_CRYPTO => &mut found.crypto,
                _ => &mut found.signature,
            };
            let value = printable(value).ok_or(TwrespError::Malformed)?;
            if place.replace(value).is_some() {
                return Err(TwrespError::Duplicate(known));
            }
        }
        Ok(found)
    }

    /// Checks version and hotkey, and reads the scheme.
    fn identity(&self, exchange: &Exchange<'_>) -> Result<Scheme, TwrespError> {
        if self.version.ok_or(TwrespError::Unsigned)? != VERSION {
            return Err(TwrespError::Version);
        }
        let hotkey = self.hotkey.ok_or(TwrespError::Unsigned)?;
        if hotkey.parse::<AccountId>().ok().as_ref() != Some(exchange.responder) {
            return Err(TwrespError::OtherHotkey);
        }
        self.crypto
            .map_or(Ok(Scheme::Sr25519), str::parse)
            .map_err(|_| TwrespError::Scheme)
    }
}
