//! The validator's timelocked commits and what came of them, by the chain's own events, block by block.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use subxt::{OnlineClient, SubstrateConfig, dynamic};

/// What happened in one window.
#[derive(Default)]
struct Window {
    /// Blocks with a commit.
    commits: Vec<u64>,
    /// Reveals: those of the commits that were made a reveal period before.
    reveals: usize,
}

/// All blocks since the first look.
pub(super) struct Commits {
    netuid: u16,
    /// The next block to look at.
    next: u64,
    /// Windows between a commit and its reveal.
    period: u64,
    windows: BTreeMap<u64, Window>,
}

impl Commits {
    /// Counts from the newest block on.
    pub(super) async fn new(client: &OnlineClient<SubstrateConfig>, netuid: u16) -> Self {
        let at = client.at_current_block().await.unwrap();
        let address = dynamic::storage::<(u16,), u64>("SubtensorModule", "RevealPeriodEpochs");
        let period = at.storage().try_fetch(address, (netuid,)).await.unwrap();
        Self {
            netuid,
            next: at.block_number() + 1,
            period: period.expect("a reveal period").decode().unwrap(),
            windows: BTreeMap::new(),
        }
    }

    /// Takes in all blocks that are new.
    pub(super) async fn look(&mut self, client: &OnlineClient<SubstrateConfig>) {
        let head = client.at_current_block().await.unwrap().block_number();
        while self.next <= head {
            let at = client.at_block(self.next).await.unwrap();
            let address = dynamic::storage::<(u16,), u64>("SubtensorModule", "SubnetEpochIndex");
            let epoch = at.storage().try_fetch(address, (self.netuid,)).await.unwrap();
            let epoch = epoch.map(|epoch| epoch.decode().unwrap()).unwrap_or_default();
            let window = self.windows.entry(epoch).or_default();
            for event in at.events().fetch().await.unwrap().iter() {
                // One validator on one subnet: whose they are need not be asked.
                match event.unwrap().event_name() {
                    "TimelockedWeightsCommitted" => window.commits.push(self.next),
                    "TimelockedWeightsRevealed" => window.reveals += 1,
                    _ => {}
                }
            }
            self.next += 1;
        }
    }

    /// Windows with more than one commit, with the blocks of these.
    pub(super) fn twice(&self) -> Vec<(u64, &[u64])> {
        let more = self.windows.iter().filter(|(_, window)| window.commits.len() > 1);
        more.map(|(epoch, window)| (*epoch, &window.commits[..])).collect()
    }

    /// Windows whose commits had their time to be revealed.
    fn over(&self) -> impl Iterator<Item = (u64, usize, usize)> {
        let newest = self.windows.keys().next_back().copied().unwrap_or_default();
        let with_commits = self.windows.iter().filter(|(_, window)| !window.commits.is_empty());
        with_commits.filter_map(move |(epoch, window)| {
            let due = epoch + self.period;
            let revealed = self.windows.get(&due).map_or(0, |window| window.reveals);
            (due < newest).then_some((*epoch, window.commits.len(), revealed))
        })
    }

    /// Windows whose commits came to light, all of them.
    pub(super) fn revealed(&self) -> usize {
        self.over().filter(|(_, commits, revealed)| revealed >= commits).count()
    }

    /// Windows with commits that did not.
    pub(super) fn unrevealed(&self) -> Vec<u64> {
        let over = self.over().filter(|(_, commits, revealed)| revealed < commits);
        over.map(|(epoch, ..)| epoch).collect()
    }

    pub(super) fn report(&self) -> Json {
        let commits = |window: &&Window| !window.commits.is_empty();
        json!({
            "windows_with_commits": self.windows.values().filter(commits).count(),
            "windows_with_two_commits": self.twice(),
            "windows_that_had_time_to_be_revealed": self.over().count(),
            "windows_revealed": self.revealed(), "windows_unrevealed": self.unrevealed(),
        })
    }
}
