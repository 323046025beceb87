//! The columns of an event that reward functions, masks and penalties fill: one entry per asked miner.

use serde_json::{Map, Value, json};

use crate::TrackingError;

/// What is in a cell of a column.
pub(crate) trait Cell: Sized {
    fn read(value: &Value) -> Option<Self>;
    fn write(&self) -> Value;
}

impl Cell for f64 {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.as_str() {
                "nan" => Some(Self::NAN),
                "inf" => Some(Self::INFINITY),
                "-inf" => Some(Self::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        }
    }

    fn write(&self) -> Value {
        match *self {
            number if number.is_finite() => json!(number),
            number if number.is_nan() => json!("nan"),
            number if number > 0.0 => json!("inf"),
            _ => json!("-inf"),
        }
    }
}

impl Cell for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn write(&self) -> Value {
        json!(self)
    }
}

/// Takes a column out of an event: `None` where it is absent or null.
pub(crate) fn take_column<C: Cell>(
    fields: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<Vec<Option<C>>>, TrackingError> {
    let wrong = |reason: &str| TrackingError::Field {
        field,
        reason: reason.to_owned(),
    };
    let cells = match fields.remove(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(cells)) => cells,
        Some(_) => return Err(wrong("it is no list")),
    };
    let cell = |value: &Value| match value {
        Value::Null => Ok(None),
        value => C::read(value)
            .map(Some)
            .ok_or_else(|| wrong("an entry has the wrong type")),
    };
    cells.iter().map(cell).collect::<Result<_, _>>().map(Some)
}

pub(crate) fn put_column<C: Cell>(column: Option<&[Option<C>]>) -> Value {
    match column {
        None => Value::Null,
        Some(cells) => cells
            .iter()
            .map(|cell| cell.as_ref().map_or(Value::Null, Cell::write))
            .collect(),
    }
}

macro_rules! columns {
    ($($name:ident: $cell:ty, $about:literal;)+) => {
        /// What the reward functions, masks and penalties of the network say about each asked miner. A function that is
        /// switched off has no column. Numbers may be NaN: the function failed for that miner.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Columns {
            $(#[doc = $about] pub $name: Option<Vec<Option<$cell>>>,)+
        }

        impl Columns {
            /// The names of all columns, in the order of the record.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            pub(crate) fn take(fields: &mut Map<String, Value>) -> Result<Self, TrackingError> {
                Ok(Self { $($name: take_column::<$cell>(fields, stringify!($name))?,)+ })
            }

            pub(crate) fn put(&self, fields: &mut Map<String, Value>) {
                $(fields.insert(stringify!($name).to_owned(), put_column(self.$name.as_deref()));)+
            }

            /// All columns of numbers with their names.
            pub fn numbers(&self) -> Vec<(&'static str, Option<&[Option<f64>]>)> {
                let mut all = Vec::new();
                $(<$cell as Sorted>::sort_number(stringify!($name), self.$name.as_deref(), &mut all);)+
                all
            }

            /// All columns of texts with their names.
            pub fn texts(&self) -> Vec<(&'static str, Option<&[Option<String>]>)> {
                let mut all = Vec::new();
                $(<$cell as Sorted>::sort_text(stringify!($name), self.$name.as_deref(), &mut all);)+
                all
            }
        }
    };
}

type Named<'a, C> = Vec<(&'static str, Option<&'a [Option<C>]>)>;

/// Puts a column where its type belongs.
trait Sorted: Sized {
    fn sort_number<'a>(_: &'static str, _: Option<&'a [Option<Self>]>, _: &mut Named<'a, f64>) {}
    fn sort_text<'a>(_: &'static str, _: Option<&'a [Option<Self>]>, _: &mut Named<'a, String>) {}
}

impl Sorted for f64 {
    fn sort_number<'a>(name: &'static str, column: Option<&'a [Option<Self>]>, all: &mut Named<'a, f64>) {
        all.push((name, column));
    }
}

impl Sorted for String {
    fn sort_text<'a>(name: &'static str, column: Option<&'a [Option<Self>]>, all: &mut Named<'a, String>) {
        all.push((name, column));
    }
}

columns! {
    dpo_reward_model: f64, "Mean log-probability of the completion, raw.";
    dpo_reward_model_normalized: f64, "The same, normalised over the runs so far.";
    rlhf_reward_model: f64, "Score of the model trained on human preferences, raw.";
    rlhf_reward_model_normalized: f64, "The same, normalised.";
    reciprocate_reward_model: f64, "Score of the reciprocate model, raw.";
    reciprocate_reward_model_normalized: f64, "The same, normalised.";
    dahoas_reward_model: f64, "Score of the dahoas model, raw.";
    dahoas_reward_model_normalized: f64, "The same, normalised.";
    prompt_reward_model: f64, "Score that a language model gave when asked, raw.";
    prompt_reward_model_normalized: f64, "The same, normalised.";
    diversity_reward_model: f64, "Difference to other answers, raw.";
    diversity_reward_model_normalized: f64, "The factor made of it.";
    diversity_reward_model_batch: f64, "Difference to the answers of this run.";
    diversity_reward_model_historic: f64, "Difference to answers of earlier runs.";
    blacklist_filter: f64, "1, or 0 for an answer with a phrase that is everywhere.";
    blacklist_filter_matched_ngram: String, "The phrase.";
    blacklist_filter_significance_score: f64, "How far it is everywhere.";
    nsfw_filter: f64, "1, or 0 for an answer that is not fit to be shown, raw.";
    nsfw_filter_normalized: f64, "The factor made of it.";
    nsfw_filter_score: f64, "What its model said.";
    relevance_filter: f64, "1, or 0 for an answer about something else, raw.";
    relevance_filter_normalized: f64, "The factor made of it.";
    relevance_filter_bert_score: f64, "Likeness by the first model.";
    relevance_filter_mpnet_score: f64, "Likeness by the second model.";
    task_validation_penalty_raw: f64, "Share of the reward that missed criteria cost, before the limit.";
    task_validation_penalty_adjusted: f64, "The same within the limit.";
    task_validation_penalty_applied: f64, "The factor that is left of the reward.";
    keyword_match_penalty_raw: f64, "Share that labels of other tasks cost, before the limit.";
    keyword_match_penalty_adjusted: f64, "The same within the limit.";
    keyword_match_penalty_applied: f64, "The factor that is left of the reward.";
    sentence_match_penalty_raw: f64, "Share that talk about the prompt costs, before the limit.";
    sentence_match_penalty_adjusted: f64, "The same within the limit.";
    sentence_match_penalty_applied: f64, "The factor that is left of the reward.";
}
