//! Who is served, and who is served first.

use std::collections::HashSet;
use std::sync::Arc;

use axoneme_axon::{CallerPolicy, Verdict};
use axoneme_neuron::ConfigError;
use axoneme_neuron::metagraph::MetagraphWatch;
use axoneme_wallet::AccountId;

use crate::config::{BlacklistSection, PrioritySection};

/// rao in one TAO.
const RAO: f64 = 1e9;

/// The rules of `miner.blacklist.*` and `miner.priority.*` over the newest metagraph.
#[derive(Debug)]
pub struct MinerPolicy {
    always: HashSet<AccountId>,
    never: HashSet<AccountId>,
    settings: BlacklistSection,
    priority: PrioritySection,
    metagraph: MetagraphWatch,
}

impl MinerPolicy {
    /// # Errors
    /// When a listed hotkey is not an address.
    pub fn new(
        settings: &BlacklistSection,
        priority: &PrioritySection,
        metagraph: MetagraphWatch,
    ) -> Result<Arc<Self>, ConfigError> {
        Ok(Arc::new(Self {
            always: addresses("miner.blacklist.whitelist", &settings.whitelist)?,
            never: addresses("miner.blacklist.blacklist", &settings.blacklist)?,
            settings: settings.clone(),
            priority: priority.clone(),
            metagraph,
        }))
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
    /// The first rule that fits decides.
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        if self.always.contains(caller) {
            return Verdict::Allow;
        }
        if self.never.contains(caller) {
            return Verdict::Refuse("hotkey is on the blacklist".into());
        }
        let metagraph = self.metagraph.borrow();
        let Some(neuron) = metagraph.find(caller) else {
            return if self.settings.allow_non_registered && !self.settings.force_validator_permit {
                Verdict::Allow
            } else {
                Verdict::Refuse("hotkey not registered".into())
            };
        };
        if self.settings.force_validator_permit && !neuron.validator_permit {
            return Verdict::Refuse("hotkey has no validator permit".into());
        }
        if (neuron.total_stake as f64) < self.settings.minimum_stake_requirement * RAO {
            return Verdict::Refuse("stake below the minimum".into());
        }
        Verdict::Allow
    }

    /// Stake in TAO; higher is answered first.
    fn priority(&self, caller: &AccountId) -> f64 {
        let metagraph = self.metagraph.borrow();
        let neuron = metagraph.find(caller);
        neuron.map_or(self.priority.default, |neuron| neuron.total_stake as f64 / RAO)
    }
}
