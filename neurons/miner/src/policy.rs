//! Who is served, and who is served first.

mod census;
mod requests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
#[cfg(test)]
pub(crate) use tests::blank;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{CallerPolicy, Ground, Verdict};
use axoneme_chain::Metagraph;
use axoneme_neuron::metagraph::{self, MetagraphWatch};
use axoneme_neuron::{ConfigError, Duties};
use axoneme_wallet::AccountId;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use crate::config::{BlacklistSection, PrioritySection};
use census::{Ages, Census, Stage, Standing};
use requests::Requests;

/// rao in one TAO.
const RAO: f64 = 1e9;
/// Callers remembered as served: far more than a subnet has neurons.
const MAX_ADMITTED: usize = 16_384;
/// Longest time without a sign of life before the duty is restarted.
const STUCK: Duration = Duration::from_secs(300);

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
    /// When registered callers asked, since `began`.
    requests: Mutex<Requests>,
    began: Instant,
    /// Callers since the last look: those allowed, and those refused by ground.
    tally: Mutex<BTreeMap<&'static str, u64>>,
}

/// What the filter says, with its reason; `None` is allowed.
type Decision = (Option<Ground>, String);

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
            requests: Mutex::default(),
            began: Instant::now(),
            tally: Mutex::default(),
        }))
    }

    /// Adds a duty that takes over every new metagraph.
    pub fn keep_informed(self: &Arc<Self>, duties: &mut Duties, metagraph: &MetagraphWatch) {
        let (policy, metagraph) = (self.clone(), metagraph.clone());
        duties.spawn("caller policy", STUCK, move |heart, cancel| {
            let (policy, mut newest) = (policy.clone(), metagraph.clone());
            async move {
                while let Some(metagraph) = metagraph::next(&mut newest, &heart, &cancel).await? {
                    policy.update(&metagraph);
                }
                Ok(())
            }
        });
    }

    /// Takes over a metagraph that came from the chain just now.
    pub fn update(&self, metagraph: &Metagraph) {
        let census = Census::of(metagraph, Duration::ZERO);
        let registered = metagraph.neurons.iter().map(|neuron| neuron.hotkey).collect();
        *self.census.write() = census;
        self.requests.lock().keep(&registered);
    }

    /// The rules about who a caller is and how often it asked; the first that fits decides.
    fn judge(&self, caller: &AccountId, standing: Option<Standing>) -> Decision {
        let refuse = |ground, reason: &str| (Some(ground), reason.to_owned());
        let Some(standing) = standing else {
            return if !self.settings.allow_non_registered {
                refuse(Ground::NotRegistered, "hotkey not registered")
            } else if self.settings.force_validator_permit {
                let reason = "validator permit required, but hotkey not registered";
                refuse(Ground::NotRegistered, reason)
            } else {
                (None, PASSED.to_owned())
            };
        };
        if self.settings.force_validator_permit && !standing.permit {
            return refuse(Ground::NotValidator, "validator permit required");
        }
        if (standing.stake as f64) < self.settings.minimum_stake_requirement * RAO {
            return refuse(Ground::LowStake, "stake below the minimum");
        }
        let period = self.settings.period();
        let places = self.priority.len_request_timestamps;
        let requests = self.requests.lock();
        let times = requests.of(caller).filter(|_| !period.is_zero());
        if times.is_some_and(|times| times.are_full(self.began.elapsed(), places, period)) {
            let minutes = self.settings.min_request_period;
            let reason = format!("a request frequency exceeded {places} requests in {minutes} minutes.");
            return refuse(Ground::Denied, &reason);
        }
        (None, PASSED.to_owned())
    }

    /// Allow list, deny list, then what the metagraph says.
    fn filter(&self, caller: &AccountId, standing: Option<Standing>) -> Decision {
        if self.always.contains(caller) {
            (None, "whitelisted hotkey".to_owned())
        } else if self.never.contains(caller) {
            (Some(Ground::Denied), "blacklisted hotkey".to_owned())
        } else {
            self.judge(caller, standing)
        }
    }

    /// Requests since the last call of this: those allowed, under [`ALLOWED`], and those refused, by ground.
    pub fn take_tally(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.tally.lock())
    }

    fn count(&self, outcome: &'static str) {
        *self.tally.lock().entry(outcome).or_default() += 1;
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

/// Key of the callers that were served in [`MinerPolicy::take_tally`].
pub const ALLOWED: &str = "allowed";
/// Said about callers that are served.
const PASSED: &str = "passed blacklist";

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
    /// The filter, as far as the metagraph can still be trusted. What the lists say does not grow old.
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        let (stage, standing) = {
            let census = self.census.read();
            (census.stage(self.ages), census.find(caller))
        };
        let listed = self.always.contains(caller) || self.never.contains(caller);
        let trusted = match stage {
            Stage::TooOld => false,
            Stage::Stale => self.admitted.read().contains(caller),
            Stage::Fresh => true,
        };
        if !listed && !trusted {
            self.count("unknown");
            return Verdict::Unknown;
        }
        match self.filter(caller, standing) {
            (Some(ground), reason) => {
                self.count(match ground {
                    Ground::Denied => "denied",
                    Ground::NotRegistered => "not_registered",
                    Ground::NotValidator => "not_validator",
                    Ground::LowStake => "low_stake",
                    _ => "other",
                });
                Verdict::Forbid(ground, reason)
            }
            (None, _) => {
                self.count(ALLOWED);
                if !listed && stage == Stage::Fresh {
                    self.remember(caller);
                }
                Verdict::Allow
            }
        }
    }

    /// Stake in TAO, more for who has not asked for long; higher is answered first.
    fn priority(&self, caller: &AccountId) -> f64 {
        let Some(standing) = self.census.read().find(caller) else {
            return self.priority.default;
        };
        let now = self.began.elapsed();
        let stake = standing.stake as f64 / RAO;
        let mut requests = self.requests.lock();
        let times = requests.of_mut(caller);
        let priority = times.priority(now, stake, self.priority.unit());
        times.record(now, self.priority.len_request_timestamps);
        priority
    }

    /// Validators with a permit, and who is on the allow list.
    fn preferred(&self, caller: &AccountId) -> bool {
        let standing = self.census.read().find(caller);
        standing.is_some_and(|standing| standing.permit) || self.always.contains(caller)
    }
}
