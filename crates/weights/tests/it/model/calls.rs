//! The calls about weights, with the checks in the chain's order.

use axoneme_timelock::commit_hash;
use axoneme_weights::{Call, HashCommit, TimelockedCommit};

use super::{Event, HOTKEY, NETUID, NEURONS, State, key_of};

impl State {
    pub(super) fn rate_allows(&self, block: u64) -> bool {
        self.last_update == 0 || block >= self.last_update + self.rules.rate_limit
    }

    /// The checks that depend on the weights and on us.
    pub(super) fn apply(&mut self, weights: &[(u16, u16)], version_key: u64) -> Result<(), &'static str> {
        if self.rules.version_key != 0 && version_key < self.rules.version_key {
            return Err("IncorrectWeightVersionKey");
        }
        if !self.rules.permit {
            return Err("NeuronNoValidatorPermit");
        }
        if weights.iter().any(|(uid, _)| *uid >= NEURONS) {
            return Err("UidVecContainInvalidOne");
        }
        self.row = weights.to_vec();
        Ok(())
    }

    /// One extrinsic, with the checks in the chain's order.
    pub fn dispatch(&mut self, call: &Call, events: &mut Vec<Event>) -> Result<(), &'static str> {
        let block = self.block();
        let epoch = self.epoch.epoch_at(block);
        match call {
            Call::Set { weights, version_key } => {
                if self.rules.commit_reveal {
                    return Err("CommitRevealEnabled");
                }
                if !self.rate_allows(block) {
                    return Err("SettingWeightsTooFast");
                }
                self.apply(weights, *version_key)?;
                self.last_update = block;
            }
            Call::Commit { hash } => {
                self.may_commit(block)?;
                // Commits whose time is over are cleared away by the next one.
                let period = self.rules.reveal_period;
                self.hash_commits.retain(|commit| {
                    let over = commit.epoch + period < epoch;
                    if over {
                        events.push(Event::Dropped {
                            key: commit.hash.to_vec(),
                            block,
                        });
                    }
                    !over
                });
                if self.hash_commits.len() >= 10 {
                    return Err("TooManyUnrevealedCommits");
                }
                self.hash_commits.push(HashCommit {
                    hash: *hash,
                    epoch,
                    block,
                });
                self.last_update = block;
            }
            Call::CommitTimelocked { ciphertext, round } => {
                self.may_commit(block)?;
                if *round < self.last_round {
                    return Err("InvalidRevealRound");
                }
                if self.timelocked.iter().filter(|commit| commit.epoch == epoch).count() >= 10 {
                    return Err("TooManyUnrevealedCommits");
                }
                self.timelocked.push(TimelockedCommit {
                    ciphertext: ciphertext.clone(),
                    round: *round,
                    epoch,
                    block,
                });
                self.last_update = block;
            }
            Call::Reveal {
                uids,
                values,
                salt,
                version_key,
            } => {
                if !self.rules.commit_reveal {
                    return Err("CommitRevealDisabled");
                }
                let hash = commit_hash(&HOTKEY, NETUID, uids, values, salt, *version_key);
                let at = self.hash_commits.iter().position(|commit| commit.hash == hash);
                let at = at.ok_or("NoWeightsCommitFound")?;
                let due = self.hash_commits[at].epoch + self.rules.reveal_period;
                if due < epoch {
                    return Err("ExpiredWeightCommit");
                }
                if due > epoch {
                    return Err("RevealTooEarly");
                }
                let weights: Vec<_> = uids.iter().copied().zip(values.iter().copied()).collect();
                self.apply(&weights, *version_key)?;
                for older in self.hash_commits.drain(..=at) {
                    let key = older.hash.to_vec();
                    events.push(match older.hash == hash {
                        true => Event::Revealed { key, block },
                        false => Event::Dropped { key, block },
                    });
                }
            }
        }
        if let Some(key) = key_of(call) {
            events.push(Event::Landed {
                key: key.clone(),
                block,
                epoch,
            });
            if matches!(call, Call::Set { .. }) {
                events.push(Event::Revealed { key, block });
            }
        }
        Ok(())
    }

    fn may_commit(&self, block: u64) -> Result<(), &'static str> {
        if !self.rules.commit_reveal {
            return Err("CommitRevealDisabled");
        }
        match self.rate_allows(block) {
            true => Ok(()),
            false => Err("CommittingWeightsTooFast"),
        }
    }
}
