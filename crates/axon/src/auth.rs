//! Which wires a route accepts.

/// How a caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthKind {
    /// The Synapse wire of SDK 10: signed are nonce, lane and the hash over chosen fields.
    V10,
    /// `btauth/1` of SDK 11: signed are method, target, every byte of the body, nonce and receiver.
    Btauth,
}

/// Which wires an axon or a route accepts, and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthPolicy {
    /// Accept the v10 Synapse wire. When not, its callers get 410.
    pub v10: bool,
    /// Accept `btauth/1`.
    pub btauth: bool,
    /// Sign answers to `btauth/1` callers with `twresp/1`. Callers on the v10 wire never get one.
    pub sign_responses: bool,
    /// Refuse `btauth/1` requests that name no receiver: such a request can be passed on to any other miner.
    pub require_receiver: bool,
}

impl AuthPolicy {
    /// Either wire, answers signed where they can be. The default.
    pub const BOTH: Self = Self {
        v10: true,
        btauth: true,
        sign_responses: true,
        require_receiver: true,
    };
    /// The v10 wire alone.
    pub const V10: Self = Self {
        btauth: false,
        ..Self::BOTH
    };
    /// `btauth/1` alone.
    pub const BTAUTH: Self = Self {
        v10: false,
        ..Self::BOTH
    };
}

impl Default for AuthPolicy {
    fn default() -> Self {
        Self::BOTH
    }
}
