//! Where a dataset stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Everything that decides which records come next. Records in the shuffle buffers are named, not held: about five bytes each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The seed of all order.
    pub seed: u64,
    /// Random numbers drawn to choose among the sources.
    pub draws: u64,
    /// One entry per source, in the order they were configured.
    pub sources: Vec<SourcePosition>,
}

/// Where one source stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourcePosition {
    /// The source, as it is written in the settings without its weight.
    pub location: String,
    /// A number that changes with the names of its files; unset until it was read from.
    pub files: Option<u64>,
    /// The commit of the hub it is read at.
    pub commit: Option<String>,
    /// How often it was read to its end.
    pub epoch: u64,
    /// Files finished in this epoch.
    pub file: u32,
    /// Records passed in the file after them.
    pub record: u64,
    /// Random numbers drawn in this epoch.
    pub draws: u64,
    /// Records read in this epoch.
    pub read: u64,
    /// How many of them could be used.
    pub used: u64,
    /// What is in the shuffle buffer, slot by slot.
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    pub buffer: Vec<Address>,
}

/// A record: the how-many-th file of the epoch, and the record in it.
pub type Address = (u32, u64);

fn pack<S: Serializer>(buffer: &[Address], serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(buffer.len() * 4);
    for (file, record) in buffer {
        put(&mut bytes, u64::from(*file));
        put(&mut bytes, *record);
    }
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn unpack<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    use serde::de::Error;
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64.decode(text).map_err(D::Error::custom)?;
    let mut rest = bytes.as_slice();
    let mut buffer = Vec::new();
    while !rest.is_empty() {
        let file = take(&mut rest).and_then(|file| u32::try_from(file).ok());
        let record = take(&mut rest);
        buffer.push(
            file.zip(record)
                .ok_or_else(|| D::Error::custom("a damaged shuffle buffer"))?,
        );
    }
    Ok(buffer)
}

/// Seven bits per byte, the lowest first.
fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_small_and_read_back() {
        let buffer: Vec<Address> = (0..10_000)
            .map(|n| (n % 3, u64::from(n) * 11))
            .chain([(u32::MAX, u64::MAX)])
            .collect();
        let source = SourcePosition {
            location: "shipped".into(),
            files: Some(u64::MAX),
            buffer,
            ..SourcePosition::default()
        };
        let position = Position {
            seed: 7,
            draws: 3,
            sources: vec![source],
        };
        let text = serde_json::to_string(&position).unwrap();
        assert!(text.len() < 60_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), position);
    }

    #[test]
    fn damaged_buffers_are_errors() {
        let read = |buffer: &str| {
            let mut value = serde_json::to_value(SourcePosition::default()).unwrap();
            value["buffer"] = buffer.into();
            serde_json::from_value::<SourcePosition>(value)
        };
        assert_eq!(read("").unwrap().buffer, []);
        for damaged in ["!", "AA", "////////////////", "gA"] {
            assert!(read(damaged).is_err(), "{damaged}");
        }
    }
}
