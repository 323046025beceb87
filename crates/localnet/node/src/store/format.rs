//! How the files of a data directory begin, and how records stand in them.
//!
//! A file: magic, then one record with the [`Identity`], then records. A record: length (u32, little-endian), checksum
//! (8 bytes), payload. The checksum finds tears, not malice.

use std::io::{self, Read};

use codec::{Decode, DecodeAll, Encode};
use sp_crypto_hashing::{blake2_256, twox_64};

use crate::types::{BlockNumber, Hash};

const FRAME: usize = 12;
/// A longer record is a damaged length, not a block; the largest block is 10 MiB.
const MAX_RECORD: usize = 64 << 20;

/// Which chain a file belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Identity {
    /// Hash of spec version and genesis hash: equal exactly if a chain can go on from the file.
    pub key: [u8; 32],
    /// For messages: version of the runtime that wrote the file.
    pub spec_version: u32,
    /// For messages: hash of block 0.
    pub genesis: Hash,
    /// For messages: block time, milliseconds, which is a part of the genesis.
    pub block_time_ms: u64,
}

impl Identity {
    /// Of the chain with these facts.
    pub fn new(spec_version: u32, genesis: Hash, block_time_ms: u64) -> Self {
        Self {
            key: blake2_256(&(spec_version, genesis).encode()),
            spec_version,
            genesis,
            block_time_ms,
        }
    }

    /// What keeps `self` from going on where `stored` ended; `None` if nothing does.
    pub fn difference(&self, stored: &Self) -> Option<String> {
        if self.key == stored.key {
            return None;
        }
        Some(if self.spec_version != stored.spec_version {
            format!(
                "made by runtime version {}, this is {}",
                stored.spec_version, self.spec_version
            )
        } else if self.block_time_ms != stored.block_time_ms {
            format!(
                "made with --block-time {}ms, this is {}ms",
                stored.block_time_ms, self.block_time_ms
            )
        } else {
            format!(
                "made with genesis {:?}, this program's is {:?}; were --genesis and --runtime the same?",
                stored.genesis, self.genesis
            )
        })
    }
}

/// What every file starts with.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Preamble {
    /// The chain.
    pub identity: Identity,
    /// The block that the file continues from, or is the state of.
    pub base: BlockNumber,
    /// Its hash.
    pub base_hash: Hash,
}

/// One record, framed.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAME + payload.len());
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&twox_64(payload));
    bytes.extend_from_slice(payload);
    bytes
}

/// The start of a file of the kind that `magic` tells.
pub fn preamble(magic: &[u8; 8], preamble: &Preamble) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&frame(&preamble.encode()));
    bytes
}

/// What a reader finds at a place where a record could start.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A whole record.
    Record(Vec<u8>),
    /// The file ends here.
    End,
    /// The file ends inside a record, or in bytes that were never written: what a killed writer leaves.
    Torn,
    /// A whole record whose checksum is wrong, with more behind it.
    Damaged(&'static str),
}

/// Reads records one after the other and knows where it is.
pub struct Records<R> {
    reader: R,
    position: u64,
}

impl<R: Read> Records<R> {
    /// Reads from `reader`, which stands at its start.
    pub fn new(reader: R) -> Self {
        Self { reader, position: 0 }
    }

    /// Bytes up to the end of the last whole record.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads magic and preamble; `None` if they are not there.
    pub fn preamble(&mut self, magic: &[u8; 8]) -> io::Result<Option<Preamble>> {
        let mut found = [0; 8];
        if read_full(&mut self.reader, &mut found)? < found.len() || found != *magic {
            return Ok(None);
        }
        self.position = found.len() as u64;
        match self.read_next()? {
            Next::Record(payload) => Ok(Preamble::decode_all(&mut &payload[..]).ok()),
            _ => Ok(None),
        }
    }

    /// The next record.
    pub fn read_next(&mut self) -> io::Result<Next> {
        let mut head = [0; FRAME];
        let found = read_full(&mut self.reader, &mut head)?;
        if found == 0 {
            return Ok(Next::End);
        }
        if found < FRAME {
            return Ok(Next::Torn);
        }
        let [l0, l1, l2, l3, sum @ ..] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length == 0 || length > MAX_RECORD {
            // A file system that lost power may leave zeros at the end of a file.
            let blank = head == [0; FRAME] && self.rest_is_zero()?;
            return Ok(if blank {
                Next::Torn
            } else {
                Next::Damaged("impossible record length")
            });
        }
        let mut payload = Vec::new();
        (&mut self.reader).take(length as u64).read_to_end(&mut payload)?;
        if payload.len() < length {
            return Ok(Next::Torn);
        }
        if twox_64(&payload) != sum {
            let last = read_full(&mut self.reader, &mut [0])? == 0;
            return Ok(if last {
                Next::Torn
            } else {
                Next::Damaged("wrong checksum")
            });
        }
        self.position += (FRAME + length) as u64;
        Ok(Next::Record(payload))
    }

    fn rest_is_zero(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 8192];
        loop {
            let found = read_full(&mut self.reader, &mut buffer)?;
            if buffer[..found].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            if found < buffer.len() {
                return Ok(true);
            }
        }
    }
}

/// Fills `buffer` as far as the reader lasts.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(bytes: &[u8]) -> (Vec<Vec<u8>>, Next, u64) {
        let mut reader = Records::new(bytes);
        let mut whole = Vec::new();
        loop {
            match reader.read_next().expect("reading from memory") {
                Next::Record(payload) => whole.push(payload),
                end => return (whole, end, reader.position()),
            }
        }
    }

    #[test]
    fn whole_records_are_read_back() {
        let bytes = [frame(b"one"), frame(b"two")].concat();
        let (whole, end, position) = records(&bytes);
        assert_eq!(whole, [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!((end, position), (Next::End, bytes.len() as u64));
    }

    #[test]
    fn a_tear_anywhere_in_the_last_record_loses_only_that_record() {
        let first = frame(b"the first");
        let bytes = [first.clone(), frame(b"the second")].concat();
        for cut in first.len() + 1..bytes.len() {
            let (whole, end, position) = records(&bytes[..cut]);
            assert_eq!(whole, [b"the first".to_vec()], "cut at {cut}");
            assert_eq!((end, position), (Next::Torn, first.len() as u64), "cut at {cut}");
        }
        for blank in [1, FRAME, 20_000] {
            let (_, end, position) = records(&[first.clone(), vec![0; blank]].concat());
            assert_eq!((end, position), (Next::Torn, first.len() as u64), "{blank} zeros");
        }
    }

    #[test]
    fn a_flipped_bit_in_the_middle_is_damage_not_a_tear() {
        let mut bytes = [frame(b"the first"), frame(b"the second")].concat();
        bytes[FRAME] ^= 1;
        assert_eq!(records(&bytes).1, Next::Damaged("wrong checksum"));
        bytes[3] = 0xff;
        assert_eq!(records(&bytes).1, Next::Damaged("impossible record length"));
    }

    #[test]
    fn the_difference_names_what_the_operator_can_change() {
        let ours = Identity::new(1, Hash::zero(), 250);
        assert_eq!(ours.difference(&ours), None);
        let slow = Identity::new(1, Hash::repeat_byte(1), 12_000);
        assert!(
            ours.difference(&slow)
                .is_some_and(|text| text.contains("--block-time 12000ms"))
        );
        let old = Identity::new(0, Hash::repeat_byte(1), 250);
        assert!(
            ours.difference(&old)
                .is_some_and(|text| text.contains("runtime version 0"))
        );
    }
}
