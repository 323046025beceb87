//! Events as Parquet: one row per prompt run, lists as lists.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use crate::{Columns, Record, StepEvent, TrackingError};

/// Prompt runs per row group: some ten megabytes of answers.
const ROWS: usize = 128;

/// Columns that every table has, in the order of [`write_group`].
const FIXED: &str = "
    required binary name (UTF8);
    optional binary task_type (UTF8);
    required int64 block;
    required double step_length;
    required binary prompt (UTF8);
    required binary best (UTF8);
    optional double gating_loss;
    optional double time;
    required binary header (UTF8);
    required binary extra (UTF8);
";

/// A row: a prompt run, and the header it stands under as JSON.
struct Row {
    event: StepEvent,
    header: Arc<str>,
}

/// Writes the prompt runs of some records to a Parquet file, which appears under its name once it is whole. Lines that are no
/// prompt runs are left out. Returns how many rows there are.
///
/// Numbers are doubles, and NaN where a function failed. The column `header` has the settings of the run, `extra` the fields
/// that have no column of their own, both as JSON.
///
/// # Errors
/// [`TrackingError::Io`] and [`TrackingError::Parquet`] where reading or writing fails.
pub fn write_parquet(
    records: impl IntoIterator<Item = Result<Record, TrackingError>>,
    path: &Path,
) -> Result<u64, TrackingError> {
    let io = || TrackingError::io("write", path);
    let wrong = |source| TrackingError::Parquet {
        path: path.to_owned(),
        source,
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new()
        .prefix(".events-")
        .tempfile_in(folder)
        .map_err(io())?;
    let file = unfinished.reopen().map_err(io())?;
    let mut writer = open(file).map_err(wrong)?;
    let mut header: Arc<str> = "{}".into();
    let (mut rows, mut count) = (Vec::new(), 0);
    for record in records {
        match record? {
            Record::Header(fields) => header = Value::Object(fields).to_string().into(),
            Record::Event(fields) => {
                let Ok(event) = StepEvent::from_fields(fields) else {
                    continue;
                };
                rows.push(Row {
                    event,
                    header: header.clone(),
                });
                count += 1;
                if rows.len() >= ROWS {
                    write_group(&mut writer, &rows).map_err(wrong)?;
                    rows.clear();
                }
            }
        }
    }
    if !rows.is_empty() {
        write_group(&mut writer, &rows).map_err(wrong)?;
    }
    writer.close().map_err(wrong)?;
    unfinished.persist(path).map_err(|error| error.error).map_err(io())?;
    Ok(count)
}

fn open(file: File) -> Result<SerializedFileWriter<File>, ParquetError> {
    let list = |name: &str, element: &str| {
        format!("optional group {name} (LIST) {{ repeated group list {{ optional {element}; }} }}\n")
    };
    let (text, number, whole) = ("binary element (UTF8)", "double element", "int64 element");
    let mut schema = format!("message events {{ {FIXED}");
    schema += &list("uids", whole);
    for name in TEXTS {
        schema += &list(name, text);
    }
    for name in NUMBERS {
        schema += &list(name, number);
    }
    let nothing = Columns::default();
    for (name, _) in nothing.numbers() {
        schema += &list(name, number);
    }
    for (name, _) in nothing.texts() {
        schema += &list(name, text);
    }
    schema.push('}');
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    SerializedFileWriter::new(file, Arc::new(parse_message_type(&schema)?), Arc::new(properties))
}

const TEXTS: [&str; 4] = [
    "hotkeys",
    "completions",
    "completion_status_codes",
    "completion_status_messages",
];
const NUMBERS: [&str; 2] = ["completion_times", "rewards"];

fn write_group(writer: &mut SerializedFileWriter<File>, rows: &[Row]) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let g = &mut group;
    texts(g, rows.iter().map(|row| Some(row.event.name.as_str())))?;
    optional_texts(g, rows.iter().map(|row| row.event.task_type.as_deref()))?;
    let blocks: Vec<i64> = rows
        .iter()
        .map(|row| i64::try_from(row.event.block).unwrap_or(i64::MAX))
        .collect();
    column::<Int64Type>(g, &blocks, None, None)?;
    let lengths: Vec<f64> = rows.iter().map(|row| row.event.step_length).collect();
    column::<DoubleType>(g, &lengths, None, None)?;
    texts(g, rows.iter().map(|row| Some(row.event.prompt.as_str())))?;
    texts(g, rows.iter().map(|row| Some(row.event.best.as_str())))?;
    optional_numbers(g, rows.iter().map(|row| row.event.gating_loss))?;
    optional_numbers(g, rows.iter().map(|row| row.event.time))?;
    texts(g, rows.iter().map(|row| Some(&*row.header)))?;
    let extras: Vec<String> = rows
        .iter()
        .map(|row| Value::Object(row.event.extra.clone()).to_string())
        .collect();
    texts(g, extras.iter().map(|extra| Some(extra.as_str())))?;

    let uids = |row: &Row| Some(row.event.uids.iter().map(|uid| Some(i64::from(*uid))).collect());
    Lists::of(rows.iter().map(uid_list(uids))).write::<Int64Type>(g)?;
    let text_lists: [fn(&StepEvent) -> &[String]; 4] = [
        |event| &event.hotkeys,
        |event| &event.completions,
        |event| &event.completion_status_codes,
        |event| &event.completion_status_messages,
    ];
    for list in text_lists {
        let cells = rows
            .iter()
            .map(|row| Some(list(&row.event).iter().map(|text| Some(bytes(text))).collect()));
        Lists::of(cells).write::<ByteArrayType>(g)?;
    }
    type Numbers = fn(&StepEvent) -> Option<&[f64]>;
    let number_lists: [Numbers; 2] = [|event| Some(&event.completion_times), |event| event.rewards.as_deref()];
    for list in number_lists {
        let cells = rows
            .iter()
            .map(|row| list(&row.event).map(|numbers| numbers.iter().copied().map(Some).collect()));
        Lists::of(cells).write::<DoubleType>(g)?;
    }
    let nothing = Columns::default();
    let columns: Vec<&Columns> = rows
        .iter()
        .map(|row| row.event.columns.as_ref().unwrap_or(&nothing))
        .collect();
    for index in 0..nothing.numbers().len() {
        let cells = columns
            .iter()
            .map(|columns| columns.numbers()[index].1.map(<[_]>::to_vec));
        Lists::of(cells).write::<DoubleType>(g)?;
    }
    for index in 0..nothing.texts().len() {
        let list = |cells: &[Option<String>]| cells.iter().map(|cell| cell.as_deref().map(bytes)).collect();
        let cells = columns.iter().map(|columns| columns.texts()[index].1.map(list));
        Lists::of(cells).write::<ByteArrayType>(g)?;
    }
    group.close()?;
    Ok(())
}

/// Helps the compiler to the type of a closure.
fn uid_list<F: Fn(&Row) -> Option<Vec<Option<i64>>>>(list: F) -> F {
    list
}

fn bytes(text: &str) -> ByteArray {
    ByteArray::from(text)
}

type Group<'a> = SerializedRowGroupWriter<'a, File>;

fn texts<'a>(group: &mut Group<'_>, texts: impl Iterator<Item = Option<&'a str>>) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = texts.flatten().map(bytes).collect();
    column::<ByteArrayType>(group, &values, None, None)
}

fn optional_texts<'a>(group: &mut Group<'_>, texts: impl Iterator<Item = Option<&'a str>>) -> Result<(), ParquetError> {
    let texts: Vec<Option<&str>> = texts.collect();
    let there: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
    let values: Vec<ByteArray> = texts.into_iter().flatten().map(bytes).collect();
    column::<ByteArrayType>(group, &values, Some(&there), None)
}

fn optional_numbers(group: &mut Group<'_>, numbers: impl Iterator<Item = Option<f64>>) -> Result<(), ParquetError> {
    let numbers: Vec<Option<f64>> = numbers.collect();
    let there: Vec<i16> = numbers.iter().map(|number| i16::from(number.is_some())).collect();
    let values: Vec<f64> = numbers.into_iter().flatten().collect();
    column::<DoubleType>(group, &values, Some(&there), None)
}

fn column<T: parquet::data_type::DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    definition: Option<&[i16]>,
    repetition: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General(
            "there are more columns than in the schema".into(),
        ));
    };
    writer.typed::<T>().write_batch(values, definition, repetition)?;
    writer.close()
}

/// A column of lists as Parquet has them: the values that are there, and two levels for every place.
struct Lists<V> {
    values: Vec<V>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl<V> Lists<V> {
    fn of(rows: impl Iterator<Item = Option<Vec<Option<V>>>>) -> Self {
        let mut lists = Self {
            values: Vec::new(),
            definition: Vec::new(),
            repetition: Vec::new(),
        };
        for row in rows {
            // 0: no list, 1: an empty one, 2: a cell that is null, 3: a value.
            match row {
                None => lists.place(0, 0),
                Some(cells) if cells.is_empty() => lists.place(1, 0),
                Some(cells) => {
                    for (index, cell) in cells.into_iter().enumerate() {
                        lists.place(if cell.is_some() { 3 } else { 2 }, i16::from(index > 0));
                        lists.values.extend(cell);
                    }
                }
            }
        }
        lists
    }

    fn place(&mut self, definition: i16, repetition: i16) {
        self.definition.push(definition);
        self.repetition.push(repetition);
    }

    fn write<T: parquet::data_type::DataType<T = V>>(&self, group: &mut Group<'_>) -> Result<(), ParquetError> {
        column::<T>(group, &self.values, Some(&self.definition), Some(&self.repetition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FILE, read};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::{Map, json};

    fn row_value(row: &parquet::record::Row) -> Value {
        let cells = row.get_column_iter();
        Value::Object(cells.map(|(name, field)| (name.clone(), field_value(field))).collect())
    }

    fn field_value(field: &Field) -> Value {
        use crate::columns::Cell;
        match field {
            Field::Null => Value::Null,
            Field::Long(number) => json!(number),
            Field::Double(number) => number.write(),
            Field::Str(text) => json!(text),
            Field::ListInternal(list) => list.elements().iter().map(field_value).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_row_reads_back_equal() {
        let vector: Value = serde_json::from_str(include_str!("../tests/vectors/step.json")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let mut text = "{\"header\":{\"seed\":7}}\n{\"name\":\"forward\"}\n".to_owned();
        let mut events = Vec::new();
        for number in 0..300 {
            let flat: Map<String, Value> = vector["event_schema_of_first_step"].as_object().unwrap().clone();
            let mut event = StepEvent::from_fields(flat).unwrap();
            event.block = number;
            match number % 3 {
                0 => {}
                1 => event.columns = None,
                _ => {
                    event.uids.clear();
                    event.task_type = None;
                    event.extra.insert("more".into(), json!([number]));
                    let columns = event.columns.get_or_insert_default();
                    columns.blacklist_filter_matched_ngram = Some(vec![None, Some("of the ä".into())]);
                }
            }
            text += &format!("{}\n", Value::Object(event.fields()));
            events.push(event);
        }
        std::fs::write(&file, text).unwrap();
        let table = folder.path().join("events.parquet");
        assert_eq!(write_parquet(read(&file).unwrap(), &table).unwrap(), 300);
        let reader = SerializedFileReader::new(File::open(&table).unwrap()).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 3);
        let rows: Vec<Value> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row_value(&row.unwrap()))
            .collect();
        assert_eq!(rows.len(), events.len());
        for (row, event) in rows.iter().zip(&events) {
            assert_eq!(row["block"], json!(event.block));
            assert_eq!(row["header"], json!("{\"seed\":7}"));
            assert_eq!(row["prompt"], json!(event.prompt));
            assert_eq!(row["task_type"], json!(event.task_type));
            assert_eq!(row["completions"], json!(event.completions));
            assert_eq!(row["uids"], json!(event.uids));
            assert_eq!(row["rewards"], json!(event.rewards));
            assert_eq!(row["extra"], json!(Value::Object(event.extra.clone()).to_string()));
            let columns = event.columns.clone().unwrap_or_default();
            assert_eq!(
                row["blacklist_filter_matched_ngram"],
                json!(columns.blacklist_filter_matched_ngram)
            );
            let column = columns.dpo_reward_model.as_deref();
            assert_eq!(
                row["dpo_reward_model"],
                crate::columns::put_column(column),
                "NaN is NaN"
            );
            assert_eq!(
                row["keyword_match_penalty_applied"],
                json!(columns.keyword_match_penalty_applied)
            );
            assert_eq!(row["rlhf_reward_model"], Value::Null);
        }
    }
}
