//! Tensors of safetensors files, read one by one and only when they are wanted.
//!
//! candle reads a file into memory as a whole, or maps it, which safe Rust does not do. Here the header says where each
//! tensor lies and how big it is, so what a model needs is known before anything is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use parking_lot::Mutex;
use serde_json::Value;

use crate::ScoringError;
use crate::blocks::{Linear, Norm, Place};

/// Headers are some hundred kilobytes; more is damage or malice.
const LONGEST_HEADER: u64 = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    F32,
    F16,
    Bf16,
    /// Something that is no weight, such as a buffer of positions.
    Other,
}

struct Entry {
    file: usize,
    kind: Kind,
    shape: Vec<usize>,
    start: u64,
    bytes: u64,
}

/// The opened weights of a model.
pub(crate) struct Weights {
    folder: PathBuf,
    files: Vec<(PathBuf, Mutex<File>)>,
    entries: HashMap<String, Entry>,
    place: Place,
}

impl Weights {
    /// Reads the headers of `model.safetensors`, or of all parts that `model.safetensors.index.json` lists.
    pub(crate) fn open(folder: &Path, place: &Place) -> Result<Self, ScoringError> {
        let mut weights = Self {
            folder: folder.to_owned(),
            files: Vec::new(),
            entries: HashMap::new(),
            place: place.clone(),
        };
        for path in files_of(folder)? {
            weights.read_header(&path)?;
        }
        Ok(weights)
    }

    fn read_header(&mut self, path: &Path) -> Result<(), ScoringError> {
        let damaged = |reason: String| ScoringError::damaged(path, reason);
        let io = |error: std::io::Error| ScoringError::damaged(path, error);
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut prefix = [0u8; 8];
        file.read_exact(&mut prefix).map_err(io)?;
        let header_bytes = u64::from_le_bytes(prefix);
        if header_bytes > LONGEST_HEADER || header_bytes > length.saturating_sub(8) {
            return Err(damaged(format!("a header of {header_bytes} bytes makes no sense")));
        }
        let mut header = vec![0u8; usize::try_from(header_bytes).unwrap_or(0)];
        file.read_exact(&mut header).map_err(io)?;
        let header: HashMap<String, Value> =
            serde_json::from_slice(&header).map_err(|error| damaged(error.to_string()))?;
        let (number, base) = (self.files.len(), 8 + header_bytes);
        for (name, value) in header.into_iter().filter(|(name, _)| name != "__metadata__") {
            let entry = Entry::read(&value, number, base, length)
                .ok_or_else(|| damaged(format!("its header describes tensor {name} wrongly")))?;
            self.entries.insert(name, entry);
        }
        self.files.push((path.to_owned(), Mutex::new(file)));
        Ok(())
    }

    /// Numbers in all weights together.
    pub(crate) fn numbers(&self) -> u64 {
        let weights = self.entries.values().filter(|entry| entry.kind != Kind::Other);
        weights.map(|entry| entry.shape.iter().product::<usize>() as u64).sum()
    }

    /// Where the model will lie.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    fn load(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ScoringError> {
        let Some(entry) = self.entries.get(name) else {
            return Err(ScoringError::MissingTensor {
                path: self.folder.clone(),
                name: name.to_owned(),
            });
        };
        let (path, file) = &self.files[entry.file];
        if entry.shape != shape {
            let reason = format!("tensor {name} is {:?}, and config.json makes it {shape:?}", entry.shape);
            return Err(ScoringError::damaged(path, reason));
        }
        let io = |error: std::io::Error| ScoringError::damaged(path, error);
        let mut bytes = vec![0u8; usize::try_from(entry.bytes).map_err(|error| ScoringError::damaged(path, error))?];
        {
            let mut file = file.lock();
            file.seek(SeekFrom::Start(entry.start)).map_err(io)?;
            file.read_exact(&mut bytes).map_err(io)?;
        }
        let pairs = || bytes.as_chunks::<2>().0.iter();
        Ok(match entry.kind {
            Kind::F32 => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
            Kind::F16 => pairs().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            Kind::Bf16 => pairs().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
            Kind::Other => {
                return Err(ScoringError::damaged(
                    path,
                    format!("tensor {name} is not f32, f16 or bf16"),
                ));
            }
        })
    }
}

impl Entry {
    fn read(value: &Value, file: usize, base: u64, length: u64) -> Option<Self> {
        let (kind, size) = match value["dtype"].as_str()? {
            "F32" => (Kind::F32, 4),
            "F16" => (Kind::F16, 2),
            "BF16" => (Kind::Bf16, 2),
            _ => (Kind::Other, 0),
        };
        let shape: Vec<usize> = value["shape"]
            .as_array()?
            .iter()
            .map(|size| size.as_u64().and_then(|size| usize::try_from(size).ok()))
            .collect::<Option<_>>()?;
        let offsets = value["data_offsets"].as_array()?;
        let (start, end) = (offsets.first()?.as_u64()?, offsets.get(1)?.as_u64()?);
        let bytes = end.checked_sub(start)?;
        let numbers = shape
            .iter()
            .try_fold(1u64, |product, size| product.checked_mul(*size as u64))?;
        if kind != Kind::Other && numbers.checked_mul(size)? != bytes {
            return None;
        }
        if base.checked_add(end)? > length {
            return None;
        }
        Some(Self {
            file,
            kind,
            shape,
            start: base.checked_add(start)?,
            bytes,
        })
    }
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, ScoringError> {
    let index = folder.join("model.safetensors.index.json");
    if !index.exists() {
        return Ok(vec![folder.join("model.safetensors")]);
    }
    let json = read_json(&index)?;
    let Some(map) = json["weight_map"].as_object() else {
        return Err(ScoringError::damaged(&index, "it has no weight_map"));
    };
    let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    if let Some(name) = names.iter().find(|name| name.contains(['/', '\\'])) {
        return Err(ScoringError::damaged(
            &index,
            format!("{name:?} points outside the folder"),
        ));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// A JSON file.
pub(crate) fn read_json(path: &Path) -> Result<Value, ScoringError> {
    let bytes = std::fs::read(path).map_err(|error| ScoringError::damaged(path, error))?;
    serde_json::from_slice(&bytes).map_err(|error| ScoringError::damaged(path, error))
}

/// A place in the tree of names.
#[derive(Clone)]
pub(crate) struct At<'a> {
    weights: &'a Weights,
    prefix: String,
}

impl<'a> At<'a> {
    /// The root, below `prefix` if the file has that prefix: a model with a head on top has one, a bare one has not.
    pub(crate) fn root(weights: &'a Weights, prefix: &str, witness: &str) -> Self {
        let long = format!("{prefix}.{witness}");
        let prefix = if weights.entries.contains_key(&long) {
            prefix
        } else {
            ""
        };
        Self {
            weights,
            prefix: prefix.to_owned(),
        }
    }

    /// The root itself.
    pub(crate) fn top(weights: &'a Weights) -> Self {
        Self {
            weights,
            prefix: String::new(),
        }
    }

    /// One level down, or several with dots.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self {
            weights: self.weights,
            prefix: self.name(&name.to_string()),
        }
    }

    fn name(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}.{name}"),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.weights.place
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.weights.entries.contains_key(&self.name(name))
    }

    /// A tensor of this shape.
    pub(crate) fn load(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ScoringError> {
        self.weights.load(&self.name(name), shape)
    }

    /// How many rows a tensor has.
    pub(crate) fn rows(&self, name: &str) -> Result<usize, ScoringError> {
        let name = self.name(name);
        let rows = self
            .weights
            .entries
            .get(&name)
            .and_then(|entry| entry.shape.first().copied());
        rows.ok_or_else(|| ScoringError::MissingTensor {
            path: self.weights.folder.clone(),
            name,
        })
    }

    /// A matrix with a bias.
    pub(crate) fn linear(&self, outputs: usize, inputs: usize) -> Result<Linear, ScoringError> {
        Linear::load(std::slice::from_ref(self), &[outputs], inputs, true)
    }

    /// A matrix with a bias if the file has one.
    pub(crate) fn linear_any(&self, outputs: usize, inputs: usize) -> Result<Linear, ScoringError> {
        Linear::load(std::slice::from_ref(self), &[outputs], inputs, self.has("bias"))
    }

    /// A matrix without a bias.
    pub(crate) fn linear_plain(&self, outputs: usize, inputs: usize) -> Result<Linear, ScoringError> {
        Linear::load(std::slice::from_ref(self), &[outputs], inputs, false)
    }

    /// A layer norm with a bias.
    pub(crate) fn norm(&self, width: usize, epsilon: f64) -> Result<Norm, ScoringError> {
        let bias = Some(self.load("bias", &[width])?);
        Norm::layer(self.load("weight", &[width])?, bias, epsilon, self.place())
    }

    /// A layer norm whose bias is optional.
    pub(crate) fn norm_any(&self, width: usize, epsilon: f64) -> Result<Norm, ScoringError> {
        let bias = self.has("bias").then(|| self.load("bias", &[width])).transpose()?;
        Norm::layer(self.load("weight", &[width])?, bias, epsilon, self.place())
    }

    /// A norm by the root mean square.
    pub(crate) fn rms_norm(&self, width: usize, epsilon: f64) -> Result<Norm, ScoringError> {
        Norm::root_mean_square(self.load("weight", &[width])?, epsilon, self.place())
    }
}
