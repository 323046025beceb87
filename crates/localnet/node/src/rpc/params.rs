//! What clients send: hex with or without `0x`, positional parameters that may be missing or null.

use jsonrpsee::{
    core::RpcResult,
    types::{ErrorObject, ErrorObjectOwned, Params, error::INVALID_PARAMS_CODE},
};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::types::Hash;

/// Bytes given as hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HexBytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text.strip_prefix("0x").unwrap_or(&text))
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// A hash given as hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HexHash(pub Hash);

impl<'de> Deserialize<'de> for HexHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = HexBytes::deserialize(deserializer)?.0;
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| D::Error::custom("a block hash has 32 bytes"))?;
        Ok(Self(bytes.into()))
    }
}

/// Reads positional parameters one by one.
pub struct Args<'a>(jsonrpsee::types::params::ParamsSequence<'a>);

impl<'a> Args<'a> {
    /// The parameters of a call.
    pub fn of(params: &'a Params<'_>) -> Self {
        Self(params.sequence())
    }

    /// The next one, which must be there.
    pub fn next<T: Deserialize<'a>>(&mut self) -> RpcResult<T> {
        self.0.next()
    }

    /// The next one; missing and null are the same.
    pub fn optional<T: Deserialize<'a>>(&mut self) -> RpcResult<Option<T>> {
        self.0.optional_next()
    }

    /// The block the call is about, if it names one.
    pub fn block(&mut self) -> RpcResult<Option<Hash>> {
        Ok(self.optional::<HexHash>()?.map(|hash| hash.0))
    }
}

/// Bytes as clients expect them.
pub fn hex_of(bytes: impl AsRef<[u8]>) -> String {
    const_hex::encode_prefixed(bytes)
}

/// A parameter makes no sense.
pub fn invalid(detail: impl std::fmt::Display) -> ErrorObjectOwned {
    ErrorObject::owned(INVALID_PARAMS_CODE, "Invalid params", Some(detail.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_with_and_without_its_prefix() {
        let read = |text: &str| serde_json::from_str::<HexBytes>(text).map(|bytes| bytes.0).ok();
        assert_eq!(read(r#""0x0102""#), Some(vec![1, 2]));
        assert_eq!(read(r#""0102""#), Some(vec![1, 2]));
        assert_eq!(read(r#""""#), Some(vec![]));
        assert_eq!(read(r#""0x1""#), None);
        assert!(serde_json::from_str::<HexHash>(r#""0x01""#).is_err());
    }

    #[test]
    fn trailing_parameters_may_be_missing_or_null() {
        for text in ["[1]", "[1,null]"] {
            let params = Params::new(Some(text));
            let mut args = Args::of(&params);
            assert_eq!(args.next::<u8>().ok(), Some(1));
            assert_eq!(args.block().ok(), Some(None));
        }
        let none = Params::new(None);
        assert_eq!(Args::of(&none).block().ok(), Some(None));
    }
}
