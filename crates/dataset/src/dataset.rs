//! Several sources as one supply.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::DatasetError;
use crate::config::{DatasetConfig, Location, SourceSpec};
use crate::position::Position;
use crate::source::Source;

/// An endless supply of texts. Cheap to clone; clones share one supply.
#[derive(Clone)]
pub struct Dataset {
    inner: Arc<Mutex<Inner>>,
    /// Beside the rest, because that is locked for as long as a download takes.
    position: Arc<Mutex<Arc<Position>>>,
}

struct Inner {
    seed: u64,
    /// Chooses the source of each text.
    rng: ChaCha8Rng,
    weights: Vec<f64>,
    sources: Vec<Source>,
}

impl Dataset {
    /// Opens the configured sources. All order comes from `seed`. The hub is not asked before the first text is.
    ///
    /// # Errors
    /// Where a source on this machine is not there.
    pub fn open(config: &DatasetConfig, seed: u64) -> Result<Self, DatasetError> {
        Self::start(config, seed, None)
    }

    /// Opens the configured sources where they stood: exactly the texts follow that would have followed. A source that was
    /// changed since, or whose files have other names now, starts over.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open_at(config: &DatasetConfig, position: &Position) -> Result<Self, DatasetError> {
        Self::start(config, position.seed, Some(position))
    }

    fn start(config: &DatasetConfig, seed: u64, position: Option<&Position>) -> Result<Self, DatasetError> {
        let shipped = [SourceSpec {
            weight: 1.0,
            location: Location::Shipped,
        }];
        let specs = if config.sources.is_empty() {
            shipped.as_slice()
        } else {
            &config.sources
        };
        let mut sources = Vec::with_capacity(specs.len());
        for (number, spec) in specs.iter().enumerate() {
            let name = spec.location.to_string();
            let saved = position.and_then(|position| position.sources.get(number));
            let saved = saved.filter(|saved| saved.location == name);
            sources.push(Source::new(&spec.location, config, seed, number, specs.len(), saved)?);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        if let Some(position) = position {
            rng.set_word_pos(u128::from(position.draws));
        }
        let inner = Inner {
            seed,
            rng,
            weights: specs.iter().map(|spec| spec.weight).collect(),
            sources,
        };
        let position = Arc::new(inner.position());
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
            position: Arc::new(Mutex::new(position)),
        })
    }

    /// The next text, with at least the configured number of dots. Reads and fetches files on a thread that may block.
    ///
    /// # Errors
    /// Where nothing can be read now; the next call tries again.
    pub async fn next(&self) -> Result<String, DatasetError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.next_blocking())
            .await
            .map_err(DatasetError::Interrupted)?
    }

    /// [`Dataset::next`] on this thread.
    ///
    /// # Errors
    /// As [`Dataset::next`].
    pub fn next_blocking(&self) -> Result<String, DatasetError> {
        let mut inner = self.inner.lock();
        let text = inner.next();
        *self.position.lock() = Arc::new(inner.position());
        text
    }

    /// Where the supply stood after the newest finished [`Dataset::next`]. Never waits for one that is under way.
    pub fn position(&self) -> Arc<Position> {
        self.position.lock().clone()
    }
}

impl Inner {
    fn next(&mut self) -> Result<String, DatasetError> {
        let chosen = self.choose();
        self.sources[chosen].next()
    }

    fn choose(&mut self) -> usize {
        if self.sources.len() == 1 {
            return 0;
        }
        let total: f64 = self.weights.iter().sum();
        let mut point = self.rng.random::<f64>() * total;
        for (index, weight) in self.weights.iter().enumerate() {
            point -= weight;
            if point < 0.0 {
                return index;
            }
        }
        self.weights.len() - 1
    }

    fn position(&self) -> Position {
        Position {
            seed: self.seed,
            draws: u64::try_from(self.rng.get_word_pos()).unwrap_or(u64::MAX),
            sources: self.sources.iter().map(Source::position).collect(),
        }
    }
}
