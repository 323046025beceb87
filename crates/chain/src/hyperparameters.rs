//! The settings of a subnet.

use crate::at::{At, number};
use crate::error::ChainError;
use crate::items::{ApiItem, apis};
use crate::weights::WeightLimits;
use serde::Serialize;
use std::collections::BTreeMap;
use subxt::dynamic::Value;
use subxt::ext::scale_decode::DecodeAsType;
use subxt::ext::scale_value::{Composite, Primitive, ValueDef};

/// Settings of a subnet, as far as programs act on them. [`Hyperparameters::all`] has every one the chain names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hyperparameters {
    /// Blocks between epochs.
    pub tempo: u16,
    /// Blocks during which a new neuron cannot be replaced.
    pub immunity_period: u16,
    /// Fewest weights a validator has to set.
    pub min_allowed_weights: u16,
    /// Largest share of one weight, as a fraction of 65535.
    pub max_weights_limit: u16,
    /// Lowest version key the chain accepts; 0 accepts all.
    pub weights_version: u64,
    /// Blocks that have to pass between two weight settings of one validator.
    pub weights_rate_limit: u64,
    /// Whether weights are committed first and revealed later.
    pub commit_reveal_weights_enabled: bool,
    /// Epochs between commit and reveal.
    pub commit_reveal_period: u64,
    /// Blocks after which a neuron that set no weights counts as inactive.
    pub activity_cutoff: u64,
    /// Whether new neurons may register.
    pub registration_allowed: bool,
    /// Lowest registration price in rao.
    pub min_burn: u64,
    /// Highest registration price in rao.
    pub max_burn: u64,
    /// Blocks that have to pass between two axon announcements of one neuron.
    pub serving_rate_limit: u64,
    /// How many validators get a permit.
    pub max_validators: u16,
    /// Share of stake that decides the consensus, as a fraction of 65535.
    pub kappa: u16,
    /// Everything the chain names, as text.
    pub all: BTreeMap<String, String>,
}

impl Hyperparameters {
    /// The bounds for a list of weights; nothing is excluded.
    pub fn weight_limits(&self) -> WeightLimits {
        WeightLimits {
            min_allowed: self.min_allowed_weights,
            max_weight: self.max_weights_limit,
            exclude_quantile: 0,
        }
    }

    pub(crate) async fn read(at: &At, netuid: u16) -> Result<Self, ChainError> {
        Hyperparameters::from_fields(&fields(at, netuid).await?)
    }

    fn from_fields(fields: &BTreeMap<String, Value>) -> Result<Self, ChainError> {
        let number = |name: &str| {
            fields
                .get(name)
                .and_then(scalar)
                .map(|value| u64::try_from(value).unwrap_or(u64::MAX))
        };
        let required = |name: &str| {
            number(name).ok_or_else(|| ChainError::decode("hyperparameters", format!("`{name}` is missing")))
        };
        let small = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
        Ok(Hyperparameters {
            tempo: small(required("tempo")?),
            immunity_period: small(required("immunity_period")?),
            min_allowed_weights: small(required("min_allowed_weights")?),
            // Runtimes that fixed the limit at "none" may stop naming it.
            max_weights_limit: small(number("max_weights_limit").unwrap_or(u64::from(u16::MAX))),
            weights_version: required("weights_version")?,
            weights_rate_limit: required("weights_rate_limit")?,
            commit_reveal_weights_enabled: required("commit_reveal_weights_enabled")? != 0,
            commit_reveal_period: number("commit_reveal_period").unwrap_or(1),
            activity_cutoff: number("activity_cutoff").unwrap_or(5000),
            registration_allowed: number("registration_allowed").unwrap_or(1) != 0,
            min_burn: number("min_burn").unwrap_or(0),
            max_burn: number("max_burn").unwrap_or(u64::MAX),
            serving_rate_limit: number("serving_rate_limit").unwrap_or(50),
            max_validators: small(number("max_validators").unwrap_or(64)),
            kappa: small(number("kappa").unwrap_or(32767)),
            all: fields.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        })
    }
}

/// An entry of the open-ended list that runtimes since spec 425 answer with.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct Entry {
    name: Vec<u8>,
    value: Value,
}

/// Name and value of each setting, from the newest interface that the runtime has.
async fn fields(at: &At, netuid: u16) -> Result<BTreeMap<String, Value>, ChainError> {
    let gone = || ChainError::SubnetNotFound { netuid };
    if at.has_api(&apis::GET_HYPERPARAMS_V3) {
        let entries: Option<Vec<Entry>> = ask(at, &apis::GET_HYPERPARAMS_V3, netuid).await?;
        let entries = entries.ok_or_else(gone)?;
        return Ok(named(entries));
    }
    let newest = match at.has_api(&apis::GET_HYPERPARAMS_V2) {
        true => &apis::GET_HYPERPARAMS_V2,
        false => &apis::GET_HYPERPARAMS,
    };
    let answer: Option<Value> = ask(at, newest, netuid).await?;
    struct_fields(answer.ok_or_else(gone)?)
}

fn named(entries: Vec<Entry>) -> BTreeMap<String, Value> {
    let pairs = entries.into_iter();
    pairs
        .map(|entry| (String::from_utf8_lossy(&entry.name).into_owned(), entry.value))
        .collect()
}

fn struct_fields(answer: Value) -> Result<BTreeMap<String, Value>, ChainError> {
    match answer.value {
        ValueDef::Composite(Composite::Named(fields)) => Ok(fields.into_iter().collect()),
        _ => Err(ChainError::decode("hyperparameters", "not a struct with names")),
    }
}

async fn ask<T: DecodeAsType>(at: &At, method: &ApiItem, netuid: u16) -> Result<T, ChainError> {
    at.api(method, vec![number(netuid)]).await
}

/// The number or truth value inside, however it is wrapped.
pub(crate) fn scalar(value: &Value) -> Option<u128> {
    match &value.value {
        ValueDef::Primitive(Primitive::Bool(flag)) => Some(u128::from(*flag)),
        ValueDef::Primitive(Primitive::U128(number)) => Some(*number),
        ValueDef::Primitive(Primitive::I128(number)) => u128::try_from(*number).ok(),
        ValueDef::Composite(inner) if inner.len() == 1 => scalar(inner.values().next()?),
        ValueDef::Variant(variant) if variant.values.len() == 1 => scalar(variant.values.values().next()?),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    match &value.value {
        ValueDef::Primitive(Primitive::Bool(flag)) => flag.to_string(),
        ValueDef::Variant(variant) if variant.values.len() == 1 => {
            variant.values.values().next().map(text).unwrap_or_default()
        }
        ValueDef::Composite(inner) if inner.len() == 1 => inner.values().next().map(text).unwrap_or_default(),
        _ => scalar(value).map_or_else(|| value.to_string(), |number| number.to_string()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn from_struct(answer: Value) -> Hyperparameters {
        Hyperparameters::from_fields(&struct_fields(answer).expect("a struct")).expect("all that is needed")
    }

    pub(crate) fn from_entries(entries: Option<Vec<Entry>>) -> Hyperparameters {
        Hyperparameters::from_fields(&named(entries.expect("a subnet"))).expect("all that is needed")
    }

    #[test]
    fn numbers_are_found_inside_wrappers() {
        let wrapped = Value::unnamed_variant("TaoBalance", [Value::unnamed_composite([Value::u128(7)])]);
        assert_eq!(scalar(&wrapped), Some(7));
        assert_eq!(text(&wrapped), "7");
        assert_eq!(scalar(&Value::unnamed_variant("Bool", [Value::bool(true)])), Some(1));
        assert_eq!(text(&Value::bool(false)), "false");
        assert_eq!(
            scalar(&Value::unnamed_composite([Value::u128(1), Value::u128(2)])),
            None
        );
    }
}
