//! What a validator on this machine means to do: its own record of weights, beside what the chain says.

use axoneme_chain::WeightsView;
use axoneme_neuron::StateStore;
use axoneme_neuron::config::WalletConfig;
use axoneme_neuron::{ExitCode, Failure};
use axoneme_weights::{Intent, Ledger, Stage, View};
use serde::Serialize;
use std::path::{Path, PathBuf};

use crate::args::WeightsShowArgs;

/// Intents shown, the newest ones.
const SHOWN: usize = 8;

/// The record as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Record {
    ledger: PathBuf,
    /// Blocks since weights were last revealed; since the registration where they never were.
    blocks_since_revealed: Option<u64>,
    /// Newest first.
    intents: Vec<Step>,
}

/// How far one planned update has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Step {
    window: u64,
    form: &'static str,
    stage: &'static str,
    /// Block of the stage, where it has one.
    block: Option<u64>,
    planned_at: u64,
    attempts: u32,
    weights: usize,
    /// Why it ended without being revealed.
    why: Option<String>,
}

impl From<&Intent> for Step {
    fn from(intent: &Intent) -> Self {
        let (block, why) = match &intent.stage {
            Stage::Stored | Stage::Signed => (None, None),
            Stage::Included { block, .. } | Stage::Revealed { block } | Stage::Superseded { block } => {
                (Some(*block), None)
            }
            Stage::Expired { block, why } | Stage::Abandoned { block, why } => (Some(*block), Some(why.to_string())),
        };
        Self {
            window: intent.window,
            form: intent.form.kind().label(),
            stage: intent.stage.label(),
            block,
            planned_at: intent.planned_at,
            attempts: intent.attempts,
            weights: intent.uids.len(),
            why,
        }
    }
}

impl Record {
    /// The record of the validator that has these keys, if one has run here on this chain.
    ///
    /// # Errors
    /// When it cannot be read, and when a named one is not there or not this validator's.
    pub(super) fn find(args: &WeightsShowArgs, view: &WeightsView) -> Result<Option<Self>, Failure> {
        let path = args.ledger.clone().unwrap_or_else(|| usual(args));
        let ledger = StateStore::<Ledger>::read(&path)?;
        let Some(ledger) = ledger else {
            return match &args.ledger {
                None => Ok(None),
                Some(path) => {
                    let missing = format!("there is no record of weights at {}; see --ledger", path.display());
                    Err(Failure::message(ExitCode::Config, missing))
                }
            };
        };
        match (ledger.check(&view.genesis_hash, &view.hotkey.0), &args.ledger) {
            (Ok(()), _) => Ok(Some(Self::of(&path, &ledger, view))),
            (Err(error), Some(_)) => Err(Failure::new(ExitCode::Config, &error)),
            // Of an earlier chain, or of another key of this name.
            (Err(_), None) => Ok(None),
        }
    }

    fn of(path: &Path, ledger: &Ledger, view: &WeightsView) -> Self {
        let newest = ledger.of(view.netuid, view.mecid).into_iter().rev().take(SHOWN);
        Self {
            ledger: path.to_owned(),
            blocks_since_revealed: ledger.blocks_since_revealed(view.netuid, view.mecid, &View::from(view.clone())),
            intents: newest.map(|at| Step::from(&ledger.intents[at])).collect(),
        }
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!("record       {}\n", self.ledger.display());
        if let Some(blocks) = self.blocks_since_revealed {
            text += &format!("revealed     {blocks} blocks ago, or never since the registration\n");
        }
        for step in &self.intents {
            let block = step
                .block
                .map_or_else(String::new, |block| format!(" in block {block}"));
            let why = step.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            text += &format!(
                "window       {}: {} weights, {}, planned in block {}, sent {} times, {}{block}{why}\n",
                step.window, step.weights, step.form, step.planned_at, step.attempts, step.stage,
            );
        }
        text
    }
}

/// Where a validator keeps its record unless it is told otherwise.
fn usual(args: &WeightsShowArgs) -> PathBuf {
    let config = validator::ValidatorConfig::default();
    let wallet = WalletConfig {
        name: args.keys.name.clone(),
        hotkey: args.keys.hotkey.clone(),
        ..config.wallet
    };
    let folder = config.logging.data_dir(&wallet, args.netuid, &config.neuron.name);
    folder.join(validator::weights::LEDGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_how_far_each_window_has_come() {
        let step = Step {
            window: 7,
            form: "timelocked",
            stage: "expired",
            block: Some(120),
            planned_at: 90,
            attempts: 2,
            weights: 3,
            why: Some("the pulse came too late".into()),
        };
        let record = Record {
            ledger: "ledger.json".into(),
            blocks_since_revealed: Some(41),
            intents: vec![step],
        };
        let text = record.table();
        for wanted in [
            "ledger.json",
            "41 blocks ago",
            "window       7: 3 weights, timelocked, planned in block 90, sent 2 times, expired in block 120: the pulse came",
        ] {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
    }
}
