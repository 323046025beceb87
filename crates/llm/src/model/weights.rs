//! Weights by their role, whichever file format and naming they come in.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::quantized::QMatMul;
use candle_core::quantized::gguf_file::Content;
use candle_core::safetensors::BufferedSafetensors;
use candle_core::{DType, Device, Result, Tensor};

use super::linear::Linear;
use crate::ModelError;

/// An opened model file.
pub(crate) enum Weights {
    Gguf {
        content: Arc<Content>,
        reader: BufReader<File>,
        device: Device,
    },
    Safetensors {
        shards: Vec<BufferedSafetensors>,
        device: Device,
    },
}

/// A weight of the whole model or of one layer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    Embedding,
    FinalNorm,
    Output,
    RopeFactors,
    AttentionNorm,
    Query,
    Key,
    Value,
    AttentionOutput,
    QueryNorm,
    KeyNorm,
    FeedForwardNorm,
    Gate,
    Up,
    Down,
}

impl Role {
    fn gguf(self) -> &'static str {
        match self {
            Self::Embedding => "token_embd",
            Self::FinalNorm => "output_norm",
            Self::Output => "output",
            Self::RopeFactors => "rope_freqs",
            Self::AttentionNorm => "attn_norm",
            Self::Query => "attn_q",
            Self::Key => "attn_k",
            Self::Value => "attn_v",
            Self::AttentionOutput => "attn_output",
            Self::QueryNorm => "attn_q_norm",
            Self::KeyNorm => "attn_k_norm",
            Self::FeedForwardNorm => "ffn_norm",
            Self::Gate => "ffn_gate",
            Self::Up => "ffn_up",
            Self::Down => "ffn_down",
        }
    }

    fn safetensors(self) -> &'static str {
        match self {
            Self::Embedding => "model.embed_tokens",
            Self::FinalNorm => "model.norm",
            Self::Output => "lm_head",
            Self::RopeFactors => "model.rope_freqs",
            Self::AttentionNorm => "input_layernorm",
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::AttentionOutput => "self_attn.o_proj",
            Self::QueryNorm => "self_attn.q_norm",
            Self::KeyNorm => "self_attn.k_norm",
            Self::FeedForwardNorm => "post_attention_layernorm",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }
}

impl Weights {
    /// Opens a GGUF file and reads its header.
    pub(crate) fn open_gguf(path: &Path, device: &Device) -> std::result::Result<(Self, Arc<Content>), ModelError> {
        let file = File::open(path).map_err(|source| ModelError::io(path, source))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let content = Content::read(&mut reader).map_err(|error| ModelError::corrupt(path, error))?;
        let content = Arc::new(content);
        Ok((
            Self::Gguf {
                content: content.clone(),
                reader,
                device: device.clone(),
            },
            content,
        ))
    }

    /// Opens safetensors weights: the file itself, or all shards of a folder.
    pub(crate) fn open_safetensors(
        path: &Path,
        folder: &Path,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let files = match path.is_dir() {
            true => shard_files(folder)?,
            false => vec![path.to_owned()],
        };
        let mut shards = Vec::new();
        for file in files {
            let bytes = std::fs::read(&file).map_err(|source| ModelError::io(&file, source))?;
            shards.push(BufferedSafetensors::new(bytes).map_err(|error| ModelError::corrupt(&file, error))?);
        }
        Ok(Self::Safetensors {
            shards,
            device: device.clone(),
        })
    }

    /// Where the tensors will live.
    pub(crate) fn device(&self) -> &Device {
        match self {
            Self::Gguf { device, .. } | Self::Safetensors { device, .. } => device,
        }
    }

    fn name(&self, role: Role, layer: Option<usize>, part: &str) -> String {
        match (self, layer) {
            (Self::Gguf { .. }, Some(layer)) => format!("blk.{layer}.{}.{part}", role.gguf()),
            (Self::Gguf { .. }, None) => format!("{}.{part}", role.gguf()),
            (Self::Safetensors { .. }, Some(layer)) => {
                format!("model.layers.{layer}.{}.{part}", role.safetensors())
            }
            (Self::Safetensors { .. }, None) => format!("{}.{part}", role.safetensors()),
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Gguf { content, .. } => content.tensor_infos.contains_key(name),
            Self::Safetensors { shards, .. } => shards.iter().any(|shard| shard.get(name).is_ok()),
        }
    }

    /// A small weight in full precision.
    pub(crate) fn tensor(&mut self, role: Role, layer: Option<usize>) -> Result<Tensor> {
        let name = self.name(role, layer, "weight");
        self.full_precision(&name)
    }

    /// The same, or nothing when the file does not have it.
    pub(crate) fn optional_tensor(&mut self, role: Role, layer: Option<usize>) -> Result<Option<Tensor>> {
        let name = self.name(role, layer, "weight");
        if self.has(&name) {
            self.full_precision(&name).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Whether the output projection is a matrix of its own, rather than the embeddings used once more.
    pub(crate) fn has_output(&self) -> bool {
        self.has(&self.name(Role::Output, None, "weight"))
    }

    /// How many rows a matrix has, by the file's header.
    pub(crate) fn rows(&self, role: Role, layer: Option<usize>) -> Result<usize> {
        let name = self.name(role, layer, "weight");
        let rows = match self {
            Self::Gguf { content, .. } => content
                .tensor_infos
                .get(&name)
                .and_then(|info| info.shape.dims().first().copied()),
            Self::Safetensors { shards, .. } => shards
                .iter()
                .find_map(|shard| shard.get(&name).ok())
                .and_then(|view| view.shape().first().copied()),
        };
        rows.ok_or_else(|| candle_core::Error::msg(format!("there is no tensor {name}")))
    }

    /// A projection of `(out, in)` numbers, with its bias if the file has one.
    pub(crate) fn linear(&mut self, role: Role, layer: Option<usize>, shape: (usize, usize)) -> Result<Linear> {
        let matrix = self.matrix(role, layer)?;
        // Attention cuts rows into heads on the strength of the header, so a file may not contradict it.
        if shape_of(&matrix)? != shape {
            candle_core::bail!(
                "{role:?} of layer {layer:?} is {:?}, expected {shape:?}",
                shape_of(&matrix)?
            );
        }
        let bias_name = self.name(role, layer, "bias");
        let bias = if self.has(&bias_name) {
            Some(self.full_precision(&bias_name)?)
        } else {
            None
        };
        Linear::new(matrix, bias)
    }

    /// A large weight, quantised as the file has it.
    pub(crate) fn matrix(&mut self, role: Role, layer: Option<usize>) -> Result<QMatMul> {
        let name = self.name(role, layer, "weight");
        match self {
            Self::Gguf {
                content,
                reader,
                device,
            } => {
                let tensor = content.tensor(reader, &name, device)?;
                QMatMul::from_qtensor(tensor)
            }
            Self::Safetensors { .. } => Ok(QMatMul::Tensor(self.full_precision(&name)?)),
        }
    }

    fn full_precision(&mut self, name: &str) -> Result<Tensor> {
        match self {
            Self::Gguf {
                content,
                reader,
                device,
            } => content.tensor(reader, name, device)?.dequantize(device),
            Self::Safetensors { shards, device } => match shards.iter().find(|shard| shard.get(name).is_ok()) {
                Some(shard) => shard.load(name, device)?.to_dtype(DType::F32),
                None => candle_core::bail!("there is no tensor {name}"),
            },
        }
    }
}

/// Rows and columns of a matrix.
pub(crate) fn shape_of(matrix: &QMatMul) -> Result<(usize, usize)> {
    match matrix {
        QMatMul::QTensor(tensor) => tensor.shape().dims2(),
        QMatMul::Tensor(tensor) | QMatMul::TensorF16(tensor) => tensor.dims2(),
    }
}

fn shard_files(folder: &Path) -> std::result::Result<Vec<PathBuf>, ModelError> {
    let index_path = folder.join("model.safetensors.index.json");
    let index = crate::tokenize::read_json(&index_path)?;
    let Some(map) = index.get("weight_map").and_then(|map| map.as_object()) else {
        return Ok(vec![folder.join("model.safetensors")]);
    };
    let mut names: Vec<&str> = map.values().filter_map(|name| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if let Some(name) = names.iter().find(|name| name.contains(['/', '\\'])) {
        return Err(ModelError::corrupt(
            &index_path,
            format!("{name:?} points outside the folder"),
        ));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}
