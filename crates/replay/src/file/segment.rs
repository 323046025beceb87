//! One file of used nonces: a header, then records of one size, each with its checksum.
//!
//! Fixed sizes make damage local: a record that was torn or overwritten is skipped and the next one still found.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const MAGIC: [u8; 8] = *b"axnonce1";
pub(super) const HEADER_BYTES: usize = 64;
pub(super) const RECORD_BYTES: usize = 28;

/// In place of a second: the store was closed in order after everything before this record.
const CLOSED: u64 = u64::MAX;

/// How a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Which run of the machine wrote it: what was written survives the process, but maybe not the machine.
    pub(super) boot: [u8; 16],
    /// Secret under which the keys were made.
    pub(super) secret: [u8; 16],
    /// When it was begun, nanoseconds since 1970.
    pub(super) begun: u64,
    /// Nonces up to this one are refused: they are in segments that are gone.
    pub(super) floor: u64,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(&self.boot);
        bytes[24..40].copy_from_slice(&self.secret);
        bytes[40..48].copy_from_slice(&self.begun.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.floor.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let sum = u32::from_le_bytes(part(bytes, 60));
        if bytes[..8] != MAGIC || sum != crc32fast::hash(&bytes[..60]) {
            return None;
        }
        Some(Self {
            boot: part(bytes, 8),
            secret: part(bytes, 24),
            begun: u64::from_le_bytes(part(bytes, 40)),
            floor: u64::from_le_bytes(part(bytes, 48)),
        })
    }
}

/// One used nonce: the second it names and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) second: u64,
    pub(super) key: u128,
}

impl Record {
    /// The last record of a store that was closed in order.
    pub(super) const CLOSING: Self = Self { second: CLOSED, key: 0 };

    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        let begin = to.len();
        to.extend_from_slice(&self.second.to_le_bytes());
        to.extend_from_slice(&self.key.to_le_bytes());
        let sum = crc32fast::hash(&to[begin..]);
        to.extend_from_slice(&sum.to_le_bytes());
    }

    fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let sum = u32::from_le_bytes(part(bytes, 24));
        (sum == crc32fast::hash(&bytes[..24])).then(|| Self {
            second: u64::from_le_bytes(part(bytes, 0)),
            key: u128::from_le_bytes(part(bytes, 8)),
        })
    }
}

/// `N` bytes from `at`; the callers' arrays are long enough.
fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

/// What a segment on disk holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) header: Header,
    pub(super) records: Vec<Record>,
    /// Closed in order, nothing after.
    pub(super) closed: bool,
    /// Damaged records with good ones behind them: something happened that a killed process does not explain.
    pub(super) damaged: usize,
    /// Bytes of an unfinished write at the end. Nobody was told that it succeeded.
    pub(super) torn: usize,
}

/// Reads a segment; nothing when even the header is no good.
pub(super) fn read(path: &Path) -> io::Result<Option<Contents>> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut header = [0; HEADER_BYTES];
    if fill(&mut file, &mut header)? < HEADER_BYTES {
        return Ok(None);
    }
    let Some(header) = Header::decode(&header) else {
        return Ok(None);
    };
    let mut contents = Contents {
        header,
        records: Vec::new(),
        closed: false,
        damaged: 0,
        torn: 0,
    };
    let mut bad = 0;
    let mut bytes = [0; RECORD_BYTES];
    loop {
        let got = fill(&mut file, &mut bytes)?;
        if got < RECORD_BYTES {
            contents.torn = bad * RECORD_BYTES + got;
            return Ok(Some(contents));
        }
        match Record::decode(&bytes) {
            Some(record) => {
                contents.damaged += std::mem::take(&mut bad);
                contents.closed = record == Record::CLOSING;
                if record.second != CLOSED {
                    contents.records.push(record);
                }
            }
            None => {
                bad += 1;
                contents.closed = false;
            }
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        boot: [1; 16],
        secret: [2; 16],
        begun: 3,
        floor: 4,
    };

    fn record(n: u64) -> Record {
        Record {
            second: n,
            key: u128::from(n) << 70,
        }
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let mut bytes = HEADER.encode().to_vec();
        records.iter().for_each(|record| record.encode(&mut bytes));
        bytes
    }

    fn read_back(bytes: &[u8]) -> Option<Contents> {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("segment");
        std::fs::write(&path, bytes).expect("written");
        read(&path).expect("readable")
    }

    #[test]
    fn what_was_written_is_read() {
        let records = [record(1), record(2), Record::CLOSING];
        let contents = read_back(&written(&records)).expect("header");
        assert_eq!(contents.header, HEADER);
        assert_eq!(contents.records, [record(1), record(2)]);
        assert!(contents.closed);
        assert_eq!((contents.damaged, contents.torn), (0, 0));
    }

    #[test]
    fn a_file_cut_anywhere_keeps_every_whole_record_before_the_cut() {
        let whole = written(&[record(1), record(2), record(3)]);
        for cut in 0..whole.len() {
            let contents = read_back(&whole[..cut]);
            let Some(records) = cut.checked_sub(HEADER_BYTES).map(|bytes| bytes / RECORD_BYTES) else {
                assert!(contents.is_none(), "cut at {cut}");
                continue;
            };
            let contents = contents.expect("header");
            assert_eq!(contents.records.len(), records, "cut at {cut}");
            assert_eq!(contents.damaged, 0);
            assert!(!contents.closed);
        }
    }

    #[test]
    fn damage_in_the_middle_is_told_from_an_unfinished_end() {
        let mut bytes = written(&[record(1), record(2), record(3)]);
        bytes[HEADER_BYTES + RECORD_BYTES + 5] ^= 1;
        let contents = read_back(&bytes).expect("header");
        assert_eq!(contents.records, [record(1), record(3)]);
        assert_eq!((contents.damaged, contents.torn), (1, 0));
        // A file system may leave zeros where data never arrived.
        let mut bytes = written(&[record(1), Record::CLOSING]);
        bytes.extend([0; 2 * RECORD_BYTES]);
        let contents = read_back(&bytes).expect("header");
        assert_eq!((contents.damaged, contents.torn), (0, 2 * RECORD_BYTES));
        assert!(!contents.closed);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

        #[test]
        fn whatever_happens_to_a_file_untouched_records_are_found_and_no_others(
            count in 0_u64..40,
            hits in proptest::collection::vec((0_usize..2000, 1_u8..), 0..6),
            tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60),
        ) {
            let records: Vec<_> = (0..count).map(record).collect();
            let mut bytes = written(&records);
            let whole = bytes.clone();
            for (at, change) in hits {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= change;
                }
            }
            let header_holds = bytes[..HEADER_BYTES] == whole[..HEADER_BYTES];
            let untouched = |n: &u64| {
                let at = HEADER_BYTES + usize::try_from(*n).expect("small") * RECORD_BYTES;
                bytes[at..at + RECORD_BYTES] == whole[at..at + RECORD_BYTES]
            };
            let expected: Vec<_> = (0..count).filter(untouched).map(record).collect();
            bytes.extend(tail);
            match read_back(&bytes) {
                Some(contents) => proptest::prop_assert_eq!(contents.records, expected),
                None => proptest::prop_assert!(!header_holds),
            }
        }
    }

    #[test]
    fn a_damaged_header_makes_the_file_unreadable_and_nothing_else() {
        let mut bytes = written(&[record(1)]);
        bytes[50] ^= 1;
        assert!(read_back(&bytes).is_none());
        assert!(read_back(b"").is_none());
        assert!(read_back(&[0; 4096]).is_none());
    }
}
