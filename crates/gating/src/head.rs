//! The linear layer that is trained, and its training.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::GatingError;

/// How a head learns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatingConfig {
    /// Share of the accumulated gradient that a step moves by.
    pub learning_rate: f32,
    /// Share of the last movement that goes on; 0 is plain descent.
    pub momentum: f32,
}

impl Default for GatingConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            momentum: 0.9,
        }
    }
}

/// One row of weights and a bias for each uid, and the momentum of their training.
///
/// Everything in it is finite at all times. Two heads made from the same seed that saw the same steps are equal bit for
/// bit.
#[derive(Debug, Clone, PartialEq)]
pub struct GatingHead {
    pub(crate) hidden: usize,
    /// Row by row.
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) weight_velocity: Vec<f32>,
    pub(crate) bias_velocity: Vec<f32>,
    /// How it learns; may be changed between steps.
    pub config: GatingConfig,
}

impl GatingHead {
    /// A head for vectors of `hidden` numbers and `uids` miners, its numbers drawn uniformly from ±1/√hidden.
    pub fn new(hidden: usize, uids: usize, config: GatingConfig, rng: &mut impl Rng) -> Self {
        let bound = 1.0 / (hidden.max(1) as f32).sqrt();
        let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-bound..=bound)).collect() };
        let (weight, bias) = (draw(hidden * uids), draw(uids));
        Self::from_parts(hidden, weight, bias, config).unwrap_or_else(|| Self::empty(hidden, config))
    }

    /// A head with given numbers, row by row; `None` when they do not fit together or are not finite.
    pub fn from_parts(hidden: usize, weight: Vec<f32>, bias: Vec<f32>, config: GatingConfig) -> Option<Self> {
        let fits = hidden.checked_mul(bias.len()) == Some(weight.len());
        let finite = weight.iter().chain(&bias).all(|value| value.is_finite());
        (fits && finite).then(|| Self {
            hidden,
            weight_velocity: vec![0.0; weight.len()],
            bias_velocity: vec![0.0; bias.len()],
            weight,
            bias,
            config,
        })
    }

    fn empty(hidden: usize, config: GatingConfig) -> Self {
        Self {
            hidden,
            weight: Vec::new(),
            bias: Vec::new(),
            weight_velocity: Vec::new(),
            bias_velocity: Vec::new(),
            config,
        }
    }

    /// Numbers in a prompt's vector.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Uids it has a row for.
    pub fn len(&self) -> usize {
        self.bias.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.bias.is_empty()
    }

    /// The weights, row by row.
    pub fn weight(&self) -> &[f32] {
        &self.weight
    }

    /// The biases.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// A score for each uid.
    pub fn scores(&self, embedding: &[f32]) -> Result<Vec<f32>, GatingError> {
        self.check(embedding)?;
        let score = |uid: usize| {
            let dot: f32 = self.row(uid).iter().zip(embedding).map(|(w, x)| w * x).sum();
            dot + self.bias[uid]
        };
        Ok((0..self.len()).map(score).collect())
    }

    fn row(&self, uid: usize) -> &[f32] {
        &self.weight[uid * self.hidden..(uid + 1) * self.hidden]
    }

    fn check(&self, embedding: &[f32]) -> Result<(), GatingError> {
        if embedding.len() != self.hidden {
            return Err(GatingError::Dimensions {
                expected: self.hidden,
                got: embedding.len(),
            });
        }
        match embedding.iter().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(GatingError::NotFinite),
        }
    }

    /// One step of gradient descent on the miners asked, and the loss before it:
    /// the mean squared difference of softmax(scores) and softmax(rewards).
    ///
    /// The gradient is that of this step alone (the network's first validators never cleared theirs, so that each step
    /// added to the sum of all earlier ones). A reward that is not finite counts as 0. Nothing is learnt from fewer than two
    /// miners, whose softmax is always 1.
    pub fn train(&mut self, uids: &[u16], embedding: &[f32], rewards: &[f32]) -> Result<f32, GatingError> {
        if uids.len() != rewards.len() {
            return Err(GatingError::Rewards {
                uids: uids.len(),
                rewards: rewards.len(),
            });
        }
        let size = self.len();
        if let Some(uid) = uids.iter().copied().find(|uid| usize::from(*uid) >= size) {
            return Err(GatingError::UnknownUid { uid, size });
        }
        let scores = self.scores(embedding)?;
        if uids.is_empty() {
            return Ok(0.0);
        }
        let asked: Vec<f32> = uids.iter().map(|uid| scores[usize::from(*uid)]).collect();
        let rewards: Vec<f32> = rewards.iter().map(|r| if r.is_finite() { *r } else { 0.0 }).collect();
        let (loss, gradient) = loss_and_gradient(&asked, &rewards);
        if !loss.is_finite() {
            return Err(GatingError::NotFinite);
        }
        let mut by_uid = vec![0.0; size];
        for (uid, gradient) in uids.iter().zip(gradient) {
            by_uid[usize::from(*uid)] += gradient;
        }
        self.descend(&by_uid, embedding);
        Ok(loss)
    }

    /// Rows of miners that were not asked have no gradient and still move on by their momentum.
    fn descend(&mut self, gradient: &[f32], embedding: &[f32]) {
        let GatingConfig {
            learning_rate,
            momentum,
        } = self.config;
        let step = |value: &mut f32, velocity: &mut f32, gradient: f32| {
            let moved = momentum * *velocity + gradient;
            let next = *value - learning_rate * moved;
            // Only numbers near the end of the range get here: stand still rather than learn infinity.
            if next.is_finite() && moved.is_finite() {
                (*value, *velocity) = (next, moved);
            } else {
                *velocity = 0.0;
            }
        };
        for (uid, gradient) in gradient.iter().enumerate() {
            step(&mut self.bias[uid], &mut self.bias_velocity[uid], *gradient);
            let row = uid * self.hidden..(uid + 1) * self.hidden;
            let (weights, velocities) = (&mut self.weight[row.clone()], &mut self.weight_velocity[row]);
            for ((weight, velocity), input) in weights.iter_mut().zip(velocities).zip(embedding) {
                step(weight, velocity, gradient * input);
            }
        }
    }

    /// Forgets what was learnt about `uids`: other miners sit there now. Uids beyond the head are left out.
    pub fn resync(&mut self, uids: &[u16], rng: &mut impl Rng) {
        let (bound, size) = (self.bound(), self.len());
        for uid in uids.iter().map(|uid| usize::from(*uid)).filter(|uid| *uid < size) {
            let row = uid * self.hidden..(uid + 1) * self.hidden;
            self.weight[row.clone()]
                .iter_mut()
                .for_each(|weight| *weight = rng.random_range(-bound..=bound));
            self.weight_velocity[row].fill(0.0);
            (self.bias[uid], self.bias_velocity[uid]) = (0.0, 0.0);
        }
    }

    /// Makes room for `uids` miners; the new ones start as after [`GatingHead::resync`]. Never shrinks: a smaller network
    /// may grow again.
    pub fn grow(&mut self, uids: usize, rng: &mut impl Rng) {
        let old = self.len();
        if uids <= old {
            return;
        }
        self.weight.resize(uids * self.hidden, 0.0);
        self.weight_velocity.resize(uids * self.hidden, 0.0);
        self.bias.resize(uids, 0.0);
        self.bias_velocity.resize(uids, 0.0);
        let new: Vec<u16> = (old..uids).filter_map(|uid| u16::try_from(uid).ok()).collect();
        self.resync(&new, rng);
    }

    fn bound(&self) -> f32 {
        (6.0 / (self.hidden as f32 + 1.0)).sqrt()
    }
}

/// Mean squared difference of the two softmaxes, and its gradient by each score.
pub(crate) fn loss_and_gradient(scores: &[f32], rewards: &[f32]) -> (f32, Vec<f32>) {
    let (soft, wanted) = (softmax(scores), softmax(rewards));
    let count = scores.len() as f32;
    let difference: Vec<f32> = soft.iter().zip(&wanted).map(|(s, r)| s - r).collect();
    let loss = difference.iter().map(|d| d * d).sum::<f32>() / count;
    let errors: Vec<f32> = difference.iter().map(|d| 2.0 * d / count).collect();
    let mean: f32 = errors.iter().zip(&soft).map(|(e, s)| e * s).sum();
    let gradient = soft.iter().zip(&errors).map(|(s, e)| s * (e - mean)).collect();
    (loss, gradient)
}

fn softmax(values: &[f32]) -> Vec<f32> {
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = values.iter().map(|value| (value - highest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
