//! The language model: one decoder for the Llama and Qwen families, from GGUF or safetensors.
//!
//! Our own forward pass, because the stock ones keep one position for a whole batch. Here a batch is ragged: every
//! segment continues the sequence of its own slot, so a prompt being read and answers being written share each pass.

mod attention;
mod cache;
mod config;
mod decoder;
mod device_pass;
pub(crate) mod elementwise;
mod host_pass;
mod linear;
mod rope;
mod simd;
mod tiles;
mod weights;

use std::path::Path;

use candle_core::Device;

pub(crate) use cache::SlotCache;
pub(crate) use decoder::{Decoder, Segment, Wanted};

use crate::{ModelError, TextTokenizer};
use config::DecoderConfig;
use weights::Weights;

/// A model read from disk.
pub(crate) struct Loaded {
    pub decoder: Decoder,
    pub tokenizer: TextTokenizer,
    /// How many positions the model was trained for.
    pub trained_context: usize,
}

/// Reads a model. `context` bounds the positions a slot can hold; the model's own limit applies as well.
pub(crate) fn load(path: &Path, device: &Device, context: usize) -> Result<Loaded, ModelError> {
    if !path.exists() {
        return Err(ModelError::NotFound { path: path.to_owned() });
    }
    let is_gguf = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    let (weights, config, tokenizer) = if is_gguf {
        let (weights, content) = Weights::open_gguf(path, device)?;
        let tokenizer = TextTokenizer::from_gguf(path, &content)?;
        let config = DecoderConfig::from_gguf(&content).map_err(|reason| ModelError::unsupported(path, reason))?;
        (weights, config, tokenizer)
    } else {
        let folder = match path.is_dir() {
            true => path,
            false => path.parent().unwrap_or(Path::new(".")),
        };
        let config_path = folder.join("config.json");
        if !config_path.exists() {
            return Err(ModelError::unsupported(
                path,
                "it is no .gguf file, and there is no config.json beside it to describe safetensors weights",
            ));
        }
        let json = crate::tokenize::read_json(&config_path)?;
        let config = DecoderConfig::from_json(&json).map_err(|reason| ModelError::unsupported(path, reason))?;
        let weights = Weights::open_safetensors(path, folder, device)?;
        (weights, config, TextTokenizer::from_folder(folder)?)
    };
    let trained_context = config.context;
    let decoder = Decoder::load(weights, config, context.min(trained_context))
        .map_err(|error| ModelError::corrupt(path, error))?;
    if tokenizer.vocabulary_size() > decoder.vocabulary() {
        return Err(ModelError::tokenizer(
            path,
            format!(
                "it has {} tokens and the model {}, so they do not belong together",
                tokenizer.vocabulary_size(),
                decoder.vocabulary()
            ),
        ));
    }
    Ok(Loaded {
        decoder,
        tokenizer,
        trained_context,
    })
}

#[cfg(test)]
mod tests;
