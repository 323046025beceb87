//! Steps of a core validator, taken again: what answers earned, what the gating model learnt, how scores moved.
//!
//! Which miners were asked, which answers were too short to count, and whom the chain had forgotten is taken from the record.

use serde_json::{Map, Value, json};

use super::{Fields, Replay, ReplayError, parse};
use crate::book::JudgedRun;
use crate::core::chat::{Message, gating_text};
use crate::core::forward::for_all;
use crate::core::judge::{best, rewards};
use axoneme_wallet::AccountId;

/// Whether a record is one of a core validator's step.
pub(super) fn is_step(event: &Map<String, Value>) -> bool {
    event.contains_key("all_uids") && event.contains_key("successful_uids")
}

/// What a record says about a step.
struct Step {
    messages: Vec<Message>,
    /// Those that were asked, with their hotkeys and whether they answered.
    hotkeys: Vec<AccountId>,
    answered: Vec<bool>,
    /// Those that answered, and what they said.
    uids: Vec<u16>,
    completions: Vec<String>,
    /// Who came to sit where before the gating model gave its scores, and after that.
    seats: [Vec<Vec<AccountId>>; 2],
    forgotten: Vec<AccountId>,
    zeroed: Vec<AccountId>,
    /// Whether the gating model learnt from it.
    trained: bool,
}

impl Step {
    fn read(event: &Map<String, Value>) -> Result<Self, String> {
        let fields = Fields(event);
        if !fields.has("messages") {
            return Err("it is of an older validator, which did not write down who said what".into());
        }
        let seats = |name: &str| -> Result<Vec<Vec<AccountId>>, String> {
            let changes: Vec<Vec<String>> = fields.read(name)?;
            changes.iter().map(|hotkeys| parse(name, hotkeys)).collect()
        };
        let (all, uids): (Vec<u16>, Vec<u16>) = (fields.read("all_uids")?, fields.read("successful_uids")?);
        let step = Self {
            messages: fields.read("messages")?,
            hotkeys: fields.addresses("hotkeys")?,
            answered: all.iter().map(|uid| uids.contains(uid)).collect(),
            completions: fields.read("all_completions")?,
            seats: [seats("seats")?, seats("seats_after")?],
            forgotten: fields.addresses("forgotten")?,
            zeroed: fields.addresses("zeroed")?,
            trained: fields.has("gating_loss"),
            uids,
        };
        let counted = step.answered.iter().filter(|answered| **answered).count();
        if step.hotkeys.len() != all.len() || [step.uids.len(), step.completions.len()] != [counted; 2] {
            return Err("its lists are of different lengths".into());
        }
        Ok(step)
    }
}

impl Replay {
    /// Takes a step of a core validator again.
    pub(super) async fn judge_step(&mut self, step: u64, event: &Map<String, Value>) -> Result<(), ReplayError> {
        let unusable = |reason: String| ReplayError::Record { step, reason };
        let taken = Step::read(event).map_err(unusable)?;
        let gating = self.gating.clone();
        let gating = gating.ok_or_else(|| unusable("it needs the gating model, which is off".into()))?;
        let failed = |error: axoneme_gating::GatingError| unusable(axoneme_neuron::exit::with_causes(&error));

        let prompt = gating_text(&taken.messages);
        let vector = gating.encode(&prompt).await.map_err(failed)?;
        let [before, after] = &taken.seats;
        before.iter().for_each(|seats| _ = gating.follow_seats(seats));
        let scores = gating.scores(&vector).map_err(failed)?;
        let judge = self.answers.as_deref();
        let earned = rewards(judge, &taken.messages, &scores, &taken.uids, &taken.completions);
        let earned = earned.await.map_err(|source| ReplayError::Judge { step, source })?;
        after.iter().for_each(|seats| _ = gating.follow_seats(seats));
        let loss = match taken.trained {
            true => Some(gating.train(&taken.uids, &vector, &earned).map_err(failed)?),
            false => None,
        };
        gating.take_addition();
        let of_all = for_all(&earned, &taken.answered);
        let judged = JudgedRun {
            hotkeys: &taken.hotkeys,
            rewards: &of_all,
            answered: &taken.answered,
            zero: &taken.zeroed,
            pipeline: self.pipeline.state(),
        };
        let recorded = self
            .state
            .take_in(judged, self.rule, |hotkey| !taken.forgotten.contains(hotkey))
            .map_err(|error| unusable(error.to_string()))?;

        self.report.steps += 1;
        let number = |field: &str, index: usize| event.get(field)?.get(index)?.as_f64();
        let mut place = 0;
        for (index, hotkey) in taken.hotkeys.iter().enumerate() {
            let then = match taken.answered[index] {
                true => number("rewards", place),
                false => Some(0.0),
            };
            place += usize::from(taken.answered[index]);
            self.report.reward(hotkey, then, of_all[index]);
            if let Some(score) = number("scores", index) {
                self.report.recorded_score(hotkey, score);
            }
        }
        let best = best(&earned).map_or("", |best| taken.completions[best].as_str());
        let now = [
            ("prompt", json!(prompt)),
            ("rewards", json!(earned)),
            ("completion", json!(best)),
            ("gating_loss", json!(loss.map(f64::from))),
            ("scores", json!(recorded.scores)),
        ];
        let now = now.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        self.compare(step, event, now);
        Ok(())
    }
}
