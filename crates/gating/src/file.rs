//! The head as a file: safetensors, so that other programs can look at it, with a version in its header.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::GatingError;
use crate::head::{GatingConfig, GatingHead};

/// The version of the file.
pub const VERSION: u32 = 1;

const FORMAT: &str = "axoneme-gating";
const NAMES: [&str; 4] = ["weight", "bias", "weight_velocity", "bias_velocity"];

impl GatingHead {
    /// The head and its momentum as bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, GatingError> {
        let rows = [self.len(), self.hidden];
        let parts: [(&[f32], &[usize]); 4] = [
            (&self.weight, &rows),
            (&self.bias, &rows[..1]),
            (&self.weight_velocity, &rows),
            (&self.bias_velocity, &rows[..1]),
        ];
        let bytes: Vec<Vec<u8>> = parts
            .iter()
            .map(|(values, _)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
            .collect();
        let mut views = Vec::new();
        for ((name, (_, shape)), bytes) in NAMES.iter().zip(&parts).zip(&bytes) {
            let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).map_err(damaged)?;
            views.push((*name, view));
        }
        let header = [
            ("format", FORMAT.to_owned()),
            ("version", VERSION.to_string()),
            ("learning_rate", self.config.learning_rate.to_string()),
            ("momentum", self.config.momentum.to_string()),
        ];
        let header: HashMap<String, String> = header.map(|(key, value)| (key.to_owned(), value)).into();
        safetensors::serialize(views, Some(header)).map_err(damaged)
    }

    /// The other way. The learning rate and momentum are those of `config`.
    pub fn from_bytes(bytes: &[u8], config: GatingConfig) -> Result<Self, GatingError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let header = metadata.metadata().clone().unwrap_or_default();
        if header.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(GatingError::Damaged("it is not a gating head".into()));
        }
        let version = header.get("version").and_then(|version| version.parse().ok());
        match version {
            Some(VERSION) => {}
            Some(found) => return Err(GatingError::Version { found, known: VERSION }),
            None => return Err(GatingError::Damaged("it has no version".into())),
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let read = |name: &str| -> Result<(Vec<usize>, Vec<f32>), GatingError> {
            let view = tensors.tensor(name).map_err(damaged)?;
            if view.dtype() != Dtype::F32 {
                return Err(GatingError::Damaged(format!("{name} is not of 32-bit numbers")));
            }
            let number = |bytes: &[u8]| bytes.try_into().map_or(0.0, f32::from_le_bytes);
            // A number that is not finite counts as 0: it must not spread over the head.
            let sound = |value: f32| if value.is_finite() { value } else { 0.0 };
            let values = view.data().chunks(4).map(|bytes| sound(number(bytes))).collect();
            Ok((view.shape().to_vec(), values))
        };
        let (shape, weight) = read(NAMES[0])?;
        let (_, bias) = read(NAMES[1])?;
        let hidden = shape.get(1).copied().unwrap_or(0);
        let mut head = Self::from_parts(hidden, weight, bias, config)
            .ok_or_else(|| GatingError::Damaged("its weights and biases do not fit together".into()))?;
        let (_, weight_velocity) = read(NAMES[2])?;
        let (_, bias_velocity) = read(NAMES[3])?;
        if weight_velocity.len() != head.weight.len() || bias_velocity.len() != head.bias.len() {
            return Err(GatingError::Damaged("its momentum does not fit its weights".into()));
        }
        (head.weight_velocity, head.bias_velocity) = (weight_velocity, bias_velocity);
        Ok(head)
    }

    /// Replaces the file at `path` as a whole: whatever happens, it holds the old head or this one.
    pub fn save(&self, path: &Path) -> Result<(), GatingError> {
        let bytes = self.to_bytes()?;
        let io = |action| {
            move |source| GatingError::Io {
                action,
                path: path.to_owned(),
                source,
            }
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".gating-")
            .tempfile_in(folder)
            .map_err(io("write"))?;
        file.write_all(&bytes).map_err(io("write"))?;
        file.as_file().sync_all().map_err(io("flush"))?;
        file.persist(path).map_err(|error| io("replace")(error.error))?;
        // The new name has to reach the disk too.
        if let Ok(folder) = std::fs::File::open(folder) {
            folder.sync_all().map_err(io("flush the folder of"))?;
        }
        Ok(())
    }

    /// Reads a saved head; `None` when there is no file.
    pub fn load(path: &Path, config: GatingConfig) -> Result<Option<Self>, GatingError> {
        match std::fs::read(path) {
            Ok(bytes) => Self::from_bytes(&bytes, config).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(GatingError::Io {
                action: "read",
                path: path.to_owned(),
                source,
            }),
        }
    }
}

fn damaged(error: safetensors::SafeTensorError) -> GatingError {
    GatingError::Damaged(error.to_string())
}
