//! The arithmetic of the log-probability reward, from logits to one number.

use crate::models::RepeatPenalty;

/// The length of a repeated run that counts: four tokens and the one that follows them.
const RUN: usize = 5;

/// The tokens that followed an earlier occurrence of the completion's last four tokens.
///
/// Only the end of the completion is looked at, so a repetition elsewhere has no effect: that is how the
/// existing network scores.
pub fn punished(completion: &[u32]) -> Vec<u32> {
    let Some(end) = (completion.len() + 1)
        .checked_sub(RUN)
        .map(|start| &completion[start..])
    else {
        return Vec::new();
    };
    let mut followers: Vec<u32> = completion
        .windows(RUN)
        .filter(|run| run[..RUN - 1] == *end)
        .map(|run| run[RUN - 1])
        .collect();
    followers.sort_unstable();
    followers.dedup();
    followers
}

/// The mean log-probability of the tokens from `prompt_len` on.
///
/// `ids` are the tokens of prompt and completion joined, already cut to the model's length; `rows` yields the logits that
/// predict `ids[1]`, `ids[2]`, ..., one row per token. Rows of the prompt are needed too: the value that replaces
/// a punished token's logit is taken from the mean and the spread of all of them. The first token of all has no
/// prediction and is never scored. The result is not finite when nothing can be scored.
pub fn mean_log_prob<R: AsRef<[f32]>>(
    ids: &[u32],
    prompt_len: usize,
    rows: impl IntoIterator<Item = R>,
    repeat: RepeatPenalty,
) -> f64 {
    let punished = match repeat {
        RepeatPenalty::Reference => punished(&ids[prompt_len.min(ids.len())..]),
        RepeatPenalty::Off => Vec::new(),
    };
    let mut spread = Spread::default();
    let mut labels = Vec::new();
    for (label, row) in ids.iter().skip(1).zip(rows) {
        let row = row.as_ref();
        if !punished.is_empty() {
            spread.take(row);
        }
        labels.push(Label::new(row, *label, &punished));
    }
    let replacement = spread.mean() - 10.0 * spread.deviation();
    let scored = &labels[labels.len().min(prompt_len.max(1) - 1)..];
    scored
        .iter()
        .map(|label| label.log_prob(replacement, punished.len()))
        .sum::<f64>()
        / scored.len() as f64
}

/// What is kept of one row: enough to work out the log-probability once the replacement is known.
struct Label {
    /// The label's logit, or `None` when it is punished.
    logit: Option<f64>,
    max: f64,
    /// Σ exp(logit − max) over the tokens that are not punished.
    sum: f64,
}

impl Label {
    fn new(row: &[f32], label: u32, punished: &[u32]) -> Self {
        let kept = || {
            let kept = row
                .iter()
                .enumerate()
                .filter(|(token, _)| punished.iter().all(|p| *p as usize != *token));
            kept.map(|(_, logit)| f64::from(*logit))
        };
        let max = kept().fold(f64::NEG_INFINITY, f64::max);
        let sum = kept().map(|logit| (logit - max).exp()).sum();
        let logit = row
            .get(label as usize)
            .map_or(f64::NAN, |logit| f64::from(*logit));
        Self {
            logit: (!punished.contains(&label)).then_some(logit),
            max,
            sum,
        }
    }

    fn log_prob(&self, replacement: f64, punished: usize) -> f64 {
        let logit = self.logit.unwrap_or(replacement);
        if punished == 0 {
            return logit - self.max - self.sum.ln();
        }
        let max = self.max.max(replacement);
        let sum = self.sum * (self.max - max).exp() + punished as f64 * (replacement - max).exp();
        logit - max - sum.ln()
    }
}

/// Mean and standard deviation (n − 1) of every logit seen.
#[derive(Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn take(&mut self, row: &[f32]) {
        // Row by row (Chan's update): as exact as one by one, and one division per row instead of per logit.
        let n = row.len() as f64;
        if n == 0.0 {
            return;
        }
        let mean = row.iter().map(|logit| f64::from(*logit)).sum::<f64>() / n;
        let squares = row
            .iter()
            .map(|logit| (f64::from(*logit) - mean).powi(2))
            .sum::<f64>();
        let shift = mean - self.mean;
        let total = self.count + n;
        self.squares += squares + shift * shift * self.count * n / total;
        self.mean += shift * n / total;
        self.count = total;
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn deviation(&self) -> f64 {
        (self.squares / (self.count - 1.0)).sqrt()
    }
}
