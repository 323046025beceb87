//! A model chain whose network has faults.

use axoneme_weights::Call;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::model::{Event, FINALITY, Rules, State, dev};

/// Most blocks a transaction stays valid.
pub const MORTALITY: u64 = 16;
/// States kept for forks and for nodes that are behind.
const KEEP: usize = 8;

#[derive(Clone)]
pub struct Pending {
    pub hash: [u8; 32],
    pub call: Call,
    pub until: u64,
    /// Blocks before an author takes it.
    pub delay: u64,
}

/// What goes wrong now, as chances per block or per call.
#[derive(Clone, Copy, Default, Debug)]
pub struct Weather {
    pub down: f64,
    pub lag: f64,
    pub lose: f64,
    pub fork: f64,
    pub kill: f64,
    pub slow: f64,
    pub rules: f64,
    pub time: f64,
}

impl Weather {
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        if rng.random_bool(0.35) {
            return Self::default();
        }
        let mut chance = |highest: f64| match rng.random_bool(0.4) {
            true => rng.random_range(0.0..highest),
            false => 0.0,
        };
        Self {
            down: chance(0.1),
            lag: chance(0.3),
            lose: chance(0.5),
            fork: chance(0.2),
            kill: chance(0.3),
            slow: chance(0.6),
            rules: chance(0.03),
            time: chance(0.02),
        }
    }
}

pub struct World {
    pub rng: ChaCha8Rng,
    pub weather: Weather,
    /// The newest states, the head last.
    pub states: VecDeque<State>,
    pub pool: Vec<Pending>,
    pub calls: HashMap<[u8; 32], Call>,
    /// Where each transaction was included on the best chain, and whether it succeeded.
    pub included: HashMap<[u8; 32], (u64, bool, Pending)>,
    /// Everything on the best chain.
    pub events: Vec<Event>,
    /// Blocks for which the node does not answer yet.
    pub down_for: u64,
    /// Disk of the process.
    pub disk: Option<Vec<u8>>,
    /// Blocks at which something went wrong.
    pub fault_blocks: BTreeSet<u64>,
    /// Blocks at which a rule or the time changed.
    pub schedule_faults: Vec<u64>,
    pub violations: Vec<String>,
    pub signed: u64,
    authored: u64,
    /// Hash of each block of the best chain.
    pub hashes: BTreeMap<u64, [u8; 32]>,
}

#[derive(Clone)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub fn new(seed: u64, rules: Rules) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let start = Duration::from_secs(dev().beacon().genesis + rng.random_range(10_000..1_000_000));
        let state = State::new(rules, 1000, rng.random_range(0..50), start);
        Self(Arc::new(Mutex::new(World {
            rng,
            weather: Weather::default(),
            states: VecDeque::from([state]),
            pool: Vec::new(),
            calls: HashMap::new(),
            included: HashMap::new(),
            events: Vec::new(),
            down_for: 0,
            disk: None,
            fault_blocks: BTreeSet::new(),
            schedule_faults: Vec::new(),
            violations: Vec::new(),
            signed: 0,
            authored: 0,
            hashes: BTreeMap::new(),
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// A process that was killed does nothing any more: whoever waits for it waits for ever.
    pub async fn killed(&self) {
        let dies = {
            let mut world = self.lock();
            let chance = world.weather.kill / 3.0;
            let dies = world.rng.random_bool(chance);
            if dies {
                world.fault();
            }
            dies
        };
        if dies {
            std::future::pending::<()>().await;
        }
    }
}

impl World {
    pub fn head(&self) -> &State {
        self.states.back().expect("a head")
    }

    /// The states that may have changed since the last look.
    pub fn recent(&self) -> impl Iterator<Item = &State> {
        self.states.iter()
    }

    pub fn finalized(&self) -> u64 {
        self.head().block().saturating_sub(FINALITY)
    }

    pub fn fault(&mut self) {
        let block = self.head().block();
        self.fault_blocks.insert(block);
    }

    fn schedule_fault(&mut self) {
        self.fault();
        let block = self.head().block();
        self.schedule_faults.push(block);
    }

    /// Lets the network make a block, with whatever the weather brings.
    pub fn next_block(&mut self) {
        let Weather {
            fork,
            rules,
            time,
            down,
            ..
        } = self.weather;
        if self.down_for > 0 {
            self.down_for -= 1;
            self.fault();
        } else if self.rng.random_bool(down) {
            self.down_for = self.rng.random_range(1..60);
            self.fault();
        }
        if self.rng.random_bool(fork) {
            self.fork();
        }
        let mut state = self.head().clone();
        if self.rng.random_bool(rules) {
            self.change(&mut state);
        }
        if self.rng.random_bool(time) {
            // The authors' clocks leap, as after a standstill.
            state.time += Duration::from_secs(self.rng.random_range(1..4000));
            self.schedule_fault();
        }
        self.author(state);
    }

    /// The owner, or the network, changes a rule.
    fn change(&mut self, state: &mut State) {
        self.schedule_fault();
        let rules = &mut state.rules;
        match self.rng.random_range(0..8) {
            0 | 1 => rules.commit_reveal = !rules.commit_reveal,
            2 => rules.tempo = self.rng.random_range(45..90),
            3 => rules.reveal_period = self.rng.random_range(1..4),
            4 => rules.rate_limit = self.rng.random_range(0..12),
            5 => rules.version_key = if rules.version_key == 0 { 99 } else { 0 },
            6 => rules.permit = !rules.permit,
            _ => rules.pulses = !rules.pulses,
        }
    }

    /// All is well again.
    pub fn heal(&mut self) {
        self.weather = Weather::default();
        self.down_for = 0;
        self.mend();
    }

    /// Somebody acts: what keeps weights out is gone.
    pub fn mend(&mut self) {
        let state = self.states.back_mut().expect("a head");
        let rules = &mut state.rules;
        if rules.version_key != 0 || !rules.permit || !rules.pulses {
            (rules.version_key, rules.permit, rules.pulses) = (0, true, true);
            self.schedule_fault();
        }
    }

    fn author(&mut self, mut state: State) {
        let mut events = Vec::new();
        state.begin(dev(), &mut events);
        let block = state.block();
        for mut pending in std::mem::take(&mut self.pool) {
            if block >= pending.until || self.included.contains_key(&pending.hash) {
                continue;
            }
            if pending.delay > 0 {
                pending.delay -= 1;
                self.pool.push(pending);
                continue;
            }
            let outcome = state.dispatch(&pending.call, &mut events);
            self.included.insert(pending.hash, (block, outcome.is_ok(), pending));
        }
        self.authored += 1;
        state.hash[..8].copy_from_slice(&self.authored.to_be_bytes());
        self.hashes.insert(block, state.hash);
        self.events.append(&mut events);
        self.states.push_back(state);
        if self.states.len() > KEEP {
            self.states.pop_front();
        }
    }

    /// Other blocks take the place of the newest ones; what they contained goes back to the pool, or is lost.
    fn fork(&mut self) {
        let most = (self.states.len() - 1).min(FINALITY as usize);
        if most == 0 {
            return;
        }
        self.fault();
        let depth = self.rng.random_range(1..=most);
        self.states.truncate(self.states.len() - depth);
        let head = self.head().block();
        self.events.retain(|event| event.block() <= head);
        let undone: Vec<[u8; 32]> = self
            .included
            .iter()
            .filter(|(_, (block, ..))| *block > head)
            .map(|(hash, _)| *hash)
            .collect();
        let mut back: Vec<Pending> = undone
            .iter()
            .filter_map(|hash| self.included.remove(hash))
            .map(|(.., tx)| tx)
            .collect();
        back.sort_by_key(|tx| tx.hash);
        for mut tx in back {
            if self.rng.random_bool(0.7) {
                tx.delay = self.rng.random_range(0..4);
                self.pool.push(tx);
            }
        }
        for _ in 0..depth {
            let state = self.head().clone();
            self.author(state);
        }
    }
}
