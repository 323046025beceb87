//! The echo mask: sending the text back is not an answer.

use async_trait::async_trait;

use crate::error::RewardError;
use crate::pipeline::{Judged, Mask};
use crate::task::Task;

/// `echo_filter`: 0 for a completion that holds the whole base text, 1 for all others. Case and white space do not count.
///
/// The network's own pipeline has no such mask, and a likelihood reward loves a copy: every word of it was just
/// read. The n-gram filter refuses completions that are a part of the text; this one is its other half.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

impl Echo {
    /// Texts of fewer words may well be quoted whole in a good answer.
    pub const LEAST_WORDS: usize = 8;

    /// 1 or 0.
    pub fn decide(base_text: &str, completion: &str) -> f64 {
        let text = plain(base_text);
        let long = text.split(' ').count() >= Self::LEAST_WORDS;
        if long && plain(completion).contains(&text) {
            0.0
        } else {
            1.0
        }
    }
}

fn plain(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Mask for Echo {
    fn name(&self) -> &'static str {
        "echo_filter"
    }

    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        let factor: Vec<f64> = completions
            .iter()
            .map(|completion| Self::decide(&task.base_text, completion))
            .collect();
        Ok(Judged {
            raw: factor.clone(),
            factor,
            extras: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A bridge is a log laid across\na stream, and wood resists being pulled apart";

    #[test]
    fn a_prompt_sent_back_earns_nothing_and_an_answer_passes() {
        let prompt = format!("Summarise this:\n'''{TEXT}'''\n- Use seven sentences.");
        assert_eq!(Echo::decide(TEXT, &prompt), 0.0);
        assert_eq!(Echo::decide(TEXT, &TEXT.to_uppercase().replace('\n', "  ")), 0.0);
        assert_eq!(Echo::decide(TEXT, "A log across a stream is a bridge."), 1.0);
        assert_eq!(Echo::decide(TEXT, ""), 1.0);
    }

    #[test]
    fn a_short_text_may_be_quoted() {
        assert_eq!(
            Echo::decide("The capital of Texas", "The capital of Texas is Austin."),
            1.0
        );
        assert_eq!(Echo::decide("", "anything"), 1.0);
    }
}
