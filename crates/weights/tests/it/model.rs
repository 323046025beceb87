//! The chain's rules about weights, in memory: what is stored when, what is refused, what is revealed and dropped.

use axoneme_timelock::reveal::EpochState;
use axoneme_timelock::{COMMIT_REVEAL_VERSION, DevBeacon, WeightsPayload, commit_hash, decrypt};
use axoneme_weights::{Call, HashCommit, Registration, TimelockedCommit, View};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

pub const HOTKEY: [u8; 32] = [7; 32];
pub const NETUID: u16 = 3;
pub const UID: u16 = 2;
pub const NEURONS: u16 = 8;
/// Blocks by which finality is behind the head.
pub const FINALITY: u64 = 3;

/// The beacon of the model; its key takes a while to compute.
pub fn dev() -> &'static DevBeacon {
    static DEV: OnceLock<DevBeacon> = OnceLock::new();
    DEV.get_or_init(DevBeacon::default)
}

/// What the owner and the network decide.
#[derive(Clone, Debug)]
pub struct Rules {
    pub tempo: u16,
    pub commit_reveal: bool,
    pub reveal_period: u64,
    pub rate_limit: u64,
    pub version_key: u64,
    pub permit: bool,
    /// Whether pulses arrive.
    pub pulses: bool,
    pub block_time: Duration,
}

/// The state at the end of one block.
#[derive(Clone, Debug)]
pub struct State {
    pub hash: [u8; 32],
    pub rules: Rules,
    pub time: Duration,
    pub epoch: EpochState,
    pub last_update: u64,
    pub row: Vec<(u16, u16)>,
    pub hash_commits: Vec<HashCommit>,
    pub timelocked: Vec<TimelockedCommit>,
    pub last_round: u64,
}

/// What became of a commit, by the bytes that name it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Landed { key: Vec<u8>, block: u64, epoch: u64 },
    Revealed { key: Vec<u8>, block: u64 },
    Dropped { key: Vec<u8>, block: u64 },
}

impl Event {
    pub fn block(&self) -> u64 {
        match self {
            Event::Landed { block, .. } | Event::Revealed { block, .. } | Event::Dropped { block, .. } => *block,
        }
    }
}

/// The bytes that name what a call puts on the chain; `None` for a reveal, which puts nothing new there.
pub fn key_of(call: &Call) -> Option<Vec<u8>> {
    match call {
        Call::Set { weights, .. } => Some(
            weights
                .iter()
                .flat_map(|(uid, value)| [*uid, *value])
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        Call::Commit { hash } => Some(hash.to_vec()),
        Call::CommitTimelocked { ciphertext, .. } => Some(ciphertext.clone()),
        Call::Reveal { .. } => None,
    }
}

impl State {
    pub fn new(rules: Rules, block: u64, index: u64, time: Duration) -> Self {
        let epoch = EpochState {
            last_epoch_block: block,
            pending_epoch_at: 0,
            subnet_epoch_index: index,
            tempo: rules.tempo,
            blocks_since_last_step: 0,
            block,
        };
        let last_round = dev().beacon().round_at(time);
        Self {
            hash: [0; 32],
            rules,
            time,
            epoch,
            last_update: 0,
            row: Vec::new(),
            hash_commits: Vec::new(),
            timelocked: Vec::new(),
            last_round,
        }
    }

    pub fn block(&self) -> u64 {
        self.epoch.block
    }

    pub fn view(&self, finalized: u64) -> View {
        View {
            block: self.block(),
            hash: self.hash,
            finalized,
            timestamp: self.time,
            block_time: self.rules.block_time,
            registration: Some(Registration {
                uid: UID,
                since: 1,
                last_update: self.last_update,
                permit: self.rules.permit,
                stake: 10,
                owner: false,
            }),
            neurons: NEURONS,
            min_allowed: 1,
            max_weight: u16::MAX,
            version_key: self.rules.version_key,
            rate_limit: self.rules.rate_limit,
            stake_threshold: 5,
            commit_reveal: self.rules.commit_reveal,
            commit_reveal_version: COMMIT_REVEAL_VERSION,
            reveal_period: self.rules.reveal_period,
            epoch: self.epoch,
            row: self.row.clone(),
            hash_commits: self.hash_commits.clone(),
            timelocked: self.timelocked.clone(),
            last_round: self.last_round,
            beacon_key: Some(dev().beacon().public_key),
            finals: BTreeMap::new(),
        }
    }

    /// What happens at the start of a block: pulses, reveals, the epoch.
    pub fn begin(&mut self, dev: &DevBeacon, events: &mut Vec<Event>) {
        let block = self.block() + 1;
        self.time += self.rules.block_time;
        if self.rules.pulses {
            self.last_round = self.last_round.max(dev.beacon().round_at(self.time));
        }
        self.epoch.tempo = self.rules.tempo;
        let current = self.epoch.epoch_at(block);
        for commit in std::mem::take(&mut self.timelocked) {
            let due = commit.epoch + self.rules.reveal_period;
            let key = commit.ciphertext.clone();
            if due == current && commit.round <= self.last_round {
                let opened = decrypt(&commit.ciphertext, &dev.sign(commit.round)).expect("our beacon");
                let payload = WeightsPayload::decode(&opened).expect("a payload");
                assert_eq!(payload.hotkey, HOTKEY);
                let weights: Vec<_> = payload.uids.iter().copied().zip(payload.values).collect();
                let allowed = self.rules.commit_reveal || self.rate_allows(block);
                if allowed && self.apply(&weights, payload.version_key).is_ok() {
                    events.push(Event::Revealed { key, block });
                    if !self.rules.commit_reveal {
                        self.last_update = block;
                    }
                } else {
                    events.push(Event::Dropped { key, block });
                }
            } else if due < current {
                events.push(Event::Dropped { key, block });
            } else {
                self.timelocked.push(commit);
            }
        }
        let due = self.epoch.due_at(block);
        self.epoch.block = block;
        self.epoch.blocks_since_last_step += 1;
        if due {
            self.epoch.last_epoch_block = block;
            self.epoch.pending_epoch_at = 0;
            self.epoch.subnet_epoch_index += 1;
            self.epoch.blocks_since_last_step = 0;
        }
    }

    fn rate_allows(&self, block: u64) -> bool {
        self.last_update == 0 || block >= self.last_update + self.rules.rate_limit
    }

    /// The checks that depend on the weights and on us.
    fn apply(&mut self, weights: &[(u16, u16)], version_key: u64) -> Result<(), &'static str> {
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
