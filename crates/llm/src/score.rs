//! How likely a text is to a model, and the reward made of it.
//!
//! Pure arithmetic over logits. Sums are taken in f64, so that the result does not depend on how a vocabulary of a
//! hundred thousand entries is walked.

/// What a completion gets that is not worth scoring or cannot be scored.
pub const DPO_FLOOR: f32 = -11.0;
/// Completions of so many characters or fewer get the floor.
const SHORT: usize = 5;
/// Length of the repeated run of tokens that is punished.
const NGRAM: usize = 5;
/// A punished token's logit becomes the mean of all logits less so many standard deviations.
const PUNISHMENT: f64 = 10.0;

/// Whether repetition lowers a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum RepeatPenalty {
    /// As the reference validator does it: only a repetition at the very end of the completion counts, and it makes
    /// the token that would continue it unlikely at *every* position.
    #[default]
    Reference,
    /// As validators did before that: every use of a token in the completion makes the next one less likely, by a factor of
    /// 1.2 on its logit.
    Scaled,
    /// Not at all.
    Off,
}

/// The log-probabilities of one completion.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogProbs {
    /// The tokens that count as completion.
    pub tokens: Vec<u32>,
    /// The log-probability of each, given everything before it.
    pub log_probs: Vec<f32>,
}

impl LogProbs {
    /// The mean; not a number when there are no tokens.
    pub fn mean(&self) -> f32 {
        let sum: f64 = self.log_probs.iter().map(|log_prob| f64::from(*log_prob)).sum();
        (sum / self.log_probs.len() as f64) as f32
    }

    /// The mean, or the floor where there is none.
    pub fn mean_or_floor(&self) -> f32 {
        let mean = self.mean();
        if mean.is_finite() { mean } else { DPO_FLOOR }
    }
}

/// Whether a completion gets the floor without being looked at by the model.
pub fn dpo_floor_applies(completion: &str) -> bool {
    completion.trim().is_empty() || completion.chars().count() <= SHORT
}

/// The score of `tokens[prompt_len..]` from the logits of all positions: row `i` predicts token `i + 1`.
///
/// `tokens` is already cut to what the model can hold. Returns the floor when nothing is left to predict or the
/// arithmetic breaks. This is the definition; [`crate::Engine::dpo_score`] computes the same in pieces.
pub fn dpo_score(logits: &[Vec<f32>], tokens: &[u32], prompt_len: usize, penalty: RepeatPenalty) -> f32 {
    let mut tally = Tally::new(tokens, prompt_len, penalty);
    let mut moments = Moments::default();
    for (row, (logits, next)) in logits.iter().zip(tokens.iter().skip(1)).enumerate() {
        moments.add(Moments::of(logits));
        if row >= first_row(prompt_len) {
            tally.add(logits, *next);
        }
    }
    tally.log_probs(moments).mean_or_floor()
}

/// The first row of logits that predicts a token of the completion. Without a prompt nothing predicts the first token.
pub(crate) fn first_row(prompt_len: usize) -> usize {
    prompt_len.max(1) - 1
}

/// Tokens that followed an earlier occurrence of the completion's last four tokens, sorted.
pub(crate) fn punished_tokens(tokens: &[u32], prompt_len: usize, penalty: RepeatPenalty) -> Vec<u32> {
    let completion = tokens.get(prompt_len..).unwrap_or_default();
    if penalty != RepeatPenalty::Reference || completion.len() + 1 < NGRAM {
        return Vec::new();
    }
    let tail = &completion[completion.len() - (NGRAM - 1)..];
    let mut punished: Vec<u32> = completion
        .windows(NGRAM)
        .filter(|window| window[..NGRAM - 1] == *tail)
        .map(|window| window[NGRAM - 1])
        .collect();
    punished.sort_unstable();
    punished.dedup();
    punished
}

/// Count, sum and sum of squares of logits; of several rows by adding.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    pub(crate) fn of(logits: &[f32]) -> Self {
        let (mut sum, mut squares) = (0f64, 0f64);
        for logit in logits {
            let logit = f64::from(*logit);
            sum += logit;
            squares += logit * logit;
        }
        Self {
            count: logits.len() as f64,
            sum,
            squares,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The logit that punished tokens get.
    fn punishment(&self) -> f64 {
        let mean = self.sum / self.count;
        let variance = (self.squares - self.sum * mean) / (self.count - 1.0);
        mean - PUNISHMENT * variance.sqrt()
    }
}

/// Collects predictions before it is known how low punished logits will be: that depends on all rows.
pub(crate) struct Tally {
    punished: Vec<u32>,
    used: Option<Used>,
    /// The row of the first prediction.
    first_row: usize,
    predictions: Vec<Prediction>,
}

/// What [`RepeatPenalty::Scaled`] looks at.
struct Used {
    tokens: Vec<u32>,
    prompt_len: usize,
}

impl Used {
    /// The factor on the logit of a token for each time it was used.
    const FACTOR: f32 = 1.2;

    /// The logits of a row with tokens used before it made less likely; nothing where none count: in the first row of the
    /// completion, and beyond its last.
    fn scaled(&self, row: usize, logits: &[f32]) -> Option<Vec<f32>> {
        let used = self.tokens.get(self.prompt_len..row).filter(|used| !used.is_empty())?;
        if row + 1 >= self.tokens.len() {
            return None;
        }
        let mut scaled = logits.to_vec();
        for token in used {
            if let Some(logit) = scaled.get_mut(*token as usize) {
                *logit = if *logit < 0.0 {
                    *logit * Self::FACTOR
                } else {
                    *logit / Self::FACTOR
                };
            }
        }
        Some(scaled)
    }
}

/// One row, reduced to what the log-probability of its next token needs.
struct Prediction {
    token: u32,
    logit: f64,
    /// Logarithm of the sum of exponentials over the tokens that are not punished.
    others: f64,
}

impl Tally {
    /// For the completion `tokens[prompt_len..]`.
    pub(crate) fn new(tokens: &[u32], prompt_len: usize, penalty: RepeatPenalty) -> Self {
        let used = (penalty == RepeatPenalty::Scaled).then(|| Used {
            tokens: tokens.to_vec(),
            prompt_len,
        });
        Self {
            punished: punished_tokens(tokens, prompt_len, penalty),
            used,
            first_row: first_row(prompt_len),
            predictions: Vec::new(),
        }
    }

    /// Whether the moments of all rows are needed in the end.
    pub(crate) fn needs_moments(&self) -> bool {
        !self.punished.is_empty()
    }

    /// Takes a row of logits and the token that came next. The rows come in order, from the first that predicts the
    /// completion.
    pub(crate) fn add(&mut self, logits: &[f32], token: u32) {
        let row = self.first_row + self.predictions.len();
        let scaled = self.used.as_ref().and_then(|used| used.scaled(row, logits));
        let logits = scaled.as_deref().unwrap_or(logits);
        let is_punished =
            |index: usize| !self.punished.is_empty() && self.punished.binary_search(&(index as u32)).is_ok();
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum: f64 = logits.iter().map(|logit| f64::from((logit - highest).exp())).sum();
        if self.needs_moments() {
            // Taking them out of the sum afterwards would cancel digits where one of them dominates.
            let kept = logits.iter().enumerate().filter(|(index, _)| !is_punished(*index));
            sum = kept.map(|(_, logit)| f64::from((logit - highest).exp())).sum();
        }
        let logit = logits.get(token as usize).map_or(f64::NAN, |logit| f64::from(*logit));
        self.predictions.push(Prediction {
            token,
            logit,
            others: f64::from(highest) + sum.ln(),
        });
    }

    /// The log-probabilities of all predictions.
    pub(crate) fn log_probs(&self, moments: Moments) -> LogProbs {
        let punishment = moments.punishment();
        let mut result = LogProbs::default();
        for prediction in &self.predictions {
            let mut logit = prediction.logit;
            let mut total = prediction.others;
            if self.needs_moments() {
                if self.punished.binary_search(&prediction.token).is_ok() {
                    logit = punishment;
                }
                total = log_add(total, punishment + (self.punished.len() as f64).ln());
            }
            result.tokens.push(prediction.token);
            result.log_probs.push((logit - total) as f32);
        }
        result
    }
}

/// The logarithm of the sum of two numbers given by their logarithms.
fn log_add(left: f64, right: f64) -> f64 {
    let (high, low) = if left > right { (left, right) } else { (right, left) };
    if high == f64::NEG_INFINITY {
        high
    } else {
        high + (low - high).exp().ln_1p()
    }
}

#[cfg(test)]
mod tests;
