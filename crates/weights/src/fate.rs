//! What a view does not tell and the chain's blocks do: which forks won, and what became of a transaction.

use axoneme_chain::ChainError;

use crate::chain::{Call, WeightsChain};
use crate::intent::Intent;
use crate::ledger::Ledger;
use crate::observe::{epoch_of, is_ambiguous, is_shown};
use crate::settings::Settings;
use crate::stage::{Stage, Why};
use crate::view::View;

/// Blocks for which a node is asked what happened in one. If it cannot say by then, it has not kept that: those that are
/// no archives keep 256.
const KEPT: u64 = 300;

/// Adds to `view` the hashes that end doubts, and notes in `ledger` what became of transactions whose fate is final.
pub(crate) async fn look_up<C: WeightsChain>(
    chain: &C,
    ledger: &mut Ledger,
    settings: &Settings,
    view: &mut View,
) -> Result<(), ChainError> {
    for at in ledger.of(settings.netuid, settings.mecid) {
        let ambiguous = is_ambiguous(ledger, at);
        let intent = &mut ledger.intents[at];
        if intent.stage.is_over() {
            continue;
        }
        if let Some(doubt) = &intent.doubt
            && doubt.block <= view.finalized
        {
            if !view.finals.contains_key(&doubt.block)
                && let Some(hash) = chain.block_hash(doubt.block).await?
            {
                view.finals.insert(doubt.block, hash);
            }
            if ambiguous && view.finals.get(&doubt.block) == Some(&doubt.hash) {
                check_reveal(chain, intent, view).await;
            }
        }
        settle(chain, intent, view, ambiguous).await?;
    }
    Ok(())
}

/// Asks the chain whether the reveal that our row seems to show took place; if not, the doubt is about an expiry.
///
/// While the chain cannot say, the doubt stays: nothing else waits for its end.
async fn check_reveal<C: WeightsChain>(chain: &C, intent: &mut Intent, view: &View) {
    let call = intent.call();
    let (Stage::Included { block: from, .. }, Some(doubt)) = (&intent.stage, &mut intent.doubt) else {
        return;
    };
    let Stage::Revealed { block } = doubt.end else {
        return;
    };
    match chain.revealed(&call, *from, block).await {
        Ok(true) => doubt.checked = true,
        Ok(false) => {
            let why = match call {
                Call::Commit { .. } => Why::NotRevealedInTime,
                _ => Why::Dropped,
            };
            doubt.end = Stage::Expired { block, why };
        }
        Err(error) if view.finalized > block.saturating_add(KEPT) => {
            tracing::warn!(
                window = intent.window,
                "whether these weights were revealed cannot be told from the same ones before them: {error}"
            );
            doubt.checked = true;
        }
        Err(error) => {
            tracing::debug!(window = intent.window, "asking again for the reveal: {error}");
        }
    }
}

/// Finds the transaction of an intent where the view leaves open what became of it.
async fn settle<C: WeightsChain>(
    chain: &C,
    intent: &mut Intent,
    view: &View,
    ambiguous: bool,
) -> Result<(), ChainError> {
    let Some(signed) = &intent.signed else {
        return Ok(());
    };
    let over = view.finalized >= signed.valid_until;
    // Without an update it was not included: nothing else of it leaves no trace.
    let open = over && view.last_update() > intent.after;
    if !(signed.failed || open) || is_shown(intent, view, ambiguous) {
        return Ok(());
    }
    match chain.find(signed, view.finalized).await {
        Ok(Some((block, true))) => {
            let epoch = epoch_of(block, view);
            (intent.signed, intent.landed) = (None, Some(epoch));
            intent.stage = Stage::Included { block, epoch };
        }
        Ok(Some((_, false))) => (intent.signed, intent.stage) = (None, Stage::Signed),
        Ok(None) if over => (intent.signed, intent.stage) = (None, Stage::Signed),
        Ok(None) => {}
        Err(error) if view.finalized > signed.valid_until.saturating_add(KEPT) => {
            tracing::warn!(
                window = intent.window,
                "the blocks that had these weights, if any, are gone: {error}"
            );
            intent.signed = None;
            intent.stage = Stage::Expired {
                block: view.block,
                why: Why::Missed,
            };
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
