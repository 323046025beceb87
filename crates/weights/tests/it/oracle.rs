//! What a run is judged by: the best chain as it came out, against what the machine says of it.

use axoneme_weights::{Form, Intent, Stage, Why};
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Event, FINALITY, Rules};
use crate::simulation::Scenario;
use crate::world::{MORTALITY, World};

/// Quiet blocks in which the machine must get a commit onto the chain: whatever was signed before has to die first, and
/// pauses and the rate limit to pass.
const QUIET_TO_COMMIT: u64 = MORTALITY + FINALITY + 2 * 16 + 2;
/// Quiet blocks in which it must reveal one by hash: the longest pause, and a few blocks.
const QUIET_TO_REVEAL: u64 = 16 + 4;

/// The rules as they were, block by block on the best chain.
pub struct Day {
    block: u64,
    /// Epoch of what is included in this block.
    epoch: u64,
    rules: Rules,
}

impl Scenario {
    pub fn judge(&mut self, days: &[Day]) {
        let world = self.world.lock();
        let seed = self.seed;
        assert!(world.violations.is_empty(), "seed {seed}: {:#?}", world.violations);
        let mut by_epoch: BTreeMap<u64, BTreeSet<&Vec<u8>>> = BTreeMap::new();
        let mut landed = BTreeMap::new();
        let mut revealed = BTreeSet::new();
        for event in &world.events {
            match event {
                Event::Landed { key, block, epoch } => {
                    by_epoch.entry(*epoch).or_default().insert(key);
                    landed.entry(key.clone()).or_insert((*block, *epoch));
                }
                Event::Revealed { key, .. } => {
                    revealed.insert(key.clone());
                }
                Event::Dropped { .. } => {}
            }
        }
        for (epoch, commits) in &by_epoch {
            assert_eq!(commits.len(), 1, "seed {seed}: two different commits in window {epoch}");
        }
        for (key, (block, epoch)) in &landed {
            let intent = &self.intents[key];
            let mut moved = world.schedule_faults.iter();
            assert!(
                intent.window == *epoch || moved.any(|fault| (intent.after..=*block).contains(fault)),
                "seed {seed}: the commit of window {} is in window {epoch}, and no rule changed",
                intent.window
            );
        }
        for (key, intent) in &self.intents {
            let window = intent.window;
            match &intent.stage {
                Stage::Revealed { .. } => {
                    self.figures.revealed += 1;
                    assert!(
                        revealed.contains(key),
                        "seed {seed}: window {window} was not revealed: {intent:?}, {:?}",
                        events_of(&world, key)
                    );
                }
                Stage::Expired { why, .. } => {
                    self.figures.expired += 1;
                    assert!(
                        !revealed.contains(key) || *why == Why::Missed,
                        "seed {seed}: {window} was revealed: {why}"
                    );
                    assert!(
                        landed.contains_key(key) || *why == Why::Missed,
                        "seed {seed}: {window} was never included"
                    );
                }
                Stage::Abandoned { why, .. } => {
                    self.figures.abandoned += 1;
                    assert!(
                        !landed.contains_key(key),
                        "seed {seed}: {window} was included after all: {why}"
                    );
                }
                Stage::Superseded { .. } => assert!(landed.contains_key(key), "seed {seed}: {window} never included"),
                stage => {
                    let late = world.head().block() < intent.planned_at + 500;
                    assert!(late, "seed {seed}: window {window} is still {stage:?}");
                }
            }
        }
        self.figures.commits = landed.len() as u64;
        self.figures.faults = world.fault_blocks.len() as u64;
        self.figures.blocks = days.len() as u64;
        self.figures.windows_owed = windows_owed(seed, days, &world.fault_blocks, &by_epoch);
        self.figures.reveals_owed = reveals_owed(seed, days, &world, &self.intents, &landed, &revealed);
    }
}

/// What the best chain did with a commit.
fn events_of<'a>(world: &'a World, key: &[u8]) -> Vec<&'a Event> {
    let is_its = |event: &&Event| match event {
        Event::Landed { key: of, .. } | Event::Revealed { key: of, .. } | Event::Dropped { key: of, .. } => of == key,
    };
    world.events.iter().filter(is_its).collect()
}

/// Notes the rules of the newest blocks.
pub fn note(days: &mut Vec<Day>, world: &World) {
    for state in world.recent() {
        let block = state.block();
        days.retain_newest(block);
        days.push(Day {
            block,
            epoch: state.epoch.epoch_at(block),
            rules: state.rules.clone(),
        });
    }
}

trait RetainNewest {
    fn retain_newest(&mut self, block: u64);
}

impl RetainNewest for Vec<Day> {
    /// Forgets `block` and what comes after it, which another block has replaced.
    fn retain_newest(&mut self, block: u64) {
        while self.last().is_some_and(|day| day.block >= block) {
            self.pop();
        }
    }
}

/// The longest stretch of days that are good.
fn longest(days: &[&Day], good: impl Fn(&Day) -> bool) -> u64 {
    let mut best = 0;
    let mut current = 0;
    for day in days {
        current = if good(day) { current + 1 } else { 0 };
        best = best.max(current);
    }
    best
}

fn is_quiet(faults: &BTreeSet<u64>, block: u64) -> bool {
    !faults.contains(&block)
}

/// Every window with a long enough quiet stretch has a commit.
fn windows_owed(seed: u64, days: &[Day], faults: &BTreeSet<u64>, by_epoch: &BTreeMap<u64, BTreeSet<&Vec<u8>>>) -> u64 {
    let mut owed = 0;
    for (epoch, days) in epochs(days) {
        let quiet = longest(&days, |day| {
            is_quiet(faults, day.block) && day.rules.permit && day.rules.version_key == 0 && day.rules.pulses
        });
        let whole = days.last().is_some_and(|last| last.block - days[0].block >= 40);
        if whole && quiet >= QUIET_TO_COMMIT + days[0].rules.rate_limit {
            owed += 1;
            assert!(
                by_epoch.contains_key(&epoch),
                "seed {seed}: nothing in window {epoch}, quiet for {quiet} blocks"
            );
        }
    }
    owed
}

/// Every commit that the chain could have revealed was.
fn reveals_owed(
    seed: u64,
    days: &[Day],
    world: &World,
    intents: &BTreeMap<Vec<u8>, Intent>,
    landed: &BTreeMap<Vec<u8>, (u64, u64)>,
    revealed: &BTreeSet<Vec<u8>>,
) -> u64 {
    let mut owed = 0;
    for (key, (block, epoch)) in landed {
        let intent = &intents[key];
        let after = || days.iter().filter(|day| day.block > *block);
        // What the chain cleared away after its time is gone, even if the owner then makes that time longer.
        let dropped = events_of(world, key).into_iter().find_map(|event| match event {
            Event::Dropped { block, .. } => after().find(|day| day.block == *block),
            _ => None,
        });
        let gone = dropped.filter(|day| day.epoch > epoch + day.rules.reveal_period);
        let open: Vec<&Day> = after()
            .filter(|day| day.epoch == epoch + day.rules.reveal_period)
            .filter(|day| gone.is_none_or(|gone| day.block < gone.block))
            .collect();
        let possible = match intent.form {
            Form::Plain {} => true,
            Form::Hash { .. } => {
                longest(&open, |day| {
                    is_quiet(&world.fault_blocks, day.block) && day.rules.permit && day.rules.commit_reveal
                }) >= QUIET_TO_REVEAL
                    && open.iter().all(|day| day.rules.version_key == 0)
            }
            Form::Timelocked { .. } => {
                let end = open.last().map_or(u64::MAX, |day| day.block);
                let undisturbed = !world
                    .schedule_faults
                    .iter()
                    // A fork may undo what had changed since the newest final block.
                    .any(|fault| *fault >= intent.after && *fault <= end);
                let whole = after().next_back().is_some_and(|last| last.block > end);
                let off = open.iter().any(|day| {
                    let rules = &day.rules;
                    !rules.permit || !rules.pulses || rules.version_key != 0 || !rules.commit_reveal
                });
                undisturbed && whole && !off
            }
        };
        if possible {
            owed += 1;
            assert!(
                revealed.contains(key),
                "seed {seed}: {} of window {} (block {block}, epoch {epoch}) was never revealed: {intent:?}, {:?}, {:?}",
                intent.form.kind().label(),
                intent.window,
                events_of(world, key),
                open.iter()
                    .map(|day| (
                        day.block,
                        is_quiet(&world.fault_blocks, day.block),
                        day.rules.reveal_period
                    ))
                    .collect::<Vec<_>>()
            );
        }
    }
    owed
}

fn epochs(days: &[Day]) -> BTreeMap<u64, Vec<&Day>> {
    let mut epochs: BTreeMap<u64, Vec<&Day>> = BTreeMap::new();
    for day in days {
        epochs.entry(day.epoch).or_default().push(day);
    }
    epochs
}
