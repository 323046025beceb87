//! What a slot remembers of the positions it has seen.

use candle_core::{DType, Device, Result, Tensor};

use super::attention::Shape;

/// One sequence's memory.
///
/// Cutting it back is free, which is how several completions are scored against one prompt, and copying the beginning of
/// another slot's is cheap, which is how equal prompts are read only once.
pub(crate) struct SlotCache {
    /// The tokens that were read, one per complete position. What the memory holds beyond them is left over from a pass
    /// that failed or a sequence that was cut, and will be overwritten.
    tokens: Vec<u32>,
    pub(crate) memory: Memory,
}

/// Keys and values of all layers.
pub(crate) enum Memory {
    Host(HostMemory),
    Device(DeviceMemory),
}

/// Positions whose keys stand side by side.
pub(crate) const BLOCK: usize = 16;

/// In main memory, grown as it is used.
pub(crate) struct HostMemory {
    /// Of layer and head, block after block of positions; within a block, number after number of the key, and for each
    /// number all positions. So scores of a whole block are computed at once, without sums across a register.
    keys: Vec<Vec<f32>>,
    /// Of layer and head, position after position.
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
    pub(crate) fn on_device(layers: usize, shape: Shape, positions: usize, device: &Device) -> Result<Self> {
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
}

impl HostMemory {
    /// Puts down one position's key and value of one head.
    pub(crate) fn store(&mut self, layer: usize, head: usize, position: usize, key: &[f32], value: &[f32]) {
        let index = layer * self.kv_heads + head;
        let (keys, values) = (&mut self.keys[index], &mut self.values[index]);
        let block = position / BLOCK * BLOCK * self.head_dim;
        keys.resize(block + BLOCK * self.head_dim, 0.0);
        let lane = position % BLOCK;
        for (column, number) in keys[block..].chunks_exact_mut(BLOCK).zip(key) {
            column[lane] = *number;
        }
        values.resize(position * self.head_dim, 0.0);
        values.extend_from_slice(value);
    }

    /// All keys and values of a head, those of the current pass included. The last block of keys is filled up.
    pub(crate) fn head(&self, layer: usize, head: usize) -> (&[f32], &[f32]) {
        let index = layer * self.kv_heads + head;
        (&self.keys[index], &self.values[index])
    }

    fn copy_from(&mut self, other: &Self, length: usize) {
        let copy = |mine: &mut [Vec<f32>], theirs: &[Vec<f32>], positions: usize| {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                mine.clear();
                mine.extend_from_slice(&theirs[..positions * self.head_dim]);
            }
        };
        copy(&mut self.keys, &other.keys, length.next_multiple_of(BLOCK));
        copy(&mut self.values, &other.values, length);
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
