//! The first state: the same accounts, balances and subnets as the usual localnet image, so a dev chain feels the same.

use crate::{
    AccountId, AuraConfig, Balance, BalancesConfig, MevShieldConfig, RuntimeGenesisConfig, SubtensorModuleConfig,
    SudoConfig,
};
use sp_core::{sr25519, storage::Storage, Pair};
use sp_runtime::BuildStorage;

/// rao in one TAO.
pub const TAO: Balance = 1_000_000_000;
/// rao given to Alice, Bob, Charlie and the default wallet.
pub const LARGE_ENDOWMENT: Balance = 1_000_000 * TAO;
/// rao given to the other well-known accounts.
pub const SMALL_ENDOWMENT: Balance = 2_000 * TAO;

/// As in the main chain's fast builds.
const MAX_EPOCHS_PER_BLOCK: u8 = 32;

const RICH: [&str; 3] = ["Alice", "Bob", "Charlie"];
const MODEST: [&str; 6] = ["Dave", "Eve", "Ferdie", "One", "Two", "Three"];

/// What may differ between two dev chains.
#[derive(Clone, Debug, Default)]
pub struct DevGenesis {
    /// Time between two blocks, milliseconds; shown to clients as `Aura.SlotDuration`. 0 means 250.
    pub block_time_ms: u64,
    /// An account that gets as much as Alice; the usual image takes it from `BT_DEFAULT_TOKEN_WALLET`.
    pub default_wallet: Option<AccountId>,
}

impl DevGenesis {
    /// The pallets' genesis configuration.
    pub fn config(&self) -> RuntimeGenesisConfig {
        let rich = RICH.iter().map(|name| (dev_account(name), LARGE_ENDOWMENT));
        let modest = MODEST.iter().map(|name| (dev_account(name), SMALL_ENDOWMENT));
        let mut balances: Vec<_> = rich.chain(modest).collect();
        if let Some(wallet) = &self.default_wallet {
            // The wallet may be one of the above; an account must not be endowed twice.
            balances.retain(|(account, _)| account != wallet);
            balances.push((wallet.clone(), LARGE_ENDOWMENT));
        }
        RuntimeGenesisConfig {
            aura: AuraConfig {
                slot_duration: self.block_time_ms,
                ..Default::default()
            },
            balances: BalancesConfig {
                balances,
                ..Default::default()
            },
            sudo: SudoConfig {
                key: Some(dev_account("Alice")),
            },
            mev_shield: MevShieldConfig {
                key: pallet_shield::dev_key::encapsulation_key(&pallet_shield::dev_key::SEED),
                ..Default::default()
            },
            subtensor_module: SubtensorModuleConfig {
                network_rate_limit: 0,
                max_epochs_per_block: MAX_EPOCHS_PER_BLOCK,
                ..Default::default()
            },
            ..Default::default()
        }
    }

    /// Keys and values of the state before block 1.
    pub fn storage(&self) -> Result<Storage, String> {
        BuildStorage::build_storage(&self.config())
    }
}

/// The account of a well-known development key, for example `Alice` for `//Alice`.
pub fn dev_account(name: &str) -> AccountId {
    let pair = sr25519::Pair::from_string(&format!("//{name}"), None)
        .expect("a hard junction on the development phrase always derives");
    AccountId::from(pair.public().0)
}
