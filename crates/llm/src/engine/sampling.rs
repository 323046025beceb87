//! Choosing the next token from the logits.

use std::collections::{HashMap, HashSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::EngineError;

/// How an answer is drawn. The default takes the likeliest token each time, so the same prompt gives the same answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0 takes the likeliest token; higher values flatten the distribution.
    pub temperature: f32,
    /// Keeps the likeliest tokens that together have this probability; 1 keeps all.
    pub top_p: f32,
    /// Keeps so many of the likeliest tokens; 0 keeps all.
    pub top_k: usize,
    /// Start of the random numbers: the same seed gives the same answer.
    pub seed: u64,
    /// Makes tokens that occurred already less likely; 1 does nothing, 1.1 is usual.
    pub repetition_penalty: f32,
    /// No run of so many tokens comes twice, the prompt included; 0 allows all.
    pub no_repeat_ngram: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            top_k: 0,
            seed: 0,
            repetition_penalty: 1.0,
            no_repeat_ngram: 0,
        }
    }
}

impl Sampling {
    /// Refuses values that make no sense, before any work is done for them.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let refuse = |name, value: f32, expected| {
            Err(EngineError::Sampling {
                name,
                value: f64::from(value),
                expected,
            })
        };
        if !(0.0..=100.0).contains(&self.temperature) {
            return refuse("temperature", self.temperature, "a number from 0 to 100");
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return refuse("top_p", self.top_p, "a number above 0 and up to 1");
        }
        if !(0.01..=100.0).contains(&self.repetition_penalty) {
            return refuse(
                "repetition_penalty",
                self.repetition_penalty,
                "a number from 0.01 to 100",
            );
        }
        Ok(())
    }
}

/// The sampler of one answer.
pub(crate) struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    /// Tokens seen so far, each once.
    seen: HashSet<u32>,
    runs: Runs,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling, prompt: &[u32]) -> Self {
        let random = ChaCha8Rng::seed_from_u64(sampling.seed);
        let mut runs = Runs::new(sampling.no_repeat_ngram);
        for token in prompt {
            runs.push(*token);
        }
        Self {
            sampling,
            random,
            seen: prompt.iter().copied().collect(),
            runs,
        }
    }

    /// Draws the next token. Spoils `logits`.
    pub(crate) fn next(&mut self, logits: &mut [f32]) -> u32 {
        self.penalise(logits);
        self.runs.forbid(logits);
        let token = if self.sampling.temperature <= 0.0 {
            likeliest(logits)
        } else {
            self.draw(logits)
        };
        self.seen.insert(token);
        self.runs.push(token);
        token
    }

    fn penalise(&self, logits: &mut [f32]) {
        let penalty = self.sampling.repetition_penalty;
        if penalty == 1.0 {
            return;
        }
        for token in &self.seen {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit = if *logit > 0.0 {
                    *logit / penalty
                } else {
                    *logit * penalty
                };
            }
        }
    }

    fn draw(&mut self, logits: &[f32]) -> u32 {
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if !highest.is_finite() {
            return likeliest(logits);
        }
        let temperature = self.sampling.temperature;
        let mut candidates: Vec<(u32, f32)> = (0u32..)
            .zip(logits)
            .map(|(token, logit)| (token, ((logit - highest) / temperature).exp()))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let by_weight = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        let top_k = self.sampling.top_k;
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by(top_k - 1, by_weight);
            candidates.truncate(top_k);
        }
        let mut total: f32 = candidates.iter().map(|(_, weight)| weight).sum();
        if self.sampling.top_p < 1.0 {
            // Tokens this unlikely cannot be among the chosen, so they need no sorting.
            let hopeless = (1.0 - self.sampling.top_p) * total / candidates.len() as f32;
            candidates.retain(|(_, weight)| *weight >= hopeless);
            candidates.sort_unstable_by(by_weight);
            let wanted = self.sampling.top_p * total;
            let mut kept = 0f32;
            let enough = candidates.iter().position(|(_, weight)| {
                kept += weight;
                kept >= wanted
            });
            candidates.truncate(enough.map_or(candidates.len(), |last| last + 1));
            total = candidates.iter().map(|(_, weight)| weight).sum();
        }
        let mut left = self.random.random::<f32>() * total;
        for (token, weight) in &candidates {
            left -= weight;
            if left <= 0.0 {
                return *token;
            }
        }
        candidates.last().map_or_else(|| likeliest(logits), |(token, _)| *token)
    }
}

/// The runs of `length` tokens that occurred, by their beginnings, so that none is repeated.
struct Runs {
    length: usize,
    /// The newest tokens: one fewer than a run.
    newest: Vec<u32>,
    /// What followed `length - 1` tokens.
    followers: HashMap<Vec<u32>, Vec<u32>>,
}

impl Runs {
    fn new(length: usize) -> Self {
        Self {
            length,
            newest: Vec::new(),
            followers: HashMap::new(),
        }
    }

    fn push(&mut self, token: u32) {
        if self.length == 0 {
            return;
        }
        if self.newest.len() + 1 == self.length {
            let followers = self.followers.entry(self.newest.clone()).or_default();
            if !followers.contains(&token) {
                followers.push(token);
            }
            self.newest.drain(..usize::from(self.length > 1));
        }
        if self.length > 1 {
            self.newest.push(token);
        }
    }

    /// Rules out every token that would complete a run which occurred.
    fn forbid(&self, logits: &mut [f32]) {
        for token in self.followers.get(&self.newest).into_iter().flatten() {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

/// The first of the highest; numbers that are none never win.
fn likeliest(logits: &[f32]) -> u32 {
    let mut best = (0u32, f32::NEG_INFINITY);
    for (token, logit) in (0u32..).zip(logits) {
        if *logit > best.1 {
            best = (token, *logit);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(sampling: Sampling) -> Sampler {
        Sampler::new(sampling, &[])
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_and_survives_numbers_that_are_none() {
        let mut greedy = sampler(Sampling::default());
        assert_eq!(greedy.next(&mut [0.1, 3.0, f32::NAN, 2.9]), 1);
        assert_eq!(greedy.next(&mut [f32::NAN, f32::NAN]), 0);
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens() {
        let draw = |seed| -> Vec<u32> {
            let mut sampler = sampler(Sampling {
                temperature: 1.0,
                seed,
                ..Sampling::default()
            });
            (0..50).map(|_| sampler.next(&mut [1.0, 1.1, 0.9, 1.05, 1.0])).collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn top_k_and_top_p_keep_only_the_likeliest() {
        let logits = [5.0, 4.0, 1.0, 0.0, -3.0];
        let settings = [
            Sampling {
                temperature: 5.0,
                top_k: 2,
                ..Sampling::default()
            },
            Sampling {
                temperature: 1.0,
                top_p: 0.9,
                ..Sampling::default()
            },
        ];
        for setting in settings {
            let mut sampler = sampler(setting.clone());
            let drawn: Vec<u32> = (0..300).map(|_| sampler.next(&mut logits.clone())).collect();
            assert!(drawn.iter().all(|token| *token < 2), "{setting:?}");
            assert!(drawn.contains(&0) && drawn.contains(&1), "{setting:?}");
        }
    }

    #[test]
    fn drawn_tokens_follow_the_probabilities() {
        let mut sampler = sampler(Sampling {
            temperature: 1.0,
            seed: 7,
            ..Sampling::default()
        });
        let logits = [0.0, 3f32.ln()];
        let ones = (0..4000).filter(|_| sampler.next(&mut logits.clone()) == 1).count();
        assert!((2850..3150).contains(&ones), "{ones} of 4000, expected about 3000");
    }

    #[test]
    fn a_token_seen_before_is_made_less_likely() {
        let setting = Sampling {
            repetition_penalty: 2.0,
            ..Sampling::default()
        };
        let mut sampler = Sampler::new(setting, &[0]);
        assert_eq!(sampler.next(&mut [2.0, 1.5, 0.1]), 1);
        assert_eq!(sampler.next(&mut [2.0, 1.5, 1.2]), 2);
    }

    #[test]
    fn no_run_of_tokens_comes_twice() {
        let next = |length, prompt: &[u32], logits: [f32; 3]| {
            let setting = Sampling {
                no_repeat_ngram: length,
                ..Sampling::default()
            };
            Sampler::new(setting, prompt).next(&mut logits.clone())
        };
        let logits = [3.0, 2.0, 1.0];
        assert_eq!(next(0, &[1, 0, 1], logits), 0);
        assert_eq!(next(1, &[0, 1], logits), 2, "every token once");
        assert_eq!(next(2, &[1, 0, 1], logits), 1, "1 0 was there");
        assert_eq!(next(2, &[1, 0, 2], logits), 0);
        assert_eq!(next(3, &[2, 1, 0, 2, 1], logits), 1, "2 1 0 was there");
        assert_eq!(next(3, &[2, 1, 0, 0, 1], logits), 0);
        assert_eq!(next(4, &[2], logits), 0, "too little to repeat");

        // Its own tokens count.
        let setting = Sampling {
            no_repeat_ngram: 2,
            ..Sampling::default()
        };
        let mut sampler = Sampler::new(setting, &[0]);
        let drawn: Vec<u32> = (0..5).map(|_| sampler.next(&mut logits.clone())).collect();
        assert_eq!(drawn, [0, 1, 0, 2, 0]);
    }

    #[test]
    fn senseless_parameters_are_refused() {
        let wrong = [
            Sampling {
                temperature: -1.0,
                ..Sampling::default()
            },
            Sampling {
                temperature: f32::NAN,
                ..Sampling::default()
            },
            Sampling {
                top_p: 0.0,
                ..Sampling::default()
            },
            Sampling {
                repetition_penalty: 0.0,
                ..Sampling::default()
            },
        ];
        for sampling in wrong {
            assert!(sampling.check().is_err(), "{sampling:?}");
        }
        assert!(Sampling::default().check().is_ok());
    }
}
