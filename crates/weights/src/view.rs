//! What the chain holds about one validator's weights, all read at one block.

use axoneme_timelock::reveal::EpochState;
use std::collections::BTreeMap;
use std::time::Duration;

/// The chain's side of the weights of one hotkey in one mechanism of a subnet.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The block this was read at, the best one.
    pub block: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The newest block that cannot be replaced any more.
    pub finalized: u64,
    /// The chain's own time at `block`, since 1970.
    pub timestamp: Duration,
    /// Time between two blocks.
    pub block_time: Duration,
    /// Our place in the subnet, if we have one.
    pub registration: Option<Registration>,
    /// Neurons in the subnet.
    pub neurons: u16,
    /// Fewest weights the subnet takes.
    pub min_allowed: u16,
    /// Largest share of one weight, as a fraction of 65535.
    pub max_weight: u16,
    /// Lowest version the subnet takes; 0 takes all.
    pub version_key: u64,
    /// Blocks that have to pass between two updates.
    pub rate_limit: u64,
    /// Lowest stake that may set weights.
    pub stake_threshold: u64,
    /// Whether weights are committed first and revealed later.
    pub commit_reveal: bool,
    /// Version of timelocked commits that the chain takes.
    pub commit_reveal_version: u16,
    /// Epochs between commit and reveal.
    pub reveal_period: u64,
    /// The subnet's schedule.
    pub epoch: EpochState,
    /// Our weights as they count, in the stored order.
    pub row: Vec<(u16, u16)>,
    /// Our commits by hash that are neither revealed nor cleared away.
    pub hash_commits: Vec<HashCommit>,
    /// Our timelocked commits that are neither revealed nor cleared away.
    pub timelocked: Vec<TimelockedCommit>,
    /// The newest round of the beacon that the chain knows; 0 where it knows none.
    pub last_round: u64,
    /// Key of the beacon that the chain follows, where it says so.
    pub beacon_key: Option<[u8; 96]>,
    /// Hashes of final blocks that somebody asked for, by number.
    pub finals: BTreeMap<u64, [u8; 32]>,
}

/// Our place in the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    /// Our uid.
    pub uid: u16,
    /// Block since which we have it.
    pub since: u64,
    /// Block of our latest update; 0 for never.
    pub last_update: u64,
    /// Whether the last epoch gave us a validator permit.
    pub permit: bool,
    /// Our stake weight, in rao.
    pub stake: u64,
    /// Whether we are the subnet owner's hotkey, which needs neither permit nor stake.
    pub owner: bool,
}

/// A commit by hash as the chain stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCommit {
    /// What was committed.
    pub hash: [u8; 32],
    /// The epoch it belongs to.
    pub epoch: u64,
    /// The block it was included in.
    pub block: u64,
}

/// A timelocked commit as the chain stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelockedCommit {
    /// What was committed.
    pub ciphertext: Vec<u8>,
    /// The round that opens it.
    pub round: u64,
    /// The epoch it belongs to.
    pub epoch: u64,
    /// The block it was included in.
    pub block: u64,
}

impl View {
    /// The epoch of what is included in the next block: the window we are in.
    pub fn window(&self) -> u64 {
        self.epoch.epoch_at(self.block.saturating_add(1))
    }

    /// Whether the window's first block is final, and the next block still belongs to it: whatever is included from now on
    /// is in this window or in a later one, on every fork.
    pub fn window_is_settled(&self) -> bool {
        self.window() == self.epoch.subnet_epoch_index && self.finalized >= self.epoch.last_epoch_block
    }

    /// Last block that may contain what is signed now, so that it does not get into the next window; `None` where too
    /// little of this one is left. In a subnet with very short epochs nothing would ever be left: there is no such block.
    pub fn sign_until(&self) -> Option<u64> {
        /// Windows shorter than this do not bound what is signed in them.
        const SHORT: u16 = 32;
        /// Blocks after the head in which a transaction has to be valid.
        const REACH: u64 = 2;
        if self.epoch.tempo < SHORT {
            return Some(u64::MAX);
        }
        let next_window = self.epoch.next_start()?;
        // Validity begins at the final block and its length is a power of two: more than half of what there is.
        let needed = self.block.saturating_add(REACH).saturating_sub(self.finalized);
        let left = next_window.saturating_sub(self.finalized);
        (left >= needed.saturating_mul(2)).then(|| next_window.saturating_sub(1))
    }

    /// Block of our latest update; 0 for never.
    pub fn last_update(&self) -> u64 {
        self.registration.map_or(0, |registration| registration.last_update)
    }

    /// The chain's time, or the latest pulse's where that is later: after a standstill the head is behind.
    pub fn time(&self, beacon: &axoneme_timelock::Beacon) -> Duration {
        match self.last_round {
            0 => self.timestamp,
            round => self.timestamp.max(Duration::from_secs(beacon.time_of(round))),
        }
    }

    /// Whether our row on the chain is made of these weights.
    pub fn shows(&self, uids: &[u16], values: &[u16]) -> bool {
        self.row.len() == uids.len()
            && uids.len() == values.len()
            && self.row.iter().copied().eq(uids.iter().copied().zip(upscaled(values)))
    }
}

/// Weights as the chain stores them: the largest becomes 65535, in fixed-point numbers of 32 fractional bits that are
/// cut off after each step and rounded at the end. Weights that differ by one are told apart by this alone.
fn upscaled(values: &[u16]) -> Vec<u16> {
    /// Above this the factor is computed first, and cut off.
    const FACTOR_FIRST: u64 = 32_768;
    const ONE: u64 = 1 << 32;
    let whole = u64::from(u16::MAX);
    let largest = u64::from(values.iter().copied().max().unwrap_or(0).max(1));
    let scale = |value: &u16| {
        let value = u64::from(*value);
        let scaled = match largest > FACTOR_FIRST {
            true => value * (whole * ONE / largest),
            // At most 2^31 before the bits are shifted in: 32768 times 65535.
            false => (value * whole * ONE) / largest,
        };
        u16::try_from((scaled + ONE / 2) / ONE).unwrap_or(u16::MAX)
    };
    values.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::upscaled;

    #[test]
    fn weights_are_scaled_as_on_the_chain() {
        assert_eq!(upscaled(&[]), Vec::<u16>::new());
        assert_eq!(upscaled(&[0, 0]), vec![0, 0]);
        assert_eq!(upscaled(&[1, 2, 4]), vec![16_384, 32_768, 65_535]);
        assert_eq!(upscaled(&[65_535, 1, 2]), vec![65_535, 1, 2]);
        assert_eq!(upscaled(&[40_000, 20_000]), vec![65_535, 32_767]);
        assert_eq!(upscaled(&[32_768, 16_384]), vec![65_535, 32_768]);
    }
}
