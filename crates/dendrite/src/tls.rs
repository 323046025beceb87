//! TLS keys that axons publish on chain, and when they are used.

/// Whether btauth traffic is encrypted. v10 traffic is plain HTTP, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TlsPolicy {
    /// Plain HTTP.
    #[default]
    Http,
    /// TLS only: axons that published no usable key are not asked.
    Https,
    /// TLS for axons that published a key, plain HTTP for the others. An axon whose published key is of no use is not
    /// asked.
    HttpsIfPublished,
}

/// What an axon published about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PublishedTls {
    /// Nothing.
    #[default]
    Nothing,
    /// The public key of its certificate.
    Key(TlsKey),
    /// Something that is no key: connecting without TLS would be what an attacker wants.
    Unusable,
}

impl PublishedTls {
    /// Reads the chain's value: a byte for the algorithm, then the key. Empty is nothing.
    pub fn read(value: &[u8]) -> Self {
        match value {
            [] => Self::Nothing,
            [1, key @ ..] => key
                .try_into()
                .map_or(Self::Unusable, |key| Self::Key(TlsKey::Ed25519(key))),
            [2, key @ ..] => key
                .try_into()
                .map_or(Self::Unusable, |key| Self::Key(TlsKey::P256(key))),
            _ => Self::Unusable,
        }
    }
}

/// The public key of an axon's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsKey {
    /// An Ed25519 key.
    Ed25519([u8; 32]),
    /// A point of P-256, as X and Y.
    P256([u8; 64]),
}
