//! Weights and commits for several subnets in one call: what fails for one subnet is told by an event, not by the call.

use crate::*;
use codec::Compact;
use frame_support::{ensure, pallet_prelude::DispatchResult, storage::with_storage_layer};
use sp_core::H256;

/// One subnet's weights as a batch carries them.
type CompactRow = Vec<(Compact<u16>, Compact<u16>)>;

impl<T: Config> Pallet<T> {
    /// Sets weights on several subnets.
    pub fn do_batch_set_weights(
        hotkey: &T::AccountId,
        netuids: Vec<Compact<u16>>,
        rows: Vec<CompactRow>,
        version_keys: Vec<Compact<u64>>,
    ) -> DispatchResult {
        ensure!(netuids.len() == rows.len(), Error::<T>::InputLengthsUnequal);
        ensure!(netuids.len() == version_keys.len(), Error::<T>::InputLengthsUnequal);
        let results: Vec<DispatchResult> = netuids
            .iter()
            .zip(rows)
            .zip(version_keys)
            .map(|((netuid, row), version_key)| {
                let (uids, values) = row.into_iter().map(|(uid, value)| (uid.0, value.0)).unzip();
                with_storage_layer(|| Self::do_set_weights(hotkey, netuid.0, 0, uids, values, version_key.0))
            })
            .collect();
        Self::tell_of_batch(hotkey, netuids, results);
        Ok(())
    }

    /// Commits to weights on several subnets.
    pub fn do_batch_commit_weights(
        hotkey: &T::AccountId,
        netuids: Vec<Compact<u16>>,
        hashes: Vec<H256>,
    ) -> DispatchResult {
        ensure!(netuids.len() == hashes.len(), Error::<T>::InputLengthsUnequal);
        let results: Vec<DispatchResult> = netuids
            .iter()
            .zip(hashes)
            .map(|(netuid, hash)| with_storage_layer(|| Self::do_commit_weights(hotkey, netuid.0, 0, hash)))
            .collect();
        Self::tell_of_batch(hotkey, netuids, results);
        Ok(())
    }

    fn tell_of_batch(hotkey: &T::AccountId, netuids: Vec<Compact<u16>>, results: Vec<DispatchResult>) {
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        if errors.is_empty() {
            Self::deposit_event(Event::BatchWeightsCompleted(netuids, hotkey.clone()));
            return;
        }
        for error in errors {
            Self::deposit_event(Event::BatchWeightItemFailed(error));
        }
        Self::deposit_event(Event::BatchCompletedWithErrors());
    }
}
