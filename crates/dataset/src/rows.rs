//! Parquet files, row group by row group.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::format::{MAX_RECORD, Reader, Unit};

/// Rows decoded at a time.
const BATCH: usize = 16;

/// The rows of one column; every row is a unit. In memory are a page, its dictionary and a few rows.
pub(crate) struct Rows {
    file: SerializedFileReader<File>,
    /// Index of the column among the leaves of the schema.
    column: usize,
    /// Definition level at which a value is there; below it the row is null.
    defined: i16,
    /// The row group to be opened next.
    group: usize,
    open: Option<ColumnReaderImpl<ByteArrayType>>,
    /// Decoded rows, the next one last.
    ready: Vec<Option<ByteArray>>,
}

impl Rows {
    pub(crate) fn open(file: File, field: &str) -> io::Result<Self> {
        guarded(|| {
            let file = SerializedFileReader::new(file)?;
            let schema = file.metadata().file_metadata().schema_descr();
            let column = (0..schema.num_columns())
                .find(|index| schema.column(*index).path().string() == field)
                .ok_or_else(|| ParquetError::General(format!("there is no column {field}")))?;
            let leaf = schema.column(column);
            if leaf.max_rep_level() != 0 || leaf.physical_type() != parquet::basic::Type::BYTE_ARRAY {
                return Err(ParquetError::General(format!("column {field} holds no text")));
            }
            let defined = leaf.max_def_level();
            Ok(Self {
                file,
                column,
                defined,
                group: 0,
                open: None,
                ready: Vec::new(),
            })
        })
    }

    fn groups(&self) -> usize {
        self.file.metadata().num_row_groups()
    }

    fn open_group(&mut self) -> Result<(), ParquetError> {
        let group = self.file.get_row_group(self.group)?;
        self.open = match group.get_column_reader(self.column)? {
            ColumnReader::ByteArrayColumnReader(reader) => Some(reader),
            _ => return Err(ParquetError::General("the column changed its type".into())),
        };
        self.group += 1;
        Ok(())
    }

    fn decode(&mut self) -> Result<(), ParquetError> {
        while self.ready.is_empty() {
            if self.open.is_none() {
                if self.group >= self.groups() {
                    return Ok(());
                }
                self.open_group()?;
            }
            let Some(reader) = &mut self.open else { return Ok(()) };
            let (mut values, mut levels) = (Vec::new(), Vec::new());
            let (rows, _, _) = reader.read_records(BATCH, Some(&mut levels), None, &mut values)?;
            if rows == 0 {
                self.open = None;
                continue;
            }
            let mut values = values.into_iter();
            // A column that must have a value has no levels.
            let row = |index: usize, values: &mut std::vec::IntoIter<ByteArray>| {
                let there = self.defined == 0 || levels.get(index).is_some_and(|level| *level == self.defined);
                if there { values.next() } else { None }
            };
            self.ready = (0..rows).map(|index| row(index, &mut values)).collect();
            self.ready.reverse();
        }
        Ok(())
    }

    fn pass(&mut self, mut count: u64) -> Result<(), ParquetError> {
        while count > 0 && self.ready.pop().is_some() {
            count -= 1;
        }
        while count > 0 {
            let Some(reader) = &mut self.open else {
                if self.group >= self.groups() {
                    return Ok(());
                }
                let rows = u64::try_from(self.file.metadata().row_group(self.group).num_rows()).unwrap_or(0);
                if rows <= count {
                    // Nothing of this group is needed: it is not even opened.
                    self.group += 1;
                    count -= rows;
                } else {
                    self.open_group()?;
                }
                continue;
            };
            let passed = reader.skip_records(usize::try_from(count).unwrap_or(usize::MAX))?;
            if passed == 0 {
                self.open = None;
            }
            count = count.saturating_sub(passed as u64);
        }
        Ok(())
    }
}

impl Reader for Rows {
    fn next(&mut self) -> io::Result<Option<Unit>> {
        if self.ready.is_empty() {
            guarded(|| self.decode())?;
        }
        Ok(self.ready.pop().map(|value| match value {
            None => Unit::Bad("is null"),
            Some(bytes) if bytes.len() > MAX_RECORD => Unit::Bad("is too long"),
            Some(bytes) => match bytes.as_utf8() {
                Ok(text) => Unit::Text(text.to_owned()),
                Err(_) => Unit::Bad("is not UTF-8"),
            },
        }))
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        guarded(|| self.pass(count))
    }
}

/// A damaged file must not do more than be skipped, also where the decoder does not foresee the damage and panics.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> io::Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(io::Error::other),
        Err(_) => Err(io::Error::other(
            "the Parquet file is damaged in a way that its decoder cannot handle",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{ReadConfig, open};
    use std::sync::Arc;

    /// Row groups of one optional text column and a number beside it.
    fn write(path: &std::path::Path, groups: &[&[Option<&str>]]) {
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        use parquet::schema::parser::parse_message_type;
        let schema = "message s { required int64 id; optional binary text (UTF8); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let compression = parquet::basic::Compression::SNAPPY;
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
        for rows in groups {
            let mut group = writer.next_row_group().unwrap();
            let mut ids = group.next_column().unwrap().unwrap();
            let numbers: Vec<i64> = (0..rows.len() as i64).collect();
            ids.typed::<parquet::data_type::Int64Type>()
                .write_batch(&numbers, None, None)
                .unwrap();
            ids.close().unwrap();
            let mut texts = group.next_column().unwrap().unwrap();
            let values: Vec<ByteArray> = rows.iter().flatten().map(|text| ByteArray::from(*text)).collect();
            let levels: Vec<i16> = rows.iter().map(|text| i16::from(text.is_some())).collect();
            texts
                .typed::<ByteArrayType>()
                .write_batch(&values, Some(&levels), None)
                .unwrap();
            texts.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
    }

    fn reader(path: &std::path::Path, field: &str) -> io::Result<Box<dyn Reader>> {
        let config = ReadConfig {
            text_field: field.into(),
            paragraphs: false,
        };
        open(path, "a.parquet", &config)
    }

    #[test]
    fn rows_are_read_group_by_group_and_skipped_as_they_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let texts: Vec<String> = (0..50).map(|n| format!("text {n}")).collect();
        let some: Vec<Option<&str>> = texts
            .iter()
            .map(|text| (text != "text 7").then_some(text.as_str()))
            .collect();
        write(&path, &[&some[..20], &[], &some[20..21], &some[21..]]);
        let mut units = Vec::new();
        let mut whole = reader(&path, "text").unwrap();
        while let Some(unit) = whole.next().unwrap() {
            units.push(unit);
        }
        assert_eq!(units.len(), 50);
        assert_eq!(units[7], Unit::Bad("is null"));
        assert_eq!(units[49], Unit::Text("text 49".into()));
        for skipped in 0..=51 {
            let mut part = reader(&path, "text").unwrap();
            part.skip(skipped).unwrap();
            let next = part.next().unwrap();
            assert_eq!(next.as_ref(), units.get(skipped as usize), "{skipped}");
        }
        // Also from the middle of what is decoded already.
        let mut part = reader(&path, "text").unwrap();
        part.next().unwrap();
        part.skip(30).unwrap();
        assert_eq!(part.next().unwrap(), Some(Unit::Text("text 31".into())));
    }

    #[test]
    fn a_column_that_is_missing_or_no_text_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path, &[&[Some("x")]]);
        for field in ["other", "id"] {
            assert!(reader(&path, field).is_err(), "{field}");
        }
    }

    #[test]
    fn damaged_files_end_in_errors_whatever_byte_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path, &[&[Some("one. two."), None, Some("three")], &[Some("four")]]);
        let whole = std::fs::read(&path).unwrap();
        let mut faults = 0;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x5A;
            std::fs::write(&path, &bytes).unwrap();
            let Ok(mut reader) = reader(&path, "text") else {
                faults += 1;
                continue;
            };
            // More units than there are rows would be an endless loop.
            let ended = (0..100_000)
                .map(|_| reader.next())
                .find(|unit| !matches!(unit, Ok(Some(_))));
            if ended.expect("reading ends").is_err() {
                faults += 1;
            }
        }
        assert!(faults > whole.len() / 4, "{faults} of {}", whole.len());
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(reader(&path, "text").is_err(), "{length}");
        }
    }
}
