//! Who claims to ask, on either wire.

use std::time::Duration;

use axoneme_protocol::btauth::{BtauthHead, LANE};
use axoneme_protocol::{NonceError, SignedHead};
use axoneme_wallet::AccountId;
use http::{HeaderMap, HeaderName};

use crate::auth::AuthKind;
use crate::refusal::Refusal;

const V10_HOTKEY: HeaderName = HeaderName::from_static("bt_header_dendrite_hotkey");
const V10_SIGNATURE: HeaderName = HeaderName::from_static("bt_header_dendrite_signature");
const BTAUTH_HOTKEY: HeaderName = HeaderName::from_static("x-bittensor-hotkey");
const BTAUTH_SIGNATURE: HeaderName = HeaderName::from_static("x-bittensor-signature");

/// The signed part of a request. Which wire it came on matters to the checks and to the answer, not to the handler.
pub(crate) enum Head {
    V10(SignedHead),
    Btauth(BtauthHead),
}

impl Head {
    pub(crate) fn kind(&self) -> AuthKind {
        match self {
            Self::V10(_) => AuthKind::V10,
            Self::Btauth(_) => AuthKind::Btauth,
        }
    }

    pub(crate) fn hotkey(&self) -> &AccountId {
        match self {
            Self::V10(head) => &head.hotkey,
            Self::Btauth(head) => &head.sender,
        }
    }

    pub(crate) fn nonce(&self) -> u64 {
        match self {
            Self::V10(head) => head.nonce,
            Self::Btauth(head) => head.nonce,
        }
    }

    /// What separates the nonces of one hotkey from each other in the replay store.
    pub(crate) fn lane(&self) -> &str {
        match self {
            Self::V10(head) => &head.uuid,
            Self::Btauth(_) => LANE,
        }
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self {
            Self::V10(head) => head.timeout,
            Self::Btauth(_) => None,
        }
    }

    /// What the replay store said, in the words of this wire.
    pub(crate) fn nonce_refused(&self, error: NonceError) -> Refusal {
        match self {
            Self::V10(_) => Refusal::Nonce(error),
            Self::Btauth(_) => Refusal::Btauth(error.into()),
        }
    }
}

/// A hotkey as text, as it stands in a header: every address of this network has 48 characters.
pub(crate) type HotkeyText = [u8; 48];

/// The hotkey that a request claims, not decoded and not verified.
pub(crate) fn claimed_hotkey(headers: &HeaderMap) -> Option<HotkeyText> {
    let name = if speaks_btauth(headers) {
        BTAUTH_HOTKEY
    } else {
        V10_HOTKEY
    };
    headers.get(name)?.as_bytes().try_into().ok()
}

/// Whether a request is to be read as `btauth/1`: that wire wins where a request carries both.
pub(crate) fn speaks_btauth(headers: &HeaderMap) -> bool {
    headers.contains_key(BTAUTH_SIGNATURE)
}

/// Whether a request carries a signature of the v10 wire.
pub(crate) fn speaks_v10(headers: &HeaderMap) -> bool {
    headers.contains_key(V10_SIGNATURE)
}
