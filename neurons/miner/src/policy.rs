//! Who is served, and who is served first.

mod census;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{CallerPolicy, Ground, Verdict};
use axoneme_chain::Metagraph;
use axoneme_neuron::metagraph::MetagraphWatch;
use axoneme_neuron::{ConfigError, Duties};
use axoneme_wallet::AccountId;
use parking_lot::RwLock;

use crate::config::{BlacklistSection, PrioritySection};
use census::{Ages, Census, Stage, Standing};

/// rao in one TAO.
const RAO: f64 = 1e9;
/// Callers remembered as served: far more than a subnet has neurons.
const MAX_ADMITTED: usize = 16_384;
/// Time between two signs of life while no new metagraph comes.
const LOOK: Duration = Duration::from_secs(60);

/// The rules of `miner.blacklist.*` and `miner.priority.*` over the newest metagraph.
#[derive(Debug)]
pub struct MinerPolicy {
    always: HashSet<AccountId>,
    never: HashSet<AccountId>,
    settings: BlacklistSection,
    priority: PrioritySection,
    ages: Ages,
    census: RwLock<Census>,
    /// Who was served on fresh grounds.
    admitted: RwLock<HashSet<AccountId>>,
}

impl MinerPolicy {
    /// Rules over `metagraph`, which came from the chain `age` ago: some time, where an earlier process fetched it.
    /// Newer ones come in by [`keep_informed`](Self::keep_informed).
    ///
    /// # Errors
    /// When a listed hotkey is not an address.
    pub fn new(
        settings: &BlacklistSection,
        priority: &PrioritySection,
        metagraph: &Metagraph,
        age: Duration,
    ) -> Result<Arc<Self>, ConfigError> {
        Ok(Arc::new(Self {
            always: addresses("miner.blacklist.whitelist", &settings.whitelist)?,
            never: addresses("miner.blacklist.blacklist", &settings.blacklist)?,
            ages: Ages {
                stale: Duration::from_secs(settings.metagraph_stale_seconds),
                too_old: Duration::from_secs(settings.metagraph_too_old_seconds),
            },
            settings: settings.clone(),
            priority: priority.clone(),
            census: RwLock::new(Census::of(metagraph, age)),
            admitted: RwLock::default(),
        }))
    }

    /// Adds a duty that takes over every new metagraph.
    pub fn keep_informed(self: &Arc<Self>, duties: &mut Duties, metagraph: &MetagraphWatch) {
        let (policy, metagraph) = (self.clone(), metagraph.clone());
        duties.spawn("caller policy", LOOK * 5, move |heart, cancel| {
            let (policy, mut metagraph) = (policy.clone(), metagraph.clone());
            async move {
                loop {
                    heart.beat();
                    tokio::select! {
                        () = cancel.cancelled() => return Ok(()),
                        changed = metagraph.changed() => {
                            changed?;
                            let newest = metagraph.borrow_and_update().clone();
                            policy.update(&newest);
                        }
                        () = tokio::time::sleep(LOOK) => {}
                    }
                }
            }
        });
    }

    /// Takes over a metagraph that came from the chain just now.
    pub fn update(&self, metagraph: &Metagraph) {
        let census = Census::of(metagraph, Duration::ZERO);
        *self.census.write() = census;
    }

    /// The rules about who a caller is; the first that fits decides.
    fn judge(&self, standing: Option<Standing>) -> Verdict {
        let Some(standing) = standing else {
            return if self.settings.allow_non_registered && !self.settings.force_validator_permit {
                Verdict::Allow
            } else {
                Verdict::Forbid(Ground::NotRegistered, "hotkey not registered".into())
            };
        };
        if self.settings.force_validator_permit && !standing.permit {
            return Verdict::Forbid(Ground::NotValidator, "hotkey has no validator permit".into());
        }
        if (standing.stake as f64) < self.settings.minimum_stake_requirement * RAO {
            return Verdict::Forbid(Ground::LowStake, "stake below the minimum".into());
        }
        Verdict::Allow
    }

    fn remember(&self, caller: &AccountId) {
        if self.admitted.read().contains(caller) {
            return;
        }
        let mut admitted = self.admitted.write();
        if admitted.len() < MAX_ADMITTED {
            admitted.insert(*caller);
        }
    }
}

fn addresses(key: &str, texts: &[String]) -> Result<HashSet<AccountId>, ConfigError> {
    let parse = |text: &String| {
        text.parse::<AccountId>().map_err(|error| ConfigError::Value {
            key: key.to_owned(),
            origin: "the configuration".to_owned(),
            reason: format!("`{text}` is not an ss58 address: {error}"),
        })
    };
    texts.iter().map(parse).collect()
}

impl CallerPolicy for MinerPolicy {
    /// Deny list, allow list, then what the metagraph says, as far as it can still be trusted.
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        if self.never.contains(caller) {
            return Verdict::Forbid(Ground::Denied, "hotkey is on the blacklist".into());
        }
        if self.always.contains(caller) {
            return Verdict::Allow;
        }
        let (stage, standing) = {
            let census = self.census.read();
            (census.stage(self.ages), census.find(caller))
        };
        let verdict = match stage {
            Stage::TooOld => Verdict::Unknown,
            Stage::Stale if !self.admitted.read().contains(caller) => Verdict::Unknown,
            Stage::Fresh | Stage::Stale => self.judge(standing),
        };
        if verdict == Verdict::Allow && stage == Stage::Fresh {
            self.remember(caller);
        }
        verdict
    }

    /// Stake in TAO; higher is answered first.
    fn priority(&self, caller: &AccountId) -> f64 {
        let standing = self.census.read().find(caller);
        standing.map_or(self.priority.default, |standing| standing.stake as f64 / RAO)
    }

    /// Validators with a permit, and who is on the allow list.
    fn preferred(&self, caller: &AccountId) -> bool {
        let standing = self.census.read().find(caller);
        standing.is_some_and(|standing| standing.permit) || self.always.contains(caller)
    }
}
