//! Miners that have signed an answer: they can, so an answer without a signature is none of theirs.

use std::collections::HashSet;

use axoneme_wallet::AccountId;
use parking_lot::Mutex;

/// Far more hotkeys than a subnet ever has; 32 bytes each.
const MOST: usize = 16_384;

/// The hotkeys that proved to sign. Never forgets one: whoever could make it forget could have a miner impersonated.
pub(crate) struct Signers {
    known: Mutex<HashSet<AccountId>>,
    most: usize,
}

impl Signers {
    pub(crate) fn new(known: impl IntoIterator<Item = AccountId>) -> Self {
        Self::bounded(known, MOST)
    }

    fn bounded(known: impl IntoIterator<Item = AccountId>, most: usize) -> Self {
        Self {
            known: Mutex::new(known.into_iter().take(most).collect()),
            most,
        }
    }

    pub(crate) fn remember(&self, who: AccountId) {
        let mut known = self.known.lock();
        if known.len() < self.most {
            known.insert(who);
        }
    }

    /// Whether `who` may be asked over a wire without signatures. Nobody may once there is no room to remember more.
    pub(crate) fn may_fall_back(&self, who: &AccountId) -> bool {
        let known = self.known.lock();
        known.len() < self.most && !known.contains(who)
    }

    pub(crate) fn all(&self) -> Vec<AccountId> {
        self.known.lock().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use axoneme_wallet::Keypair;

    use super::*;

    #[test]
    fn who_signed_once_is_remembered_and_a_full_memory_trusts_nobody() {
        let id = |name: &str| Keypair::from_uri(name).expect("uri").account_id();
        let signers = Signers::bounded([id("//Alice")], 2);
        assert!(!signers.may_fall_back(&id("//Alice")));
        assert!(signers.may_fall_back(&id("//Bob")));
        signers.remember(id("//Bob"));
        assert!(!signers.may_fall_back(&id("//Bob")));
        assert!(!signers.may_fall_back(&id("//Charlie")), "full");
        signers.remember(id("//Charlie"));
        assert_eq!(signers.all().len(), 2);
    }
}
