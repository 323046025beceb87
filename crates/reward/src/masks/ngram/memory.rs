//! The counts of the n-gram filter as bytes.

use indexmap::IndexMap;

use super::NgramCounter;
use super::counter::{Entry, Significant};
use crate::error::ModelFault;
use crate::memory::{MemoryError, Reader, Writer};

/// A text whose word pieces tell one tokenizer from another.
const SAMPLE: &str = "unbelievably, seventeen tokenizers disagreed about zoölogy in 2049";

/// What one step showed.
pub(super) fn delta(shown: &[Vec<u32>]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u64(shown.len() as u64);
    shown.iter().for_each(|ids| writer.ids(ids));
    writer.done()
}

/// The other way.
pub(super) fn read_delta(bytes: &[u8]) -> Result<Vec<Vec<u32>>, MemoryError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count()?;
    let shown = (0..count).map(|_| reader.ids()).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(shown)
}

/// Everything counted, in order of first sight, and the table in use.
pub(super) fn write(counter: &NgramCounter) -> Result<Vec<u8>, ModelFault> {
    let mut writer = Writer::default();
    writer.ids(&counter.tokenizer.ids(SAMPLE)?);
    for number in [counter.config.n_min as u64, counter.config.n_max as u64] {
        writer.u64(number);
    }
    counter.totals().iter().for_each(|number| writer.u64(*number));
    writer.u64(counter.table.len() as u64);
    for (ids, entry) in &counter.table {
        writer.ids(ids);
        writer.u64(entry.frequency);
        writer.u64(entry.error);
    }
    writer.u64(counter.significant.len() as u64);
    for phrase in &counter.significant {
        writer.text(&phrase.text);
        writer.f64(phrase.score);
    }
    Ok(writer.done())
}

/// A counter with the settings of `like` and the counts in `bytes`.
pub(super) fn read(bytes: &[u8], like: &NgramCounter) -> Result<NgramCounter, MemoryError> {
    let foreign = MemoryError::Foreign("another tokenizer");
    let mut reader = Reader::new(bytes);
    if like.tokenizer.ids(SAMPLE).map_err(|_| foreign.clone())? != reader.ids()? {
        return Err(foreign);
    }
    if [reader.u64()?, reader.u64()?] != [like.config.n_min as u64, like.config.n_max as u64] {
        return Err(MemoryError::Foreign(
            "other values of blacklist.n_min and blacklist.n_max",
        ));
    }
    let mut counter = like.clone();
    counter.completions = reader.u64()?;
    counter.ngrams = reader.u64()?;
    counter.current = reader.u64()?.max(1);
    counter.last_update = reader.u64()?;
    counter.table = IndexMap::new();
    for _ in 0..reader.count()? {
        let ids = reader.ids()?;
        let entry = Entry {
            frequency: reader.u64()?,
            error: reader.u64()?,
        };
        counter.table.insert(ids.into(), entry);
    }
    counter.significant = Vec::new();
    for _ in 0..reader.count()? {
        let length = reader.count()?;
        let text =
            std::str::from_utf8(reader.take(length)?).map_err(|_| MemoryError::Damaged("a text is not UTF-8"))?;
        let (text, score) = (text.to_owned(), reader.f64()?);
        counter.significant.push(Significant { text, score });
    }
    reader.end()?;
    Ok(counter)
}
