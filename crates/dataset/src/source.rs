//! One source: its files in a drawn order, through a shuffle buffer, over and over.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::DatasetError;
use crate::config::{DatasetConfig, Location};
use crate::files::{Files, NotOpened, read_config};
use crate::format::{ReadConfig, Reader, Unit};
use crate::position::{Address, SourcePosition};

/// All shuffle buffers together hold no more than about this many bytes, however many records they may hold.
const BUFFER_BYTES: usize = 64 << 20;
/// After so many records without a usable one the settings must be wrong; reading on could fetch terabytes.
const PATIENCE: u64 = 200_000;

struct Slot {
    address: Address,
    text: String,
}

pub(crate) struct Source {
    location: Location,
    seed: u64,
    number: u64,
    read_config: ReadConfig,
    min_dots: usize,
    most_records: usize,
    most_bytes: usize,
    files: Files,
    epoch: u64,
    /// Indices of files in the order of this epoch; empty until the files were listed.
    order: Vec<u32>,
    /// Of the listed files.
    fingerprint: u64,
    rng: ChaCha8Rng,
    /// Files finished in this epoch.
    file: usize,
    /// Units passed in the file after them.
    record: u64,
    open: Option<Open>,
    buffer: Vec<Slot>,
    bytes: usize,
    /// What is to be brought back into the buffer before anything else is done.
    restore: Option<SourcePosition>,
    read: u64,
    used: u64,
    /// Records read in a row of which none could be used.
    useless: u64,
}

struct Open {
    reader: Box<dyn Reader>,
    bad: u64,
}

impl Source {
    pub(crate) fn new(
        location: &Location,
        config: &DatasetConfig,
        seed: u64,
        number: usize,
        sources: usize,
        position: Option<&SourcePosition>,
    ) -> Result<Self, DatasetError> {
        let commit = position.and_then(|position| position.commit.clone());
        let number = number as u64;
        Ok(Self {
            location: location.clone(),
            seed,
            number,
            read_config: read_config(location, &config.text_field, config.text_records),
            min_dots: config.min_dots,
            most_records: config.shuffle_buffer.max(1),
            most_bytes: BUFFER_BYTES / sources.max(1),
            files: Files::find(location, &config.hub, commit)?,
            epoch: 0,
            order: Vec::new(),
            fingerprint: 0,
            rng: stream(seed, number, 0),
            file: 0,
            record: 0,
            open: None,
            buffer: Vec::new(),
            bytes: 0,
            restore: position.filter(|position| position.files.is_some()).cloned(),
            read: 0,
            used: 0,
            useless: 0,
        })
    }

    /// The next text. After an error everything is as it was, or a whole pass further.
    pub(crate) fn next(&mut self) -> Result<String, DatasetError> {
        self.list()?;
        self.bring_back()?;
        loop {
            self.fill()?;
            if !self.buffer.is_empty() {
                let slot = self.buffer.swap_remove(self.rng.random_range(0..self.buffer.len()));
                self.bytes -= slot.text.len();
                return Ok(slot.text);
            }
            let (records, used) = (self.read, self.used);
            self.begin(self.epoch.wrapping_add(1));
            if used == 0 {
                return Err(self.empty(records));
            }
        }
    }

    /// Where this source stands.
    pub(crate) fn position(&self) -> SourcePosition {
        if let Some(waiting) = &self.restore {
            return waiting.clone();
        }
        SourcePosition {
            location: self.location.to_string(),
            files: (!self.order.is_empty()).then_some(self.fingerprint),
            commit: self.files.commit().map(str::to_owned),
            epoch: self.epoch,
            file: u32::try_from(self.file).unwrap_or(u32::MAX),
            record: self.record,
            draws: u64::try_from(self.rng.get_word_pos()).unwrap_or(u64::MAX),
            read: self.read,
            used: self.used,
            buffer: self.buffer.iter().map(|slot| slot.address).collect(),
        }
    }

    fn empty(&self, records: u64) -> DatasetError {
        DatasetError::Empty {
            source_name: self.location.to_string(),
            files: self.order.len(),
            records,
            min_dots: self.min_dots,
        }
    }

    /// Learns which files there are, once.
    fn list(&mut self) -> Result<(), DatasetError> {
        if self.order.is_empty() {
            self.files.count()?;
            self.fingerprint = self.files.fingerprint()?;
            self.begin(0);
        }
        Ok(())
    }

    fn begin(&mut self, epoch: u64) {
        // Listed before; a file list cannot have more entries than fit.
        let count = self.files.count().unwrap_or(0).min(u32::MAX as usize) as u32;
        self.epoch = epoch;
        self.rng = stream(self.seed, self.number, epoch);
        self.order = (0..count).collect();
        self.order.shuffle(&mut self.rng);
        (self.file, self.record, self.open) = (0, 0, None);
        (self.read, self.used) = (0, 0);
        self.buffer.clear();
        self.bytes = 0;
    }

    /// Takes up a saved position: the order of its epoch, and the records that were in the buffer.
    fn bring_back(&mut self) -> Result<(), DatasetError> {
        let Some(saved) = self.restore.take() else {
            return Ok(());
        };
        if saved.files != Some(self.fingerprint) {
            tracing::warn!(source = %self.location, "the files of this source are other ones than before; starting it over");
            self.begin(saved.epoch.wrapping_add(1));
            return Ok(());
        }
        self.begin(saved.epoch);
        self.rng.set_word_pos(u128::from(saved.draws));
        let texts = match self.read_addresses(&saved.buffer) {
            Ok(texts) => texts,
            Err(error) => {
                self.restore = Some(saved);
                return Err(error);
            }
        };
        let slots = saved.buffer.iter().zip(texts);
        self.buffer = slots
            .filter_map(|(address, text)| {
                Some(Slot {
                    address: *address,
                    text: text?,
                })
            })
            .collect();
        self.bytes = self.buffer.iter().map(|slot| slot.text.len()).sum();
        let lost = saved.buffer.len() - self.buffer.len();
        if lost > 0 {
            tracing::warn!(source = %self.location, lost, "records of the shuffle buffer cannot be read any more");
        }
        (self.file, self.record) = (saved.file as usize, saved.record);
        (self.read, self.used) = (saved.read, saved.used);
        Ok(())
    }

    /// The texts at some addresses, each file opened once.
    fn read_addresses(&mut self, addresses: &[Address]) -> Result<Vec<Option<String>>, DatasetError> {
        let mut wanted: BTreeMap<u32, Vec<(u64, usize)>> = BTreeMap::new();
        for (slot, (file, record)) in addresses.iter().enumerate() {
            wanted.entry(*file).or_default().push((*record, slot));
        }
        let mut texts = vec![None; addresses.len()];
        for (file, mut records) in wanted {
            records.sort_unstable();
            let mut reader = match self.open_file(file as usize) {
                Ok(reader) => reader,
                Err(NotOpened::Later(error)) => return Err(error),
                Err(NotOpened::Skip(_)) => continue,
            };
            let mut at = 0;
            for (record, slot) in records {
                let Some(between) = record.checked_sub(at) else {
                    continue;
                };
                if reader.skip(between).is_err() {
                    break;
                }
                let Ok(Some(unit)) = reader.next() else { break };
                at = record.saturating_add(1);
                texts[slot] = match unit {
                    Unit::Text(text) if self.is_usable(&text) => Some(text),
                    _ => None,
                };
            }
        }
        Ok(texts)
    }

    fn is_usable(&self, text: &str) -> bool {
        // Whatever the setting, there has to be a word before the last dot: a validator keeps what is before a dot, and
        // would ask about nothing.
        let kept = text.rsplit_once('.').map_or("", |(kept, _)| kept);
        text.matches('.').count() >= self.min_dots && kept.contains(char::is_alphanumeric)
    }

    fn fill(&mut self) -> Result<(), DatasetError> {
        while self.buffer.len() < self.most_records && self.bytes < self.most_bytes {
            let Some(slot) = self.next_record()? else { return Ok(()) };
            self.bytes += slot.text.len();
            self.buffer.push(slot);
        }
        Ok(())
    }

    /// The next usable record of this epoch.
    fn next_record(&mut self) -> Result<Option<Slot>, DatasetError> {
        loop {
            if self.file >= self.order.len() {
                return Ok(None);
            }
            let Some(open) = &mut self.open else {
                match self.open_at_record() {
                    Ok(open) => self.open = Some(open),
                    Err(NotOpened::Later(error)) => return Err(error),
                    Err(NotOpened::Skip(reason)) => self.skip_file(&reason),
                }
                continue;
            };
            let unit = match open.reader.next() {
                Ok(Some(unit)) => unit,
                Ok(None) => {
                    self.finish_file();
                    continue;
                }
                Err(error) => {
                    self.skip_file(&error.to_string());
                    continue;
                }
            };
            let address = (u32::try_from(self.file).unwrap_or(u32::MAX), self.record);
            self.record += 1;
            match unit {
                Unit::Blank => continue,
                Unit::Bad(reason) => self.note_bad(reason),
                Unit::Text(text) => {
                    self.read += 1;
                    if self.is_usable(&text) {
                        self.used += 1;
                        self.useless = 0;
                        return Ok(Some(Slot { address, text }));
                    }
                }
            }
            self.useless += 1;
            if self.useless >= PATIENCE {
                let records = std::mem::take(&mut self.useless);
                return Err(self.empty(records));
            }
        }
    }

    fn open_at_record(&mut self) -> Result<Open, NotOpened> {
        let mut reader = self.open_file(self.file)?;
        reader
            .skip(self.record)
            .map_err(|error| NotOpened::Skip(error.to_string()))?;
        Ok(Open { reader, bad: 0 })
    }

    fn open_file(&mut self, nth: usize) -> Result<Box<dyn Reader>, NotOpened> {
        let index = self.order.get(nth).copied().unwrap_or(u32::MAX);
        self.files.open(index as usize, &self.read_config)
    }

    fn file_name(&self) -> String {
        let index = self.order.get(self.file).copied().unwrap_or(u32::MAX);
        self.files.name(index as usize)
    }

    fn note_bad(&mut self, reason: &str) {
        metrics::counter!("validator_dataset_skipped_total").increment(1);
        let (file, record) = (self.file_name(), self.record);
        let first = self.open.as_mut().is_some_and(|open| {
            open.bad += 1;
            open.bad == 1
        });
        if first {
            tracing::warn!(
                file,
                record,
                "skipping a record that {reason}; further ones of this file are only counted"
            );
        }
    }

    fn finish_file(&mut self) {
        if let Some(open) = self.open.take().filter(|open| open.bad > 1) {
            tracing::warn!(
                file = self.file_name(),
                skipped = open.bad,
                "records of a dataset file were skipped"
            );
        }
        self.file += 1;
        self.record = 0;
    }

    fn skip_file(&mut self, reason: &str) {
        metrics::counter!("validator_dataset_skipped_total").increment(1);
        tracing::warn!(file = self.file_name(), "skipping the rest of a dataset file: {reason}");
        self.finish_file();
    }
}

/// The random numbers of one epoch of one source. Stream 0 belongs to the choice among sources.
fn stream(seed: u64, number: u64, epoch: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((number.wrapping_add(1) << 40).wrapping_add(epoch));
    rng
}
