//! The log's framing: that of LevelDB's logs behind a short head, with a checksum of its own kind.
//!
//! A file is a row of blocks. A record is one frame, or several that fill blocks to their ends; where a block has no room for
//! a frame's head, the rest of it is zeros. A frame is checksum, length and kind in front of its bytes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use prost::Message;

use super::messages::Record;

const BLOCK: usize = 32 * 1024;
const HEAD: usize = 7;
/// What a file begins with: its mark, a magic number and a version.
const BEGINNING: [u8; HEAD] = *b":W&B\xE1\xBE\x00";

const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// A log that is being written.
pub(super) struct Frames {
    file: File,
    /// Bytes written to the block that is not full.
    used: usize,
}

impl Frames {
    /// Makes a log; there must be none of that name.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut file = File::create_new(path)?;
        file.write_all(&BEGINNING)?;
        Ok(Self { file, used: HEAD })
    }

    /// Appends a record, in one piece: a killed process leaves it whole or torn at the end of the file.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut out = Vec::new();
        frame(&record.encode_to_vec(), &mut self.used, &mut out);
        self.file.write_all(&out)
    }
}

fn frame(mut data: &[u8], used: &mut usize, out: &mut Vec<u8>) {
    let mut begun = false;
    loop {
        if BLOCK - *used < HEAD {
            out.resize(out.len() + BLOCK - *used, 0);
            *used = 0;
        }
        let room = BLOCK - *used - HEAD;
        let (now, later) = data.split_at(room.min(data.len()));
        let kind = match (begun, later.is_empty()) {
            (false, true) => WHOLE,
            (false, false) => FIRST,
            (true, false) => MIDDLE,
            (true, true) => LAST,
        };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&[kind]);
        checksum.update(now);
        out.extend(checksum.finalize().to_le_bytes());
        // A frame is never longer than a block.
        out.extend((now.len() as u16).to_le_bytes());
        out.push(kind);
        out.extend(now);
        *used = (*used + HEAD + now.len()) % BLOCK;
        (data, begun) = (later, true);
        if data.is_empty() {
            return;
        }
    }
}

/// All records of a log.
#[cfg(test)]
pub(super) fn read_all(bytes: &[u8]) -> Vec<Record> {
    assert_eq!(bytes[..HEAD], BEGINNING);
    let (mut at, mut records, mut data) = (HEAD, Vec::new(), Vec::new());
    while at < bytes.len() {
        if BLOCK - at % BLOCK < HEAD {
            at += BLOCK - at % BLOCK;
            continue;
        }
        let checksum = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let length = usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
        let kind = bytes[at + 6];
        let end = at + HEAD + length;
        assert_eq!(crc32fast::hash(&bytes[at + 6..end]), checksum);
        assert!(at / BLOCK == (end - 1) / BLOCK, "a frame stays in its block");
        assert_eq!(data.is_empty(), kind == WHOLE || kind == FIRST);
        data.extend_from_slice(&bytes[at + HEAD..end]);
        if kind == WHOLE || kind == LAST {
            records.push(Record::decode(&*data).unwrap());
            data.clear();
        }
        at = end;
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wandb::messages::{Item, Kind, Summary};

    #[test]
    fn records_of_every_length_survive_the_edges_of_blocks() {
        let record = |length: usize| Record {
            num: length as i64,
            kind: Some(Kind::Summary(Summary {
                update: vec![Item::top("k", "x".repeat(length))],
            })),
            info: None,
        };
        let (mut out, mut used) = (BEGINNING.to_vec(), HEAD);
        let mut lengths: Vec<usize> = (0..40).collect();
        // Around one and two blocks, so that ends fall before, on and behind every byte of a head.
        lengths.extend(32_700..32_800);
        lengths.extend([65_480, 65_520, 100_000, 0, 1]);
        for length in &lengths {
            frame(&record(*length).encode_to_vec(), &mut used, &mut out);
        }
        let read = read_all(&out);
        assert_eq!(read.len(), lengths.len());
        for (read, length) in read.iter().zip(lengths) {
            assert_eq!(*read, record(length));
        }
    }
}
