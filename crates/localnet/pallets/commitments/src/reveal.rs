//! Opening timelocked fields.

use crate::{types::Data, CommitmentOf, Config, Event, Pallet, RevealedCommitments, TimelockedIndex};
use axoneme_timelock::decrypt;

/// Opened fields that are kept of a hotkey.
const MOST_REVEALED: usize = 10;

/// What became of a field.
enum Field {
    Kept(Data),
    Opened(Vec<u8>),
    /// The signature of its round does not open it.
    Lost,
}

impl<T: Config> Pallet<T> {
    /// Opens the fields whose round is on the chain.
    pub(crate) fn reveal_timelocked() {
        let index = TimelockedIndex::<T>::get();
        let mut left = index.clone();
        for (netuid, who) in &index {
            if !Self::reveal(*netuid, who) {
                left.remove(&(*netuid, who.clone()));
            }
        }
        if left.len() < index.len() {
            TimelockedIndex::<T>::put(left);
        }
    }

    /// Opens what can be opened of one commitment. Whether anything is left to be opened later.
    fn reveal(netuid: u16, who: &T::AccountId) -> bool {
        let Some(mut registration) = CommitmentOf::<T>::get(netuid, who) else {
            return false;
        };
        let is_due = |field: &Data| match field {
            Data::TimelockEncrypted { reveal_round, .. } => pallet_drand::Pulses::<T>::contains_key(reveal_round),
            _ => false,
        };
        if !registration.info.fields.iter().any(is_due) {
            return registration.info.fields.iter().any(is_timelocked);
        }
        let (mut kept, mut opened) = (vec![], vec![]);
        for field in registration.info.fields {
            match Self::open(field) {
                Field::Kept(field) => kept.push(field),
                Field::Opened(plaintext) => opened.push(plaintext),
                Field::Lost => {}
            }
        }
        let waits = kept.iter().any(is_timelocked);
        if kept.is_empty() {
            CommitmentOf::<T>::remove(netuid, who);
        } else {
            // There were as many fields or more.
            registration.info.fields = frame_support::BoundedVec::truncate_from(kept);
            CommitmentOf::<T>::insert(netuid, who, registration);
        }
        Self::show(netuid, who, opened);
        waits
    }

    fn open(field: Data) -> Field {
        let Data::TimelockEncrypted {
            encrypted,
            reveal_round,
        } = &field
        else {
            return Field::Kept(field);
        };
        let Some(signature) = pallet_drand::Pallet::<T>::signature(*reveal_round) else {
            return Field::Kept(field);
        };
        decrypt(encrypted, &signature).map_or(Field::Lost, Field::Opened)
    }

    fn show(netuid: u16, who: &T::AccountId, opened: Vec<Vec<u8>>) {
        if opened.is_empty() {
            return;
        }
        let block = pallet_subtensor::Pallet::<T>::current_block();
        let mut shown = RevealedCommitments::<T>::get(netuid, who).unwrap_or_default();
        shown.extend(opened.into_iter().map(|plaintext| (plaintext, block)));
        let surplus = shown.len().saturating_sub(MOST_REVEALED);
        shown.drain(..surplus);
        RevealedCommitments::<T>::insert(netuid, who, shown);
        Self::deposit_event(Event::CommitmentRevealed {
            netuid,
            who: who.clone(),
        });
    }

    /// Rounds that fields wait for, after `after` and not after `until`.
    pub fn rounds_waited_for(after: u64, until: u64) -> impl Iterator<Item = u64> {
        TimelockedIndex::<T>::get()
            .into_iter()
            .filter_map(|(netuid, who)| CommitmentOf::<T>::get(netuid, who))
            .flat_map(|registration| registration.info.fields)
            .filter_map(|field| match field {
                Data::TimelockEncrypted { reveal_round, .. } => Some(reveal_round),
                _ => None,
            })
            .filter(move |round| *round > after && *round <= until)
    }
}

fn is_timelocked(field: &Data) -> bool {
    matches!(field, Data::TimelockEncrypted { .. })
}
