//! Figures for operators.

use crate::ledger::Ledger;
use crate::observe::Change;
use crate::settings::Settings;
use crate::view::View;

/// Logs and counts what changed.
pub(crate) fn changed(settings: &Settings, changes: &[Change]) {
    use crate::stage::Stage;
    for change in changes {
        let Change { window, kind, to, .. } = change;
        let (form, netuid, mecid) = (kind.label(), settings.netuid, settings.mecid);
        count(settings, form, to.label());
        match to {
            Stage::Expired { block, why } => {
                tracing::error!(
                    netuid,
                    mecid,
                    window,
                    form,
                    block,
                    "weights were committed and never revealed: {why}"
                );
            }
            Stage::Abandoned { why, .. } => tracing::warn!(netuid, mecid, window, form, "weights were not set: {why}"),
            Stage::Superseded { .. } => {
                tracing::warn!(netuid, mecid, window, form, "later weights took the place of these");
            }
            to => tracing::info!(netuid, mecid, window, form, "weights {}", to.label()),
        }
    }
}

/// Counts an intent that has come this far.
pub(crate) fn count(settings: &Settings, form: &'static str, stage: &'static str) {
    metrics::counter!(
        "weights_intents_total",
        "netuid" => settings.netuid.to_string(), "mecid" => settings.mecid.to_string(), "form" => form, "stage" => stage
    )
    .increment(1);
}

/// How long the chain has had no new weights of ours, and what is on its way.
pub(crate) fn measured(ledger: &Ledger, settings: &Settings, view: &View) {
    let Settings { netuid, mecid, .. } = *settings;
    let labels = [("netuid", netuid.to_string()), ("mecid", mecid.to_string())];
    if let Some(blocks) = ledger.blocks_since_revealed(netuid, mecid, view) {
        metrics::gauge!("weights_blocks_since_revealed", &labels).set(blocks as f64);
    }
    let pending = ledger
        .of(netuid, mecid)
        .into_iter()
        .filter(|at| !ledger.intents[*at].stage.is_over());
    metrics::gauge!("weights_intents_pending", &labels).set(pending.count() as f64);
}
