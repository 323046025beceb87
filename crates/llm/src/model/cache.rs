//! What a slot remembers of the positions it has seen.

use candle_core::{DType, Device, Result, Tensor};

use super::attention::Shape;

/// One sequence's memory.
///
/// Cutting it back is free, which is how several completions are scored against one prompt, and copying the beginning of
/// another slot's is cheap, which is how equal prompts are read only once.
pub(crate) struct SlotCache {
    /// The tokens that were read, one per complete position.
    tokens: Vec<u32>,
    pub(crate) memory: Memory,
}

/// Keys and values of all layers.
pub(crate) enum Memory {
    Host(HostMemory),
    Device(DeviceMemory),
}

/// In main memory, grown as it is used.
pub(crate) struct HostMemory {
    /// Of layer and head, position after position.
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    kv_heads: usize,
    head_dim: usize,
}

/// On a device, of fixed size: `[heads, positions, head size]` per layer.
pub(crate) struct DeviceMemory {
    pub(crate) keys: Vec<Tensor>,
    pub(crate) values: Vec<Tensor>,
}

impl SlotCache {
    /// Memory for a model that runs on the CPU.
    pub(crate) fn on_host(layers: usize, shape: Shape) -> Self {
        let empty = || (0..layers * shape.kv_heads).map(|_| Vec::new()).collect();
        let memory = HostMemory {
            keys: empty(),
            values: empty(),
            kv_heads: shape.kv_heads,
            head_dim: shape.head_dim,
        };
        Self {
            tokens: Vec::new(),
            memory: Memory::Host(memory),
        }
    }

    /// Memory for a model that runs on a device.
    pub(crate) fn on_device(
        layers: usize,
        shape: Shape,
        positions: usize,
        device: &Device,
    ) -> Result<Self> {
        let size = (shape.kv_heads, positions, shape.head_dim);
        let empty = || {
            (0..layers)
                .map(|_| Tensor::zeros(size, DType::F32, device))
                .collect::<Result<Vec<_>>>()
        };
        let memory = DeviceMemory {
            keys: empty()?,
            values: empty()?,
        };
        Ok(Self {
            tokens: Vec::new(),
            memory: Memory::Device(memory),
        })
    }

    /// How many positions are complete.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// How many of these tokens are already here.
    pub(crate) fn shared_prefix(&self, tokens: &[u32]) -> usize {
        self.tokens
            .iter()
            .zip(tokens)
            .take_while(|(mine, theirs)| mine == theirs)
            .count()
    }

    /// Forgets everything from position `length` on.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.tokens.truncate(length);
        self.drop_unfinished();
    }

    /// Takes over the first `length` positions of another slot. After a failure the slot is empty.
    pub(crate) fn copy_from(&mut self, other: &Self, length: usize) -> Result<()> {
        self.truncate(0);
        let length = length.min(other.len());
        match (&mut self.memory, &other.memory) {
            (Memory::Host(mine), Memory::Host(theirs)) => mine.copy_from(theirs, length),
            (Memory::Device(mine), Memory::Device(theirs)) => mine.copy_from(theirs, length)?,
            _ => candle_core::bail!("the memories of two slots lie on different devices"),
        }
        self.tokens.extend_from_slice(&other.tokens[..length]);
        Ok(())
    }

    /// Declares the positions of these tokens complete in all layers.
    pub(crate) fn advance(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// Removes what a failed pass left behind. On a device it is overwritten by the next one.
    pub(crate) fn drop_unfinished(&mut self) {
        if let Memory::Host(memory) = &mut self.memory {
            memory.truncate(self.tokens.len());
        }
    }
}

impl HostMemory {
    /// Adds one position's key and value of one head.
    pub(crate) fn push(&mut self, layer: usize, head: usize, key: &[f32], value: &[f32]) {
        let index = layer * self.kv_heads + head;
        self.keys[index].extend_from_slice(key);
        self.values[index].extend_from_slice(value);
    }

    /// All keys and values of a head, those of the current pass included.
    pub(crate) fn head(&self, layer: usize, head: usize) -> (&[f32], &[f32]) {
        let index = layer * self.kv_heads + head;
        (&self.keys[index], &self.values[index])
    }

    fn truncate(&mut self, length: usize) {
        for column in self.keys.iter_mut().chain(&mut self.values) {
            column.truncate(length * self.head_dim);
        }
    }

    fn copy_from(&mut self, other: &Self, length: usize) {
        let pairs = self
            .keys
            .iter_mut()
            .zip(&other.keys)
            .chain(self.values.iter_mut().zip(&other.values));
        for (mine, theirs) in pairs {
            mine.clear();
            mine.extend_from_slice(&theirs[..length * self.head_dim]);
        }
    }
}

impl DeviceMemory {
    fn copy_from(&mut self, other: &Self, length: usize) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        let pairs = self
            .keys
            .iter()
            .zip(&other.keys)
            .chain(self.values.iter().zip(&other.values));
        for (mine, theirs) in pairs {
            mine.slice_set(&theirs.narrow(1, 0, length)?.contiguous()?, 1, 0)?;
        }
        Ok(())
    }
}
