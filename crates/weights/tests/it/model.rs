//! The chain's rules about weights, in memory: what is stored when, what is revealed and dropped as blocks go by. What
//! is refused is in [`calls`].

mod calls;

use axoneme_timelock::reveal::EpochState;
use axoneme_timelock::{COMMIT_REVEAL_VERSION, DevBeacon, WeightsPayload, decrypt};
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
}
