//! Ten thousand windows with faults. The seed of each scenario is printed; `AXONEME_WEIGHTS_SEED=<seed>` runs that one
//! alone, `AXONEME_WEIGHTS_SCENARIOS=<number>` so many of 200 windows each instead of 50.

use axoneme_weights::{Intent, Ledger, Method, Settings, Worker};
use futures::FutureExt as _;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::model::{HOTKEY, NETUID, Rules, dev, key_of};
use crate::oracle::{Day, note};
use crate::process::{Counter, Disk};
use crate::world::{Shared, Weather};

const GENESIS: [u8; 32] = [1; 32];
const SCENARIOS: u64 = 50;
const WINDOWS: u64 = 200;

#[derive(Debug, Default, PartialEq)]
pub struct Figures {
    pub windows: u64,
    pub blocks: u64,
    pub kills: u64,
    pub faults: u64,
    pub commits: u64,
    pub revealed: u64,
    pub expired: u64,
    pub abandoned: u64,
    pub windows_owed: u64,
    pub reveals_owed: u64,
}

pub struct Scenario {
    pub seed: u64,
    pub world: Shared,
    settings: Settings,
    count: Arc<Mutex<u16>>,
    /// Every intent that was ever seen, by what names it, as it last was.
    pub intents: BTreeMap<Vec<u8>, Intent>,
    /// The ledger as it last was.
    latest: Ledger,
    pub figures: Figures,
}

type Machine = Worker<Shared, Disk, Counter, ChaCha8Rng>;

impl Scenario {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let rules = Rules {
            tempo: rng.random_range(55..100),
            commit_reveal: rng.random_bool(0.75),
            reveal_period: rng.random_range(1..3),
            rate_limit: rng.random_range(0..10),
            version_key: 0,
            permit: true,
            pulses: true,
            block_time: Duration::from_millis([250, 1000, 12_000][rng.random_range(0..3)]),
        };
        let settings = Settings {
            netuid: NETUID,
            mecid: 0,
            version_key: 10,
            every: 0,
            method: [Method::Auto, Method::Hash, Method::Timelocked][rng.random_range(0..3)],
            beacon: dev().beacon(),
        };
        Self {
            seed,
            world: Shared::new(seed, rules),
            settings,
            count: Arc::default(),
            intents: BTreeMap::new(),
            latest: Ledger::default(),
            figures: Figures::default(),
        }
    }

    /// A process that starts with what is on the disk.
    fn start(&mut self) -> Machine {
        let (bytes, seed) = {
            let mut world = self.world.lock();
            (world.disk.clone(), world.rng.random())
        };
        let ledger: Option<Ledger> = bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap());
        self.figures.kills += 1;
        Worker::new(
            (self.world.clone(), GENESIS),
            (Disk(self.world.clone()), ledger),
            Counter(self.world.clone(), Arc::clone(&self.count)),
            ChaCha8Rng::seed_from_u64(seed),
            HOTKEY,
            self.settings,
        )
        .unwrap()
    }

    fn run(mut self, windows: u64) -> Figures {
        let mut machine = self.start();
        let mut wake = 0;
        let mut days: Vec<Day> = Vec::new();
        let first = self.world.lock().head().epoch.subnet_epoch_index;
        let mut epoch = first;
        // After the last window the weather clears, and what is under way must come to its end.
        while epoch < first + windows + 8 {
            {
                let mut world = self.world.lock();
                world.next_block();
                let now = world.head().epoch.subnet_epoch_index;
                if now != epoch {
                    epoch = now;
                    world.weather = Weather::draw(&mut world.rng);
                    if epoch >= first + windows {
                        world.heal();
                    } else if world.rng.random_bool(0.5) {
                        world.mend();
                    }
                }
                note(&mut days, &world);
                if world.head().block() < wake {
                    continue;
                }
            }
            let outcome = machine.tick().now_or_never();
            self.take_in(machine.ledger());
            match outcome {
                Some(Ok(tick)) => wake = tick.wake,
                Some(Err(axoneme_weights::WeightsError::Chain(_))) => wake = 0,
                // Killed: at a write, or wherever it waited.
                Some(Err(axoneme_weights::WeightsError::State(_))) | None => {
                    machine = self.start();
                    wake = 0;
                }
                Some(Err(other)) => panic!("seed {}: {other}", self.seed),
            }
            note(&mut days, &self.world.lock());
        }
        self.figures.windows = windows;
        self.judge(&days);
        self.figures
    }

    fn take_in(&mut self, ledger: &Ledger) {
        if self.latest == *ledger {
            return;
        }
        for intent in &ledger.intents {
            if self.latest.intents.contains(intent) {
                continue;
            }
            let key = key_of(&intent.call()).unwrap();
            if let Some(before) = self.intents.get(&key) {
                assert_eq!(before.window, intent.window, "an intent does not change");
            }
            self.intents.insert(key, intent.clone());
        }
        self.latest = ledger.clone();
    }
}

fn seeds() -> Vec<u64> {
    let number = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(value.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")))
    };
    match number("AXONEME_WEIGHTS_SEED") {
        Some(seed) => vec![seed],
        None => {
            let scenarios = number("AXONEME_WEIGHTS_SCENARIOS").unwrap_or(SCENARIOS);
            (0..scenarios).map(|number| 0xa11ce + number).collect()
        }
    }
}

#[test]
fn ten_thousand_windows_with_faults_have_one_commit_each_and_are_revealed() {
    let seeds = seeds();
    let workers = 2;
    let figures: Vec<Figures> = std::thread::scope(|scope| {
        let seeds = &seeds;
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let own = seeds.iter().skip(worker).step_by(workers);
                scope.spawn(move || own.map(|seed| one(*seed)).collect::<Vec<_>>())
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().expect("a scenario failed, see its seed above"))
            .collect()
    });
    let sum = |of: fn(&Figures) -> u64| figures.iter().map(of).sum::<u64>();
    println!(
        "{} windows, {} blocks, {} with faults, {} starts; {} commits, {} revealed, {} expired, {} abandoned; \
         {} windows and {} reveals were owed",
        sum(|f| f.windows),
        sum(|f| f.blocks),
        sum(|f| f.faults),
        sum(|f| f.kills),
        sum(|f| f.commits),
        sum(|f| f.revealed),
        sum(|f| f.expired),
        sum(|f| f.abandoned),
        sum(|f| f.windows_owed),
        sum(|f| f.reveals_owed),
    );
    if seeds.len() as u64 >= SCENARIOS {
        assert_eq!(sum(|f| f.windows), seeds.len() as u64 * WINDOWS);
        assert!(sum(|f| f.windows_owed) > 2000, "the weather leaves enough to owe");
        assert!(sum(|f| f.reveals_owed) > 2000);
        assert!(
            sum(|f| f.kills) > 1000 && sum(|f| f.faults) > 10_000,
            "the weather is bad enough"
        );
    }
}

fn one(seed: u64) -> Figures {
    println!("seed {seed}");
    let outcome = std::panic::catch_unwind(|| Scenario::new(seed).run(WINDOWS));
    outcome.unwrap_or_else(|panic| {
        println!("failed: AXONEME_WEIGHTS_SEED={seed}");
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let run = || Scenario::new(4711).run(20);
    assert_eq!(run(), run());
}
