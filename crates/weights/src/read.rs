//! What the chain's client reads, as the machine sees it.

use axoneme_chain::WeightsView;
use axoneme_timelock::reveal::EpochState;
use std::collections::BTreeMap;

use crate::view::{HashCommit, Registration, TimelockedCommit, View};

impl From<WeightsView> for View {
    fn from(view: WeightsView) -> Self {
        let registration = view.uid.map(|uid| Registration {
            uid,
            since: view.block_at_registration.unwrap_or_default(),
            last_update: view.last_update.unwrap_or_default(),
            permit: view.validator_permit,
            stake: view.stake_weight,
            owner: view.is_owner_hotkey,
        });
        let epoch = match view.stateful_epochs {
            true => view.epoch,
            false => from_block_number(view.netuid, view.epoch),
        };
        // Older runtimes store the block instead of its epoch, and when it is due instead of the block.
        let hash_commits = view.commits.iter().map(|commit| match view.stateful_epochs {
            true => (commit.hash, commit.epoch, commit.block),
            false => (
                commit.hash,
                epoch_of_block(view.netuid, &epoch, commit.epoch),
                commit.epoch,
            ),
        });
        let timelocked = view.timelocked.into_iter();
        Self {
            block: view.block,
            hash: view.block_hash,
            // It is read a moment later than the rest.
            finalized: view.finalized.min(view.block),
            timestamp: view.wall_clock,
            block_time: view.block_time,
            registration,
            neurons: view.neurons,
            min_allowed: view.min_allowed_weights,
            max_weight: view.max_weights_limit,
            version_key: view.version_key,
            rate_limit: view.rate_limit,
            stake_threshold: view.stake_threshold,
            commit_reveal: view.commit_reveal,
            commit_reveal_version: view.commit_reveal_version,
            reveal_period: view.reveal_period,
            epoch,
            row: view.weights,
            hash_commits: hash_commits
                .map(|(hash, epoch, block)| HashCommit { hash, epoch, block })
                .collect(),
            timelocked: timelocked
                .map(|commit| TimelockedCommit {
                    ciphertext: commit.commit,
                    round: commit.reveal_round,
                    epoch: commit.epoch,
                    block: commit.block,
                })
                .collect(),
            last_round: view.last_drand_round.unwrap_or_default(),
            beacon_key: view.beacon_public_key.and_then(|key| key.try_into().ok()),
            finals: BTreeMap::new(),
        }
    }
}

/// The schedule of a runtime that has none in its state (spec 393 and before), so that the windows are the epochs by which
/// it counts commits: `(block + netuid + 1) div (tempo + 1)`. The client gives a tempo that is one larger.
fn from_block_number(netuid: u16, epoch: EpochState) -> EpochState {
    let count = count(netuid, epoch.block);
    let Some(since) = count.checked_rem(u64::from(epoch.tempo)) else {
        return epoch;
    };
    EpochState {
        last_epoch_block: epoch.block.saturating_sub(since),
        subnet_epoch_index: epoch_of_block(netuid, &epoch, epoch.block),
        blocks_since_last_step: since,
        ..epoch
    }
}

fn epoch_of_block(netuid: u16, epoch: &EpochState, block: u64) -> u64 {
    count(netuid, block).checked_div(u64::from(epoch.tempo)).unwrap_or(0)
}

fn count(netuid: u16, block: u64) -> u64 {
    block.saturating_add(u64::from(netuid)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axoneme_chain::epoch::legacy_epoch;

    #[test]
    fn windows_of_older_runtimes_are_the_epochs_by_which_they_count() {
        let index = |netuid: u16, tempo: u16, block: u64| (block + u64::from(netuid) + 1) / (u64::from(tempo) + 1);
        for (netuid, tempo) in [(0, 10), (3, 10), (1, 99), (64, 360)] {
            for block in 1000..2000 {
                let state = from_block_number(netuid, legacy_epoch(netuid, tempo, block));
                let window = index(netuid, tempo, block + 1);
                assert_eq!(state.epoch_at(block + 1), window, "{netuid} {tempo} {block}");
                let next = state.next_start().expect("epochs");
                assert!(
                    index(netuid, tempo, next) > index(netuid, tempo, next - 1),
                    "{netuid} {tempo} {block}"
                );
                assert_eq!(state.first_block_of(window + 1).expect("an epoch"), {
                    (block + 1..)
                        .find(|later| index(netuid, tempo, *later) == window + 1)
                        .expect("an epoch")
                });
            }
        }
        assert_eq!(from_block_number(1, EpochState::default()), EpochState::default());
    }
}
