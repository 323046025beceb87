//! The first state: what the runtime says it is, and a mark of the metadata.

use std::time::Duration;

use node_subtensor_runtime::genesis::DevGenesis;
use sp_core::crypto::AccountId32;
use sp_crypto_hashing::blake2_256;
use sp_version::RuntimeVersion;

use crate::{
    chain::Chain,
    error::LocalnetError,
    exec::NativeEngine,
    preset::Preset,
    store::{Identity, Store},
};

/// Holds the hash of the metadata, so that a runtime with other metadata has another genesis hash. Clients cache metadata by
/// the genesis hash and would otherwise go on with the old one.
const METADATA_MARK: &[u8] = b":localnet:metadata";

/// What may differ between two chains of the same runtime.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// Shown to clients as `Aura.SlotDuration`.
    pub block_time: Duration,
    /// An account that gets as much as Alice.
    pub default_wallet: Option<AccountId32>,
    /// Accounts, subnets and neurons to begin with.
    pub preset: Option<Preset>,
}

impl Genesis {
    /// A chain at its genesis, and what tells it from others.
    pub fn build(&self) -> Result<(Store, Identity), LocalnetError> {
        let block_time_ms = u64::try_from(self.block_time.as_millis()).unwrap_or(u64::MAX);
        let genesis = DevGenesis {
            block_time_ms,
            default_wallet: self.default_wallet.clone(),
        };
        let storage = match &self.preset {
            Some(preset) => preset.storage(&genesis)?,
            None => genesis.storage().map_err(LocalnetError::Genesis)?,
        };
        if !storage.children_default.is_empty() {
            return Err(LocalnetError::Genesis("child tries are not supported".to_owned()));
        }
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = storage.top.into_iter().collect();

        let runtime_said = |error: crate::chain::QueryError| LocalnetError::Genesis(error.to_string());
        let draft = Chain::new(Store::new(&pairs), Box::new(NativeEngine));
        let at = draft.store().head().hash;
        let metadata = draft.call(at, "Metadata_metadata", &[]).map_err(runtime_said)?;
        let version: RuntimeVersion = draft.version().map_err(runtime_said)?;

        pairs.push((METADATA_MARK.to_vec(), blake2_256(&metadata).to_vec()));
        let store = Store::new(&pairs);
        let identity = Identity::new(version.spec_version, store.genesis().hash, block_time_ms);
        Ok((store, identity))
    }
}
