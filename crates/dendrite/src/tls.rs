//! TLS keys that axons publish on chain, and when they are used.

/// Whether btauth traffic is encrypted. v10 traffic is plain HTTP, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TlsPolicy {
    /// Plain HTTP.
    #[default]
    Http,
    /// TLS only: btauth axons that published no usable key are not asked.
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
            value => TlsKey::read(value).map_or(Self::Unusable, Self::Key),
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

/// The fixed beginnings of the two keys in certificates (RFC 8410 and RFC 5480): algorithm, then the bit string's head.
const ED25519_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const P256_HEAD: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3,
    0x42, 0, 4,
];

impl TlsKey {
    /// Reads a key as the chain holds it; `None` for an unknown algorithm or a wrong length.
    pub fn read(value: &[u8]) -> Option<Self> {
        match value {
            [1, key @ ..] => Some(Self::Ed25519(key.try_into().ok()?)),
            [2, key @ ..] => Some(Self::P256(key.try_into().ok()?)),
            _ => None,
        }
    }

    /// The key as the chain holds it.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [&[1], key.as_slice()].concat(),
            Self::P256(key) => [&[2], key.as_slice()].concat(),
        }
    }

    /// The key as a certificate holds it: a DER SubjectPublicKeyInfo.
    pub fn to_spki(self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [ED25519_HEAD.as_slice(), &key].concat(),
            Self::P256(key) => [P256_HEAD.as_slice(), &key].concat(),
        }
    }
}

impl TlsPolicy {
    /// The key to pin, `None` for plain HTTP, or why this axon must not be asked.
    pub(crate) fn choose(self, published: PublishedTls) -> Result<Option<TlsKey>, &'static str> {
        match (self, published) {
            (Self::Http, _) | (Self::HttpsIfPublished, PublishedTls::Nothing) => Ok(None),
            (Self::Https, PublishedTls::Nothing) => Err("it published no TLS key"),
            (_, PublishedTls::Key(key)) => Ok(Some(key)),
            (_, PublishedTls::Unusable) => Err("the TLS key it published is unusable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_published_and_anything_else_is_unusable() {
        assert_eq!(PublishedTls::read(&[]), PublishedTls::Nothing);
        let ed25519 = [&[1], [7; 32].as_slice()].concat();
        let key = TlsKey::Ed25519([7; 32]);
        assert_eq!(PublishedTls::read(&ed25519), PublishedTls::Key(key));
        assert_eq!(key.to_bytes(), ed25519);
        let p256 = [&[2], [9; 64].as_slice()].concat();
        assert_eq!(PublishedTls::read(&p256), PublishedTls::Key(TlsKey::P256([9; 64])));
        for bad in [
            vec![1],
            vec![1; 32],
            vec![1; 34],
            vec![2; 33],
            vec![2; 66],
            vec![3; 33],
            vec![0; 65],
        ] {
            assert_eq!(PublishedTls::read(&bad), PublishedTls::Unusable, "{bad:?}");
        }
    }

    #[test]
    fn a_published_key_is_never_ignored_by_a_policy_that_uses_them() {
        let key = TlsKey::Ed25519([7; 32]);
        for policy in [TlsPolicy::Https, TlsPolicy::HttpsIfPublished] {
            assert_eq!(policy.choose(PublishedTls::Key(key)), Ok(Some(key)));
            assert!(policy.choose(PublishedTls::Unusable).is_err());
        }
        assert!(TlsPolicy::Https.choose(PublishedTls::Nothing).is_err());
        assert_eq!(TlsPolicy::HttpsIfPublished.choose(PublishedTls::Nothing), Ok(None));
        assert_eq!(TlsPolicy::Http.choose(PublishedTls::Key(key)), Ok(None));
    }
}
