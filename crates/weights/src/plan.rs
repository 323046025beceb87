//! From weights to an intent.

use axoneme_timelock::reveal::{reveal_block, reveal_round};
use axoneme_timelock::{WeightsPayload, commit_hash, encrypt, netuid_index};
use rand::CryptoRng;
use std::collections::BTreeSet;

use crate::error::WeightsError;
use crate::intent::{Form, Intent, Kind};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::view::View;

/// Random numbers in the salt of a commit by hash.
const SALT: usize = 8;

/// Makes the intent of the current window. All of the randomness comes from `rng`, all of the time from `view`.
///
/// # Errors
/// [`WeightsError::Plan`] for weights that the chain would refuse, [`WeightsError::Timelock`] when nothing can be encrypted.
pub fn plan(
    settings: &Settings,
    hotkey: &[u8; 32],
    view: &View,
    kind: Kind,
    weights: &[(u16, u16)],
    rng: &mut impl CryptoRng,
) -> Result<Intent, WeightsError> {
    check(weights, view)?;
    let (uids, values): (Vec<u16>, Vec<u16>) = weights.iter().copied().unzip();
    let Settings { version_key, .. } = *settings;
    let form = match kind {
        Kind::Plain => Form::Plain {},
        Kind::Hash => {
            let mut salt = [0; 2 * SALT];
            rng.fill_bytes(&mut salt);
            let salt: Vec<u16> = salt
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            let index = netuid_index(settings.netuid, settings.mecid)
                .ok_or_else(|| WeightsError::Plan(format!("there is no mechanism {}", settings.mecid)))?;
            let hash = commit_hash(hotkey, index, &uids, &values, &salt, version_key);
            Form::Hash { salt, hash }
        }
        Kind::Timelocked => {
            let round = round(settings, view)?;
            let payload = WeightsPayload {
                hotkey: *hotkey,
                uids: uids.clone(),
                values: values.clone(),
                version_key,
            };
            Form::Timelocked {
                ciphertext: encrypt(&settings.beacon, round, &payload.encode(), rng)?,
                round,
            }
        }
    };
    let repeats = view.shows(&uids, &values);
    Ok(Intent {
        netuid: settings.netuid,
        mecid: settings.mecid,
        window: view.window(),
        planned_at: view.block,
        after: view.finalized,
        uids,
        values,
        version_key,
        form,
        stage: Stage::Stored,
        signed: None,
        landed: None,
        doubt: None,
        refused: None,
        repeats,
        attempts: 0,
        not_before: 0,
    })
}

/// The round for a commit that is included in the next block.
fn round(settings: &Settings, view: &View) -> Result<u64, WeightsError> {
    let block = reveal_block(&view.epoch, view.reveal_period)?;
    Ok(round_of(settings, view, block))
}

/// The latest round that is out while the chain still opens a commit that is included in the next block.
pub(crate) fn last_round(settings: &Settings, view: &View) -> Result<u64, WeightsError> {
    // The commit is dropped where the epoch after that of its reveal begins.
    let block = reveal_block(&view.epoch, view.reveal_period.saturating_add(1))?;
    Ok(round_of(settings, view, block))
}

fn round_of(settings: &Settings, view: &View, block: u64) -> u64 {
    let ahead = block.saturating_sub(view.epoch.block);
    reveal_round(&settings.beacon, view.time(&settings.beacon), ahead, view.block_time)
}

/// What the chain checks when it sets weights, as far as it depends on the weights alone.
fn check(weights: &[(u16, u16)], view: &View) -> Result<(), WeightsError> {
    let neurons = usize::from(view.neurons);
    let own = view.registration.map(|registration| registration.uid);
    let alone = matches!(weights, [(uid, _)] if Some(*uid) == own);
    let needed = usize::from(view.min_allowed).min(neurons);
    let distinct: BTreeSet<u16> = weights.iter().map(|(uid, _)| *uid).collect();
    let problem = if weights.iter().all(|(_, value)| *value == 0) {
        "all of them are zero".to_owned()
    } else if distinct.len() != weights.len() {
        "a uid is listed twice".to_owned()
    } else if let Some(uid) = distinct.iter().find(|uid| usize::from(**uid) >= neurons) {
        format!("there is no uid {uid}")
    } else if weights.len() < needed && !alone {
        format!("the subnet demands at least {needed} and there are {}", weights.len())
    } else {
        return Ok(());
    };
    Err(WeightsError::Plan(problem))
}
