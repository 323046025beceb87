//! Making a chain's first state from a preset, with the runtime's own functions.

use node_subtensor_runtime::{
    AccountId, ExistentialDeposit, Runtime, RuntimeGenesisConfig, SubtensorModule,
    genesis::{DevGenesis, TAO},
};
use pallet_subtensor as subtensor;
use sp_core::storage::Storage;
use sp_runtime::BuildStorage;
use sp_state_machine::BasicExternalities;

use crate::error::LocalnetError;

use super::{
    Account, Neuron, Preset, Subnet,
    parameters::{Known, words},
};

/// An account's own hotkey where a preset names none.
fn own_hotkey(coldkey: &str) -> String {
    format!("{coldkey}//hotkey")
}

impl Preset {
    /// The state before block 1.
    ///
    /// # Errors
    /// With the line of what the chain does not allow.
    pub(crate) fn storage(&self, base: &DevGenesis) -> Result<Storage, LocalnetError> {
        self.build(base).map_err(|detail| LocalnetError::Preset {
            name: self.name.clone(),
            detail,
        })
    }

    fn build(&self, base: &DevGenesis) -> Result<Storage, String> {
        let config = self.config(base);
        check_balances(&config)?;
        let mut genesis = BasicExternalities::new(BuildStorage::build_storage(&config)?);
        let known = Known::look()?;
        genesis.execute_with(|| {
            self.parameters
                .set(None, &known)
                .map_err(|(offset, why)| self.at(offset, why))?;
            self.subnets.iter().try_for_each(|subnet| self.subnet(subnet, &known))
        })?;
        Ok(genesis.into_storages())
    }

    fn config(&self, base: &DevGenesis) -> RuntimeGenesisConfig {
        let mut config = base.config();
        let balances = &mut config.balances.balances;
        if !self.dev_accounts {
            balances.retain(|(account, _)| Some(account) == base.default_wallet.as_ref());
        }
        let neurons = self
            .subnets
            .iter()
            .flat_map(|subnet| &subnet.neurons)
            .flat_map(|neuron| neuron.get_ref().each());
        let funded = self.accounts.iter().map(|funds| (funds.who.0.clone(), funds.tao.0));
        let funded: Vec<_> = funded.chain(neurons.map(|(coldkey, _, tao)| (coldkey, tao))).collect();
        for (account, rao) in funded {
            // What is named here counts, not what the account has by default; nobody is endowed twice.
            balances.retain(|(known, _)| *known != account);
            if rao > 0 {
                balances.push((account, rao));
            }
        }
        if let Some(sudo) = &self.sudo {
            config.sudo.key = Some(sudo.0.clone());
        }
        config
    }

    fn subnet(&self, subnet: &Subnet, known: &Known) -> Result<(), String> {
        let netuid = *subnet.netuid.get_ref();
        let here = |why: String| self.at(subnet.netuid.span().start, why);
        if subtensor::NetworksAdded::<Runtime>::get(netuid) {
            self.take_over(subnet, netuid).map_err(here)?;
        } else {
            self.create(subnet, netuid).map_err(here)?;
        }
        if subnet.started && subtensor::FirstEmissionBlockNumber::<Runtime>::get(netuid).is_none() {
            subtensor::FirstEmissionBlockNumber::<Runtime>::insert(netuid, 1);
            subtensor::SubtokenEnabled::<Runtime>::insert(netuid, true);
        }
        let set = subnet.hyperparameters.set(Some(netuid), known);
        set.map_err(|(offset, why)| self.at(offset, why))?;
        for neuron in &subnet.neurons {
            let offset = neuron.span().start;
            for (coldkey, hotkey, _) in neuron.get_ref().each() {
                register(netuid, &coldkey, &hotkey, neuron.get_ref().stake.0).map_err(|why| self.at(offset, why))?;
            }
        }
        Ok(())
    }

    /// Netuid 1 is there from the beginning; it can be given an owner.
    fn take_over(&self, subnet: &Subnet, netuid: u16) -> Result<(), String> {
        if subtensor::SubnetOwner::<Runtime>::contains_key(netuid) {
            return Err(format!("subnet {netuid} stands here twice"));
        }
        let Some(owner) = &subnet.owner else {
            return Ok(());
        };
        subtensor::SubnetOwner::<Runtime>::insert(netuid, &owner.0);
        if let Some(hotkey) = &subnet.owner_hotkey {
            register(netuid, &owner.0, &hotkey.0, 0)?;
            subtensor::SubnetOwnerHotkey::<Runtime>::insert(netuid, &hotkey.0);
        }
        Ok(())
    }

    fn create(&self, subnet: &Subnet, netuid: u16) -> Result<(), String> {
        let (Some(Account(owner)), Some(Account(hotkey))) = (&subnet.owner, &subnet.owner_hotkey) else {
            return Err(format!(
                "subnet {netuid} needs an owner and an owner_hotkey: only netuid 1 is there already"
            ));
        };
        let next = (1..).find(|netuid| !subtensor::NetworksAdded::<Runtime>::get(*netuid));
        if next != Some(netuid) {
            return Err(format!(
                "the next free netuid is {}, not {netuid}",
                next.unwrap_or_default()
            ));
        }
        // The owner has the price for a moment, so that the chain's own function makes the subnet.
        let price = SubtensorModule::network_lock_cost().saturating_add(TAO);
        let mut lent = Loan::to(owner, price);
        let made = SubtensorModule::do_register_network(owner, hotkey, None);
        lent.give_back();
        made.map_err(|error| format!("subnet {netuid} cannot be made: {}", words(&error)))?;
        // As if nobody had made a subnet before: the next one costs what the first does.
        subtensor::LastRateLimitedBlock::<Runtime>::remove(subtensor::RateLimitKey::<AccountId>::NetworkLastRegistered);
        Ok(())
    }
}

impl Neuron {
    /// Coldkey, hotkey and rao of every neuron the entry stands for. All keys were looked at when it was read.
    fn each(&self) -> impl Iterator<Item = (AccountId, AccountId, u64)> + '_ {
        (1..=self.count).filter_map(|i| {
            let numbered = |key: &str| key.replace("{i}", &i.to_string());
            let coldkey = numbered(&self.coldkey);
            let hotkey = self.hotkey.as_deref().map_or_else(|| own_hotkey(&coldkey), numbered);
            let account = |key: &str| key.parse::<Account>().ok().map(|account| account.0);
            Some((account(&coldkey)?, account(&hotkey)?, self.tao.0))
        })
    }
}

/// What the balances pallet would panic on.
fn check_balances(config: &RuntimeGenesisConfig) -> Result<(), String> {
    let mut sum = 0u64;
    for (account, rao) in &config.balances.balances {
        if *rao < ExistentialDeposit::get() {
            return Err(format!("{account} has {rao} rao, less than an account needs to exist"));
        }
        sum = sum
            .checked_add(*rao)
            .ok_or("all accounts together have more TAO than there can be")?;
    }
    Ok(())
}

/// A neuron as a registration makes it, less the price.
fn register(netuid: u16, coldkey: &AccountId, hotkey: &AccountId, stake: u64) -> Result<(), String> {
    let failed = |why: &str| format!("{hotkey} cannot be a neuron of subnet {netuid}: {why}");
    SubtensorModule::associate(coldkey, hotkey).map_err(|error| failed(&words(&error)))?;
    if SubtensorModule::uid_of(netuid, hotkey).is_none() {
        if subtensor::SubnetworkN::<Runtime>::get(netuid) >= subtensor::MaxAllowedUids::<Runtime>::get(netuid) {
            return Err(failed("the subnet is full, see max_allowed_uids"));
        }
        SubtensorModule::place_neuron(netuid, hotkey).ok_or_else(|| failed("there is no place"))?;
    }
    SubtensorModule::increase_stake(hotkey, coldkey, netuid, stake);
    subtensor::SubnetAlphaOut::<Runtime>::mutate(netuid, |alpha| *alpha = alpha.saturating_add(stake));
    Ok(())
}

/// Money an account has for a moment.
struct Loan {
    account: AccountId,
    before: frame_system::AccountInfo<node_subtensor_runtime::Nonce, <Runtime as frame_system::Config>::AccountData>,
    issuance: u64,
}

impl Loan {
    fn to(account: &AccountId, rao: u64) -> Self {
        let before = frame_system::Account::<Runtime>::get(account);
        let issuance = pallet_balances::TotalIssuance::<Runtime>::get();
        frame_system::Account::<Runtime>::mutate(account, |info| {
            info.providers = info.providers.max(1);
            info.data.free = info.data.free.saturating_add(rao);
        });
        pallet_balances::TotalIssuance::<Runtime>::put(issuance.saturating_add(rao));
        Self {
            account: account.clone(),
            before,
            issuance,
        }
    }

    fn give_back(&mut self) {
        if self.before == Default::default() {
            frame_system::Account::<Runtime>::remove(&self.account);
        } else {
            frame_system::Account::<Runtime>::insert(&self.account, &self.before);
        }
        pallet_balances::TotalIssuance::<Runtime>::put(self.issuance);
    }
}
