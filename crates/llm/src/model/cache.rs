//! Keys and values of the positions a slot has seen.

/// One sequence's memory, grown as it is used.
///
/// Cutting it back is free, which is how several completions are scored against one prompt, and copying the beginning of
/// another slot's is cheap, which is how equal prompts are read only once.
pub(crate) struct SlotCache {
    /// Keys of layer and head, position after position.
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    kv_heads: usize,
    head_dim: usize,
    /// The tokens that were read, one per complete position.
    tokens: Vec<u32>,
}

impl SlotCache {
    pub(crate) fn new(layers: usize, kv_heads: usize, head_dim: usize) -> Self {
        let empty = || (0..layers * kv_heads).map(|_| Vec::new()).collect();
        Self { keys: empty(), values: empty(), kv_heads, head_dim, tokens: Vec::new() }
    }

    /// How many positions are complete.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// How many of these tokens are already here.
    pub(crate) fn shared_prefix(&self, tokens: &[u32]) -> usize {
        self.tokens.iter().zip(tokens).take_while(|(mine, theirs)| mine == theirs).count()
    }

    /// Forgets everything from position `length` on.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.tokens.truncate(length);
        self.drop_unfinished();
    }

    /// Takes over the first `length` positions of another slot.
    pub(crate) fn copy_from(&mut self, other: &Self, length: usize) {
        self.tokens.clear();
        self.tokens.extend(other.tokens.iter().take(length));
        let numbers = self.len() * self.head_dim;
        let pairs = self.keys.iter_mut().zip(&other.keys).chain(self.values.iter_mut().zip(&other.values));
        for (mine, theirs) in pairs {
            mine.clear();
            mine.extend_from_slice(&theirs[..numbers]);
        }
    }

    /// Adds one position's key and value of one head; counts only after [`SlotCache::advance`].
    pub(crate) fn push(&mut self, layer: usize, head: usize, key: &[f32], value: &[f32]) {
        let index = layer * self.kv_heads + head;
        self.keys[index].extend_from_slice(key);
        self.values[index].extend_from_slice(value);
    }

    /// Declares the positions of these tokens complete in all layers.
    pub(crate) fn advance(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// Removes what a failed pass left behind.
    pub(crate) fn drop_unfinished(&mut self) {
        let numbers = self.len() * self.head_dim;
        for column in self.keys.iter_mut().chain(&mut self.values) {
            column.truncate(numbers);
        }
    }

    /// All keys and values of a head, pushed ones included.
    pub(crate) fn head(&self, layer: usize, head: usize) -> (&[f32], &[f32]) {
        let index = layer * self.kv_heads + head;
        (&self.keys[index], &self.values[index])
    }
}
