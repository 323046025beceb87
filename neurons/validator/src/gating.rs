//! The gating model in the validator: one head for all passes, following the subnet's hotkeys, with a memory.

use std::sync::Arc;

use axoneme_chain::Metagraph;
use axoneme_gating::{Encoder, GatingConfig, GatingError, GatingHead, changed};
use axoneme_reward::memory::{MemoryError, Reader, Writer};
use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The name of its memory.
pub const NAME: &str = "gating_model";

const TRAINED: u32 = 1;
const FOLLOWED: u32 = 2;

/// The model that learns which miners suit a prompt.
pub struct Gating {
    encoder: Arc<dyn Encoder>,
    inner: Mutex<Inner>,
}

struct Inner {
    head: GatingHead,
    /// Who sits at which uid of the head.
    hotkeys: Vec<AccountId>,
    seed: u64,
    /// How often rows were drawn anew: each time from a stream of its own.
    draws: u64,
    /// What was learnt and not handed over yet.
    addition: Writer,
    added: bool,
}

impl Gating {
    /// An empty head for what `encoder` makes of a text. Rows are drawn from `seed` as miners appear.
    ///
    /// # Errors
    /// Those of the encoder.
    pub async fn start(encoder: Arc<dyn Encoder>, config: GatingConfig, seed: u64) -> Result<Self, GatingError> {
        let hidden = encoder.encode("How long is a vector?").await?.len();
        let head = GatingHead::new(hidden, 0, config, &mut ChaCha8Rng::seed_from_u64(seed));
        Ok(Self::with_head(encoder, head, Vec::new(), seed))
    }

    /// With a head that is there, for miners with these hotkeys by uid.
    pub fn with_head(encoder: Arc<dyn Encoder>, head: GatingHead, hotkeys: Vec<AccountId>, seed: u64) -> Self {
        let inner = Inner {
            head,
            hotkeys,
            seed,
            draws: 0,
            addition: Writer::default(),
            added: false,
        };
        Self {
            encoder,
            inner: Mutex::new(inner),
        }
    }

    /// The vector of a prompt.
    ///
    /// # Errors
    /// Those of the encoder.
    pub async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        self.encoder.encode(text).await
    }

    /// Forgets what was learnt about uids at which another hotkey sits now, and grows with the network. Who sits where, if that
    /// has changed.
    pub fn follow(&self, metagraph: &Metagraph) -> Option<Vec<AccountId>> {
        let seats = metagraph.neurons.iter().map(|neuron| usize::from(neuron.uid) + 1).max();
        let mut hotkeys = vec![AccountId([0; 32]); seats.unwrap_or(0)];
        for neuron in &metagraph.neurons {
            hotkeys[usize::from(neuron.uid)] = neuron.hotkey;
        }
        self.follow_seats(&hotkeys).then_some(hotkeys)
    }

    /// The same with a list of hotkeys by uid; whether it is another one than before.
    pub fn follow_seats(&self, hotkeys: &[AccountId]) -> bool {
        let mut inner = self.inner.lock();
        let changed = inner.hotkeys != hotkeys;
        if changed {
            inner.addition.u32(FOLLOWED);
            put_hotkeys(&mut inner.addition, hotkeys);
            inner.added = true;
            inner.take_seats(hotkeys.to_vec());
        }
        changed
    }

    /// A score for each uid.
    ///
    /// # Errors
    /// When `vector` is not one of this encoder.
    pub fn scores(&self, vector: &[f32]) -> Result<Vec<f32>, GatingError> {
        self.inner.lock().head.scores(vector)
    }

    /// Learns from one run; returns the loss before it.
    ///
    /// # Errors
    /// When the arguments do not fit the head; nothing was learnt then.
    pub fn train(&self, uids: &[u16], vector: &[f32], rewards: &[f64]) -> Result<f32, GatingError> {
        let rewards: Vec<f32> = rewards.iter().map(|reward| *reward as f32).collect();
        let mut inner = self.inner.lock();
        let loss = inner.head.train(uids, vector, &rewards)?;
        inner.added = true;
        let out = &mut inner.addition;
        out.u32(TRAINED);
        out.ids(&uids.iter().map(|uid| u32::from(*uid)).collect::<Vec<_>>());
        rewards.iter().for_each(|reward| out.u32(reward.to_bits()));
        out.u64(vector.len() as u64);
        vector.iter().for_each(|value| out.f32(*value));
        Ok(loss)
    }

    /// What was learnt since the last call; `None` when nothing was.
    pub fn take_addition(&self) -> Option<Vec<u8>> {
        let mut inner = self.inner.lock();
        let addition = std::mem::take(&mut inner.addition).done();
        std::mem::take(&mut inner.added).then_some(addition)
    }

    /// The head alone, as a safetensors file.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn head(&self) -> Result<Vec<u8>, GatingError> {
        self.inner.lock().head.to_bytes()
    }

    /// Everything.
    ///
    /// # Errors
    /// When the head cannot be written down.
    pub fn whole(&self) -> Result<Vec<u8>, GatingError> {
        let mut inner = self.inner.lock();
        // Whatever was learnt so far is in it.
        inner.addition = Writer::default();
        inner.added = false;
        let mut out = Writer::default();
        out.u64(inner.seed);
        out.u64(inner.draws);
        put_hotkeys(&mut out, &inner.hotkeys);
        let mut bytes = out.done();
        bytes.extend(inner.head.to_bytes()?);
        Ok(bytes)
    }

    /// Takes [`Gating::whole`] back.
    ///
    /// # Errors
    /// When the bytes are damaged or belong to another encoder; the head is as it was.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), MemoryError> {
        let mut reader = Reader::new(bytes);
        let (seed, draws) = (reader.u64()?, reader.u64()?);
        let hotkeys = take_hotkeys(&mut reader)?;
        let rest = &bytes[16 + 8 + 32 * hotkeys.len()..];
        let mut inner = self.inner.lock();
        let head = GatingHead::from_bytes(rest, inner.head.config)
            .map_err(|_| MemoryError::Damaged("the gating head in it cannot be read"))?;
        if head.hidden() != inner.head.hidden() {
            return Err(MemoryError::Foreign("another encoder"));
        }
        inner.head = head;
        inner.hotkeys = hotkeys;
        (inner.seed, inner.draws) = (seed, draws);
        Ok(())
    }

    /// Learns again what [`Gating::take_addition`] gave.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn relearn(&self, bytes: &[u8]) -> Result<(), MemoryError> {
        let mut reader = Reader::new(bytes);
        let mut inner = self.inner.lock();
        while reader.end().is_err() {
            match reader.u32()? {
                TRAINED => {
                    let ids = reader.ids()?;
                    let uids: Vec<u16> = ids.iter().filter_map(|id| u16::try_from(*id).ok()).collect();
                    let rewards = (0..ids.len()).map(|_| reader.u32().map(f32::from_bits));
                    let rewards = rewards.collect::<Result<Vec<_>, _>>()?;
                    let vector = (0..reader.count()?)
                        .map(|_| reader.f32())
                        .collect::<Result<Vec<_>, _>>()?;
                    let trained = inner.head.train(&uids, &vector, &rewards);
                    trained.map_err(|_| MemoryError::Damaged("a step of the gating model does not fit its head"))?;
                }
                FOLLOWED => {
                    let hotkeys = take_hotkeys(&mut reader)?;
                    inner.take_seats(hotkeys);
                }
                _ => return Err(MemoryError::Damaged("a step of the gating model is unknown")),
            }
        }
        Ok(())
    }
}

impl Inner {
    fn take_seats(&mut self, hotkeys: Vec<AccountId>) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        self.draws += 1;
        rng.set_stream(self.draws);
        let size = self.head.len();
        self.head.grow(hotkeys.len(), &mut rng);
        let moved: Vec<u16> = changed(&self.hotkeys, &hotkeys);
        // Rows that `grow` just drew need not be drawn again.
        let moved: Vec<u16> = moved.into_iter().filter(|uid| usize::from(*uid) < size).collect();
        self.head.resync(&moved, &mut rng);
        self.hotkeys = hotkeys;
    }
}

fn put_hotkeys(out: &mut Writer, hotkeys: &[AccountId]) {
    out.u64(hotkeys.len() as u64);
    for hotkey in hotkeys {
        for word in hotkey.0.chunks(4) {
            out.u32(u32::from_le_bytes(std::array::from_fn(|index| word[index])));
        }
    }
}

fn take_hotkeys(reader: &mut Reader<'_>) -> Result<Vec<AccountId>, MemoryError> {
    let one = |bytes: &[u8]| AccountId(std::array::from_fn(|index| bytes[index]));
    (0..reader.count()?).map(|_| reader.take(32).map(one)).collect()
}
