//! The record of one prompt run.

use serde_json::{Map, Value, json};

use crate::TrackingError;
use crate::columns::{Cell, Columns, take_column};

/// One prompt run. Lists have one entry per asked miner, in the order of `uids`. In a file it is one flat object with the
/// field names of the network's own records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepEvent {
    /// Name of the task.
    pub name: String,
    /// Kind of the task.
    pub task_type: Option<String>,
    /// Number of the chain's newest block.
    pub block: u64,
    /// Length of the whole run, seconds.
    pub step_length: f64,
    /// The composed prompt.
    pub prompt: String,
    /// Who was asked.
    pub uids: Vec<u16>,
    /// Their hotkeys; the network's own records do not have them.
    pub hotkeys: Vec<String>,
    /// What they said, after the clean-up of follow-ups, untrimmed.
    pub completions: Vec<String>,
    /// How long they say it took, seconds; 0 where they say nothing.
    pub completion_times: Vec<f64>,
    /// Status codes, as text.
    pub completion_status_codes: Vec<String>,
    /// Status messages.
    pub completion_status_messages: Vec<String>,
    /// Final rewards; unset where rewards are not recorded.
    pub rewards: Option<Vec<f64>>,
    /// Loss of the gating model, where there is one.
    pub gating_loss: Option<f64>,
    /// The completion with the highest reward, trimmed.
    pub best: String,
    /// What functions, masks and penalties said; unset where rewards are not recorded.
    pub columns: Option<Columns>,
    /// When the run ended, seconds since 1970; the network's own records do not have it.
    pub time: Option<f64>,
    /// Reserved.
    pub set_weights: Value,
    /// Fields this version does not know, and those of functions that the network does not have.
    pub extra: Map<String, Value>,
}

impl StepEvent {
    /// Reads a flat record. Fields nobody knows are kept in [`StepEvent::extra`].
    ///
    /// # Errors
    /// [`TrackingError::Field`] for a field that is missing or of the wrong type.
    pub fn from_fields(mut fields: Map<String, Value>) -> Result<Self, TrackingError> {
        let fields = &mut fields;
        let columns = Columns::take(fields)?;
        let rewards = numbers(fields, "rewards")?;
        Ok(Self {
            name: text(fields, "name")?,
            task_type: optional_text(fields, "task_type")?,
            block: whole(fields, "block")?,
            step_length: number(fields, "step_length")?.unwrap_or(0.0),
            prompt: text(fields, "prompt")?,
            uids: uids(fields)?,
            hotkeys: texts(fields, "hotkeys")?,
            completions: texts(fields, "completions")?,
            completion_times: numbers(fields, "completion_times")?.unwrap_or_default(),
            completion_status_codes: texts(fields, "completion_status_codes")?,
            completion_status_messages: texts(fields, "completion_status_messages")?,
            columns: (rewards.is_some() || columns != Columns::default()).then_some(columns),
            rewards,
            gating_loss: number(fields, "gating_loss")?,
            best: optional_text(fields, "best")?.unwrap_or_default(),
            time: number(fields, "time")?,
            set_weights: fields.remove("set_weights").unwrap_or_default(),
            extra: std::mem::take(fields),
        })
    }

    /// The flat record. Columns of functions that are switched off are null.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = self.extra.clone();
        if let Some(columns) = &self.columns {
            columns.put(&mut fields);
        }
        let list = |numbers: &[f64]| numbers.iter().map(Cell::write).collect::<Value>();
        let known = [
            ("name", json!(self.name)),
            ("task_type", json!(self.task_type)),
            ("block", json!(self.block)),
            ("step_length", self.step_length.write()),
            ("prompt", json!(self.prompt)),
            ("uids", json!(self.uids)),
            ("hotkeys", json!(self.hotkeys)),
            ("completions", json!(self.completions)),
            ("completion_times", list(&self.completion_times)),
            ("completion_status_codes", json!(self.completion_status_codes)),
            ("completion_status_messages", json!(self.completion_status_messages)),
            ("rewards", self.rewards.as_deref().map_or(Value::Null, list)),
            ("gating_loss", self.gating_loss.map_or(Value::Null, |loss| loss.write())),
            ("best", json!(self.best)),
            ("time", self.time.map_or(Value::Null, |time| time.write())),
            ("set_weights", self.set_weights.clone()),
        ];
        fields.extend(known.map(|(name, value)| (name.to_owned(), value)));
        fields
    }

    /// Takes what reward functions recorded: columns the network has go where they belong, the others stay as they are.
    ///
    /// # Errors
    /// [`TrackingError::Field`] for a column of the wrong type.
    pub fn set_columns(&mut self, mut fields: Map<String, Value>) -> Result<(), TrackingError> {
        self.columns = Some(Columns::take(&mut fields)?);
        self.extra.extend(fields);
        Ok(())
    }
}

fn wrong(field: &'static str, reason: &str) -> TrackingError {
    TrackingError::Field {
        field,
        reason: reason.to_owned(),
    }
}

fn optional_text(fields: &mut Map<String, Value>, field: &'static str) -> Result<Option<String>, TrackingError> {
    match fields.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(field, "it is no text")),
    }
}

fn text(fields: &mut Map<String, Value>, field: &'static str) -> Result<String, TrackingError> {
    optional_text(fields, field)?.ok_or_else(|| wrong(field, "it is missing"))
}

fn number(fields: &mut Map<String, Value>, field: &'static str) -> Result<Option<f64>, TrackingError> {
    match fields.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => f64::read(&value)
            .map(Some)
            .ok_or_else(|| wrong(field, "it is no number")),
    }
}

/// The network declares some whole numbers as decimal ones.
fn whole(fields: &mut Map<String, Value>, field: &'static str) -> Result<u64, TrackingError> {
    let Some(value) = fields.remove(field) else {
        return Ok(0);
    };
    let decimal = || value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0);
    value
        .as_u64()
        .or_else(|| decimal().map(|number| number as u64))
        .ok_or_else(|| wrong(field, "it is no whole number"))
}

fn numbers(fields: &mut Map<String, Value>, field: &'static str) -> Result<Option<Vec<f64>>, TrackingError> {
    let column = take_column::<f64>(fields, field)?;
    Ok(column.map(|cells| cells.into_iter().map(|cell| cell.unwrap_or(0.0)).collect()))
}

fn texts(fields: &mut Map<String, Value>, field: &'static str) -> Result<Vec<String>, TrackingError> {
    let column = take_column::<String>(fields, field)?.unwrap_or_default();
    Ok(column.into_iter().map(Option::unwrap_or_default).collect())
}

fn uids(fields: &mut Map<String, Value>) -> Result<Vec<u16>, TrackingError> {
    const FIELD: &str = "uids";
    let Some(Value::Array(cells)) = fields.remove(FIELD) else {
        return Err(wrong(FIELD, "it is missing"));
    };
    let uid = |value: &Value| value.as_u64().and_then(|uid| u16::try_from(uid).ok());
    let uids: Option<_> = cells.iter().map(uid).collect();
    uids.ok_or_else(|| wrong(FIELD, "an entry is no uid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three whole query steps of the specification, as it flattens the first of them.
    const STEP: &str = include_str!("../tests/vectors/step.json");

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_flat_record_of_the_network_is_read_and_written_field_by_field() {
        let vector: Value = serde_json::from_str(STEP).unwrap();
        let flat = object(&vector["event_schema_of_first_step"]);
        let event = StepEvent::from_fields(flat.clone()).unwrap();
        assert_eq!(event.extra, Map::new(), "every field of the schema has a place");
        assert_eq!(event.uids, [3, 5, 0, 1, 2, 4]);
        let columns = event.columns.clone().unwrap();
        assert!(columns.dpo_reward_model.as_ref().unwrap()[3].unwrap().is_nan());
        assert_eq!(columns.rlhf_reward_model, None);
        let written = event.fields();
        for (name, value) in &flat {
            assert!(
                same(&written[name], value),
                "{name}: {} instead of {value}",
                written[name]
            );
        }
        let ours: Vec<&String> = written.keys().filter(|name| !flat.contains_key(*name)).collect();
        assert_eq!(ours, ["hotkeys", "time"]);
        for name in Columns::NAMES {
            assert!(flat.contains_key(*name), "{name}");
        }
    }

    /// The vector writes 0 for 0.0 here and there.
    fn same(ours: &Value, theirs: &Value) -> bool {
        match (ours, theirs) {
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (a, b) => a == b,
        }
    }

    #[test]
    fn all_events_of_the_vector_are_read_and_what_is_unknown_is_kept() {
        let vector: Value = serde_json::from_str(STEP).unwrap();
        for step in vector["steps"].as_array().unwrap() {
            let event = StepEvent::from_fields(object(&step["event"])).unwrap();
            assert!(event.extra.contains_key("dpo_reward_model_normalized_reward"));
            let line = serde_json::to_string(&event.fields()).unwrap();
            let again = StepEvent::from_fields(serde_json::from_str(&line).unwrap()).unwrap();
            // NaN is unlike itself, so the texts are compared.
            assert_eq!(serde_json::to_string(&again.fields()).unwrap(), line);
        }
    }

    #[test]
    fn numbers_come_back_bit_for_bit() {
        let hard = [
            0.1 + 0.2,
            1.0 / 3.0,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            0.486_946_702_003_479,
            1e23,
            -0.0,
        ];
        let event = StepEvent {
            name: "x".into(),
            rewards: Some(hard.to_vec()),
            step_length: hard[0],
            ..StepEvent::default()
        };
        let line = serde_json::to_string(&event.fields()).unwrap();
        let again = StepEvent::from_fields(serde_json::from_str(&line).unwrap()).unwrap();
        let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&again.rewards.unwrap()), bits(&hard));
        assert_eq!(again.step_length.to_bits(), hard[0].to_bits());
    }

    #[test]
    fn without_rewards_no_column_is_recorded() {
        let event = StepEvent {
            name: "x".into(),
            ..StepEvent::default()
        };
        let fields = event.fields();
        assert_eq!(fields["rewards"], Value::Null);
        assert!(Columns::NAMES.iter().all(|name| !fields.contains_key(*name)));
        assert_eq!(StepEvent::from_fields(fields).unwrap(), event);
    }

    #[test]
    fn damaged_fields_are_errors_that_name_them() {
        let good = StepEvent {
            name: "x".into(),
            ..StepEvent::default()
        };
        for (field, value) in [
            ("uids", json!([70_000])),
            ("uids", Value::Null),
            ("name", json!(1)),
            ("block", json!(-1)),
            ("rewards", json!({})),
            ("dpo_reward_model", json!(["many"])),
            ("completions", json!([1])),
        ] {
            let mut fields = good.fields();
            fields.insert(field.into(), value);
            let error = StepEvent::from_fields(fields).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
