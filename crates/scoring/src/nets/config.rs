//! `config.json`, field by field, with errors that name the field.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ScoringError;
use crate::blocks::Activation;
use crate::weights::read_json;

/// Sizes beyond this are damage.
const LARGEST: usize = 1 << 24;

/// The configuration of a model.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub folder: PathBuf,
    pub json: Value,
}

impl Config {
    pub(crate) fn read(folder: &Path) -> Result<Self, ScoringError> {
        Ok(Self {
            folder: folder.to_owned(),
            json: read_json(&folder.join("config.json"))?,
        })
    }

    /// The error for a field with a value that is not covered.
    pub(crate) fn unsupported(&self, field: &str, wanted: &str) -> ScoringError {
        let value = &self.json[field];
        ScoringError::Unsupported {
            path: self.folder.clone(),
            field: field.to_owned(),
            value: if value.is_null() {
                "missing".into()
            } else {
                value.to_string()
            },
            wanted: wanted.to_owned(),
        }
    }

    /// A text that has to be there.
    pub(crate) fn text(&self, field: &str) -> Result<&str, ScoringError> {
        self.json[field]
            .as_str()
            .ok_or_else(|| self.unsupported(field, "expected a text"))
    }

    /// A size that may be missing or null.
    pub(crate) fn maybe_size(&self, field: &str) -> Result<Option<usize>, ScoringError> {
        if self.json[field].is_null() {
            return Ok(None);
        }
        let size = self.json[field].as_u64().and_then(|size| usize::try_from(size).ok());
        match size.filter(|size| *size <= LARGEST) {
            Some(size) => Ok(Some(size)),
            None => Err(self.unsupported(field, "expected a size")),
        }
    }

    /// A size above zero that has to be there.
    pub(crate) fn size(&self, field: &str) -> Result<usize, ScoringError> {
        match self.maybe_size(field)? {
            Some(size) if size > 0 => Ok(size),
            _ => Err(self.unsupported(field, "expected a size above zero")),
        }
    }

    /// A number that has to be there.
    pub(crate) fn number(&self, field: &str) -> Result<f64, ScoringError> {
        self.json[field]
            .as_f64()
            .ok_or_else(|| self.unsupported(field, "expected a number"))
    }

    /// Whether a switch is on; a missing one is off.
    pub(crate) fn on(&self, field: &str) -> bool {
        self.json[field].as_bool().unwrap_or(false)
    }

    /// An activation by its name.
    pub(crate) fn activation(&self, field: &str) -> Result<Activation, ScoringError> {
        Activation::named(self.text(field)?).ok_or_else(|| {
            self.unsupported(
                field,
                "and gelu, gelu_new, gelu_pytorch_tanh, relu, silu and tanh are covered",
            )
        })
    }

    /// Hidden size, heads.
    pub(crate) fn heads(&self, hidden: &str, heads: &str) -> Result<(usize, usize), ScoringError> {
        let (size, count) = (self.size(hidden)?, self.size(heads)?);
        if !size.is_multiple_of(count) {
            return Err(self.unsupported(heads, &format!("which does not divide {hidden} of {size}")));
        }
        Ok((size, count))
    }

    /// A token, if the field names one.
    pub(crate) fn token(&self, field: &str) -> Option<u32> {
        self.json[field].as_u64().and_then(|token| u32::try_from(token).ok())
    }
}
