//! When epochs run: a pure description of the schedule, and the pallet's five values behind it.

use crate::*;

/// Blocks after which an epoch runs whatever the schedule says.
pub const LONGEST_EPOCH: u64 = 50_400;

/// The state that decides when a subnet's next epoch runs. Blocks and counts as in storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Block of the last epoch.
    pub last_epoch_block: u64,
    /// Block a deferred epoch is due at, 0 when none is.
    pub pending_epoch_at: u64,
    /// Number of epochs so far.
    pub subnet_epoch_index: u64,
    /// Blocks per epoch; 0 stops epochs.
    pub tempo: u16,
    /// Blocks since consensus last ran.
    pub blocks_since_last_step: u64,
}

impl Schedule {
    /// Whether an epoch is due at a block.
    pub fn is_due(&self, block: u64) -> bool {
        let pending = self.pending_epoch_at != 0 && block >= self.pending_epoch_at;
        let elapsed = block.saturating_sub(self.last_epoch_block) >= u64::from(self.tempo);
        self.tempo != 0 && (pending || self.blocks_since_last_step > LONGEST_EPOCH || elapsed)
    }

    /// Index of the epoch that a block belongs to, counting one that is due in it.
    pub fn index_at(&self, block: u64) -> u64 {
        self.subnet_epoch_index.saturating_add(u64::from(self.is_due(block)))
    }

    /// Block the next epoch starts at.
    pub fn next_start(&self) -> Option<u64> {
        if self.tempo == 0 {
            return None;
        }
        let regular = self.last_epoch_block.saturating_add(u64::from(self.tempo));
        Some(if self.pending_epoch_at == 0 {
            regular
        } else {
            regular.min(self.pending_epoch_at)
        })
    }
}

impl<T: Config> Pallet<T> {
    /// A subnet's schedule.
    pub fn schedule(netuid: u16) -> Schedule {
        Schedule {
            last_epoch_block: LastEpochBlock::<T>::get(netuid),
            pending_epoch_at: PendingEpochAt::<T>::get(netuid),
            subnet_epoch_index: SubnetEpochIndex::<T>::get(netuid),
            tempo: Tempo::<T>::get(netuid),
            blocks_since_last_step: BlocksSinceLastStep::<T>::get(netuid),
        }
    }

    /// Sets how many blocks an epoch takes; the running one starts again.
    pub fn start_cycle(netuid: u16, tempo: u16) {
        Tempo::<T>::insert(netuid, tempo);
        LastEpochBlock::<T>::insert(netuid, Self::current_block());
        PendingEpochAt::<T>::remove(netuid);
        Self::deposit_event(Event::TempoSet(netuid, tempo));
    }

    /// What happens before a block's transactions: prices, matured commits, emission and due epochs, smoothed prices,
    /// new children.
    pub(crate) fn begin_block(block: u64) {
        let netuids = Self::netuids();
        netuids.iter().for_each(RegistrationsThisBlock::<T>::remove);
        let subnets: Vec<u16> = netuids.into_iter().filter(|netuid| *netuid != ROOT).collect();
        subnets.iter().for_each(|netuid| Self::decay_price(*netuid));
        Self::reveal_before_epochs(&subnets, block);
        let mut epochs_left = MaxEpochsPerBlock::<T>::get();
        for netuid in &subnets {
            Self::emit(*netuid, block);
            Self::advance(*netuid, block, &mut epochs_left);
        }
        subnets.iter().for_each(|netuid| Self::follow_price(*netuid));
        subnets.iter().for_each(|netuid| Self::apply_pending_children(*netuid));
    }

    /// Opens timelocked commits, except where the epoch they are for is put off to another block.
    fn reveal_before_epochs(subnets: &[u16], block: u64) {
        let mut epochs_left = MaxEpochsPerBlock::<T>::get();
        for netuid in subnets {
            let mut schedule = Self::schedule(*netuid);
            schedule.blocks_since_last_step = schedule.blocks_since_last_step.saturating_add(1);
            if schedule.is_due(block) {
                let Some(left) = epochs_left.checked_sub(1) else {
                    continue;
                };
                epochs_left = left;
            }
            Self::reveal_timelocked(*netuid);
        }
    }

    fn advance(netuid: u16, block: u64, epochs_left: &mut u8) {
        BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
        if !Self::schedule(netuid).is_due(block) {
            return;
        }
        if *epochs_left == 0 {
            let next = block.saturating_add(1);
            PendingEpochAt::<T>::insert(netuid, next);
            Self::deposit_event(Event::EpochDeferred(netuid, next));
            return;
        }
        *epochs_left -= 1;
        Self::run_epoch(netuid, block);
        LastEpochBlock::<T>::insert(netuid, block);
        PendingEpochAt::<T>::remove(netuid);
        SubnetEpochIndex::<T>::mutate(netuid, |index| *index = index.saturating_add(1));
        RegistrationsThisInterval::<T>::remove(netuid);
        BurnRegistrationsThisInterval::<T>::remove(netuid);
    }
}
