//! `gating.*`: the model that learns which miners suit a prompt.

use axoneme_gating::GatingConfig;
use axoneme_neuron::{Setting, SettingKind as Kind};
use serde::{Deserialize, Serialize};

use super::SettingsError;

/// `gating.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatingSection {
    /// Encoder of the prompts: `default` for the embedding model of the rewards, a folder, `hf:org/name`, or the address of a
    /// server.
    pub model_name: String,
    /// Accepted without effect: the head grows with the network.
    pub num_uids: Option<usize>,
    /// Share of the accumulated gradient that a step moves by.
    pub learning_rate: f64,
    /// Share of the last movement that goes on.
    pub momentum: f64,
}

impl Default for GatingSection {
    fn default() -> Self {
        Self {
            model_name: "default".into(),
            num_uids: None,
            learning_rate: 0.01,
            momentum: 0.9,
        }
    }
}

impl GatingSection {
    /// How the head learns.
    pub fn learning(&self) -> GatingConfig {
        GatingConfig {
            learning_rate: self.learning_rate as f32,
            momentum: self.momentum as f32,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let numbers = [
            ("gating.learning_rate", self.learning_rate),
            ("gating.momentum", self.momentum),
        ];
        match numbers.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            Some((flag, value)) => Err(SettingsError::Range {
                flag,
                value: value.to_string(),
                range: "from 0 to 1",
            }),
            None => Ok(()),
        }
    }
}

pub(super) fn settings() -> Vec<Setting> {
    vec![
        Setting::new(
            "gating.model_name",
            Kind::Text,
            "Encoder of the prompts: default, a folder, hf:org/name or the address of a server",
        ),
        Setting::new(
            "gating.num_uids",
            Kind::Integer,
            "Accepted; the head grows with the network",
        ),
        Setting::new(
            "gating.learning_rate",
            Kind::Decimal,
            "How fast the gating model learns",
        ),
        Setting::new("gating.momentum", Kind::Decimal, "How long it goes on in one direction"),
    ]
}
