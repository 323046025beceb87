//! Partial similarity: does a phrase, or something very like it, occur inside a longer text?

use std::collections::{HashMap, HashSet};

/// How alike, of 100, the shorter of two texts is to the best passage of the longer one. 100 if equal, 0 if one is
/// empty.
pub fn partial_ratio(a: &str, b: &str) -> u32 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short == long {
        return 100;
    }
    if short.is_empty() {
        return 0;
    }
    let pattern = Pattern::new(&short);
    best_of(windows(&long, short.len()).map(|window| pattern.similarity(window)))
}

fn windows(long: &[char], length: usize) -> impl Iterator<Item = &[char]> {
    (0..long.len()).map(move |start| &long[start..long.len().min(start + length)])
}

fn best_of(similarities: impl Iterator<Item = f64>) -> u32 {
    let best = similarities.fold(0.0, f64::max);
    if best > 0.995 {
        100
    } else {
        (100.0 * best).round_ties_even() as u32
    }
}

/// A completion to look for many phrases in.
pub struct Haystack {
    text: Vec<char>,
}

impl Haystack {
    /// Looks into `text`, which should be lower-cased already.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
        }
    }

    /// Whether `partial_ratio(phrase, text) > bound`, much faster than working the ratio out: a passage that alike must
    /// share most pairs of neighbouring characters with the phrase, so only passages that do are aligned.
    pub fn matches(&self, phrase: &str, bound: u32) -> bool {
        let phrase: Vec<char> = phrase.chars().collect();
        let (short, long) = if phrase.len() <= self.text.len() {
            (&phrase, &self.text)
        } else {
            (&self.text, &phrase)
        };
        if short == long {
            return 100 > bound;
        }
        if short.is_empty() {
            return false;
        }
        let pairs: HashSet<[char; 2]> = short.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        // known[i] = how many of the first i pairs of the long text occur in the short one.
        let mut known = vec![0usize; long.len()];
        for (index, pair) in long.windows(2).enumerate() {
            known[index + 1] = known[index] + usize::from(pairs.contains(&[pair[0], pair[1]]));
        }
        let pattern = Pattern::new(short);
        windows(long, short.len()).enumerate().any(|(start, window)| {
            let end = start + window.len();
            known[end - 1] - known[start] >= least_pairs(short.len(), window.len(), bound)
                && best_of(std::iter::once(pattern.similarity(window))) > bound
        })
    }
}

/// The fewest pairs a passage that is alike enough can share. The rounded ratio exceeds `bound` from `bound + 0.5` percent
/// on, which allows `d` insertions and deletions; each of them spoils at most two pairs.
fn least_pairs(short: usize, window: usize, bound: u32) -> usize {
    let allowed = ((short + window) as f64 * (1.0 - (f64::from(bound) + 0.5) / 100.0))
        .ceil()
        .max(0.0) as usize;
    (window - 1).saturating_sub(2 * allowed + 1)
}

/// A short text prepared for the bit-parallel longest common subsequence: one bit per character, 64 to a word.
struct Pattern {
    length: usize,
    positions: HashMap<char, Vec<u64>>,
}

impl Pattern {
    fn new(text: &[char]) -> Self {
        let words = text.len().div_ceil(64);
        let mut positions: HashMap<char, Vec<u64>> = HashMap::new();
        for (index, character) in text.iter().enumerate() {
            positions.entry(*character).or_insert_with(|| vec![0; words])[index / 64] |= 1 << (index % 64);
        }
        Self {
            length: text.len(),
            positions,
        }
    }

    /// One minus the share of characters that must be inserted or deleted to turn one text into the other.
    fn similarity(&self, other: &[char]) -> f64 {
        2.0 * self.common(other) as f64 / (self.length + other.len()) as f64
    }

    /// The length of the longest common subsequence, by the usual recurrence `v = (v + (v & m)) | (v & !m)` over the
    /// zero bits of `v`.
    fn common(&self, other: &[char]) -> usize {
        let mut rest = vec![u64::MAX; self.length.div_ceil(64)];
        for character in other {
            let Some(positions) = self.positions.get(character) else {
                continue;
            };
            let mut carry = false;
            for (word, mask) in rest.iter_mut().zip(positions) {
                let hit = *word & mask;
                let (sum, first) = word.overflowing_add(hit);
                let (sum, second) = sum.overflowing_add(u64::from(carry));
                carry = first || second;
                *word = sum | (*word & !mask);
            }
        }
        // Bits past the length stay one: nothing is counted there.
        rest.iter().map(|word| word.count_zeros() as usize).sum()
    }
}
