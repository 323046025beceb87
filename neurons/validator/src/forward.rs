//! One forward pass: a summary, then rounds of question and answer. The heart of the subnet; a fork edits this file.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use axoneme_reward::{Task, TaskKind};
use rand_chacha::ChaCha8Rng;

use crate::error::ValidatorError;
use crate::step::{QueryStep, StepOutcome};
use crate::tasks;

/// How many miners are asked, how long they may take, and for how many rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForwardConfig {
    /// Rounds of question and answer.
    pub rounds: u32,
    /// Miners asked for the summary and for each question.
    pub followup_sample_size: usize,
    /// How long they may take.
    pub followup_timeout: Duration,
    /// Miners asked for each answer.
    pub answer_sample_size: usize,
    /// How long they may take.
    pub answer_timeout: Duration,
}

/// Why a forward pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// All its runs are done.
    Finished,
    /// Nobody earned anything in this task, so there is nothing to build the next ones on.
    NoReward(String),
    /// No miner can be asked.
    NobodyToAsk,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::NoReward(task) => write!(f, "no miner earned anything in {task}"),
            Self::NobodyToAsk => f.write_str("no miner can be asked: none serves an axon"),
        }
    }
}

/// A finished forward pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardOutcome {
    /// Prompt runs done.
    pub steps: u32,
    /// Why it ended.
    pub ended: Ended,
}

/// Runs one forward pass over `base`.
///
/// Every round starts from the best summary; earlier questions and answers are not carried along. Each run prefers miners not yet
/// asked in this pass. Nothing is built on a completion that earned nothing: without a rewarded summary the pass ends
/// there, without a rewarded question its round has no answer.
pub async fn forward(
    step: &impl QueryStep,
    config: ForwardConfig,
    base: &str,
    rng: &mut ChaCha8Rng,
) -> Result<ForwardOutcome, ValidatorError> {
    let mut pass = Pass {
        step,
        config,
        asked: BTreeSet::new(),
        steps: 0,
        best: Vec::new(),
    };
    let ended = match pass.rounds(base, rng).await? {
        Ok(()) => Ended::Finished,
        Err(ended) => ended,
    };
    Ok(ForwardOutcome {
        steps: pass.steps,
        ended,
    })
}

struct Pass<'a, S> {
    step: &'a S,
    config: ForwardConfig,
    asked: BTreeSet<u16>,
    steps: u32,
    /// The best questions and answers so far.
    best: Vec<String>,
}

/// The best completion, or the reason to end the pass here.
type Best = Result<String, Ended>;

impl<S: QueryStep> Pass<'_, S> {
    async fn rounds(&mut self, base: &str, rng: &mut ChaCha8Rng) -> Result<Result<(), Ended>, ValidatorError> {
        let summary = tasks::summary(base, rng);
        let summary = match self.ask_followup(&summary, rng).await? {
            Ok(best) => best,
            Err(ended) => return Ok(Err(ended)),
        };
        for round in 0..self.config.rounds {
            let question = tasks::question(tasks::context(&summary, None), round, rng);
            let question = match self.ask_followup(&question, rng).await? {
                Ok(best) => best,
                Err(Ended::NoReward(_)) => continue,
                Err(ended) => return Ok(Err(ended)),
            };
            let answer = tasks::answer(tasks::context(&summary, Some((round, &question))), round, rng);
            // An answer is only scored; nothing is built on it.
            if let Err(Ended::NobodyToAsk) = self.ask_answer(&answer, rng).await? {
                return Ok(Err(Ended::NobodyToAsk));
            }
        }
        Ok(Ok(()))
    }

    async fn ask_followup(&mut self, task: &Task, rng: &mut ChaCha8Rng) -> Result<Best, ValidatorError> {
        let ForwardConfig {
            followup_sample_size,
            followup_timeout,
            ..
        } = self.config;
        self.ask(task, followup_sample_size, followup_timeout, rng).await
    }

    async fn ask_answer(&mut self, task: &Task, rng: &mut ChaCha8Rng) -> Result<Best, ValidatorError> {
        let ForwardConfig {
            answer_sample_size,
            answer_timeout,
            ..
        } = self.config;
        self.ask(task, answer_sample_size, answer_timeout, rng).await
    }

    async fn ask(
        &mut self,
        task: &Task,
        count: usize,
        timeout: Duration,
        rng: &mut ChaCha8Rng,
    ) -> Result<Best, ValidatorError> {
        let task = task.clone().after(self.best.clone());
        let outcome = self.step.run(&task, count, timeout, &self.asked, rng).await?;
        let Some(StepOutcome {
            uids,
            best,
            any_positive,
        }) = outcome
        else {
            return Ok(Err(Ended::NobodyToAsk));
        };
        self.asked.extend(uids);
        self.steps += 1;
        if any_positive && matches!(task.kind, TaskKind::Question | TaskKind::Answer) {
            self.best.push(best.clone());
        }
        Ok(if any_positive {
            Ok(best)
        } else {
            Err(Ended::NoReward(task.name.clone()))
        })
    }
}
