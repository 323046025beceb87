//! The TLS keys that axons have published.

use std::collections::BTreeMap;

use axoneme_wallet::AccountId;
use subxt::utils::AccountId32;

use crate::at::number;
use crate::axon::CertificateRecord;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::storage;

impl Chain {
    /// The public keys of TLS that the hotkeys of a subnet have published, as [`Chain::tls_key_of`] gives one. Empty on
    /// a chain that knows no such keys.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn tls_keys(&self, netuid: u16) -> Result<BTreeMap<AccountId, Vec<u8>>, ChainError> {
        self.read("tls_keys", |at| async move {
            if !at.has_storage(&storage::NEURON_CERTIFICATES) {
                return Ok(BTreeMap::new());
            }
            let records: Vec<(AccountId32, CertificateRecord)> =
                at.entries(&storage::NEURON_CERTIFICATES, vec![number(netuid)]).await?;
            let published =
                |(hotkey, record): (AccountId32, CertificateRecord)| (AccountId(hotkey.0), record.published());
            Ok(records.into_iter().map(published).collect())
        })
        .await
    }
}
