//! What a view does not tell and the chain's blocks do: which forks won, and what became of a transaction.

use axoneme_chain::ChainError;

use crate::chain::{Call, WeightsChain};
use crate::intent::{Intent, Stage, Why};
use crate::ledger::Ledger;
use crate::observe::{epoch_of, is_ambiguous, is_shown};
use crate::settings::Settings;
use crate::view::View;

/// Blocks after a transaction's last one for which its fate is asked for. If a node cannot say by then, it has not kept
/// them.
const KEPT: u64 = 1000;

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
            && !view.finals.contains_key(&doubt.block)
            && let Some(hash) = chain.block_hash(doubt.block).await?
        {
            view.finals.insert(doubt.block, hash);
            if hash == doubt.hash && ambiguous {
                check_reveal(chain, intent, view).await?;
            }
        }
        settle(chain, intent, view, ambiguous).await?;
    }
    Ok(())
}

/// Asks the chain whether the reveal that our row seems to show took place; if not, the doubt is about an expiry.
async fn check_reveal<C: WeightsChain>(chain: &C, intent: &mut Intent, view: &View) -> Result<(), ChainError> {
    let call = intent.call();
    let (Stage::Included { block: from, .. }, Some(doubt)) = (&intent.stage, &mut intent.doubt) else {
        return Ok(());
    };
    let Stage::Revealed { block } = doubt.end else {
        return Ok(());
    };
    match chain.revealed(&call, *from, block).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let why = match call {
                Call::Commit { .. } => Why::NotRevealedInTime,
                _ => Why::Dropped,
            };
            doubt.end = Stage::Expired { block, why };
            Ok(())
        }
        Err(error) if view.finalized > block.saturating_add(KEPT) => {
            tracing::warn!(
                window = intent.window,
                "whether these weights were revealed cannot be told from the same ones before them: {error}"
            );
            Ok(())
        }
        Err(error) => Err(error),
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
