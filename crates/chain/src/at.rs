//! The chain at one block: storage and runtime interfaces by name.

use crate::error::ChainError;
use crate::items::{ApiItem, ConstantItem, StorageItem};
use crate::wire::{ClientAt, Live};
use axoneme_wallet::AccountId;
use std::sync::Arc;
use subxt::dynamic::{Value, runtime_api_call, storage};
use subxt::error::{RuntimeApiError, StorageError};
use subxt::ext::scale_decode::DecodeAsType;
use subxt::metadata::Metadata;

/// The chain at one block.
pub(crate) struct At {
    pub(crate) client: ClientAt,
    pub(crate) live: Arc<Live>,
    pub(crate) what: &'static str,
}

impl At {
    /// Number of this block.
    pub(crate) fn number(&self) -> u64 {
        self.client.block_number()
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        self.client.metadata_ref()
    }

    /// Whether the runtime has this interface method.
    pub(crate) fn has_api(&self, api: &ApiItem) -> bool {
        self.metadata()
            .runtime_api_trait_by_name(api.interface)
            .is_some_and(|found| found.method_by_name(api.method).is_some())
    }

    /// Whether the runtime has this storage item.
    pub(crate) fn has_storage(&self, item: &StorageItem) -> bool {
        self.metadata()
            .pallet_by_name(item.pallet)
            .and_then(|pallet| pallet.storage())
            .is_some_and(|storage| storage.entry_by_name(item.name).is_some())
    }

    /// An error when the runtime lacks this storage item.
    pub(crate) fn require(&self, item: &StorageItem) -> Result<(), ChainError> {
        match self.has_storage(item) {
            true => Ok(()),
            false => Err(ChainError::missing(format!("storage {}.{}", item.pallet, item.name))),
        }
    }

    /// A constant of the runtime; `None` where it has no such.
    pub(crate) fn constant<T: DecodeAsType>(&self, item: &ConstantItem) -> Result<Option<T>, ChainError> {
        let pallet = self.metadata().pallet_by_name(item.pallet);
        let Some(found) = pallet.and_then(|pallet| pallet.constant_by_name(item.name)) else {
            return Ok(None);
        };
        T::decode_as_type(&mut found.value(), found.ty(), self.metadata().types())
            .map(Some)
            .map_err(|error| ChainError::decode(item.name, error))
    }

    /// A storage value, or the item's default; `None` for an absent value of an item without default.
    pub(crate) async fn stored<T: DecodeAsType + Send>(
        &self,
        item: &StorageItem,
        keys: Vec<Value>,
    ) -> Result<Option<T>, ChainError> {
        self.require(item)?;
        let address = storage::<Vec<Value>, T>(item.pallet, item.name);
        let value = self.client.storage().try_fetch(address, keys).await;
        let value = value.map_err(|error| self.storage_error(item, error))?;
        value
            .map(|value| value.decode())
            .transpose()
            .map_err(|error| ChainError::decode(item.name, error))
    }

    /// A storage value of an item with a default.
    pub(crate) async fn value<T: DecodeAsType + Send>(
        &self,
        item: &StorageItem,
        keys: Vec<Value>,
    ) -> Result<T, ChainError> {
        let value = self.stored(item, keys).await?;
        value.ok_or_else(|| ChainError::decode(item.name, "no value and no default"))
    }

    /// Like [`At::value`] for an item that some runtimes lack.
    pub(crate) async fn value_if_known<T: DecodeAsType + Send>(
        &self,
        item: &StorageItem,
        keys: Vec<Value>,
    ) -> Result<Option<T>, ChainError> {
        match self.has_storage(item) {
            true => self.stored(item, keys).await,
            false => Ok(None),
        }
    }

    /// All entries below a prefix of keys, with the last key of each.
    pub(crate) async fn entries<K: DecodeAsType + Send, T: DecodeAsType + Send>(
        &self,
        item: &StorageItem,
        prefix: Vec<Value>,
    ) -> Result<Vec<(K, T)>, ChainError> {
        self.require(item)?;
        let address = storage::<Vec<Value>, T>(item.pallet, item.name);
        let position = prefix.len();
        let found = self.client.storage().iter(address, prefix).await;
        let mut found = found.map_err(|error| self.storage_error(item, error))?;
        let mut entries = Vec::new();
        while let Some(entry) = found.next().await {
            let entry = entry.map_err(|error| self.storage_error(item, error))?;
            let key = entry.key().map_err(|error| ChainError::decode(item.name, error))?;
            let part = key
                .part(position)
                .ok_or_else(|| ChainError::decode(item.name, "a key is too short"))?;
            let last: Option<K> = part.decode_as().map_err(|error| ChainError::decode(item.name, error))?;
            let last = last.ok_or_else(|| ChainError::decode(item.name, "the key is stored as a hash only"))?;
            let value = entry
                .value()
                .decode()
                .map_err(|error| ChainError::decode(item.name, error))?;
            entries.push((last, value));
        }
        Ok(entries)
    }

    /// The answer of a runtime interface.
    pub(crate) async fn api<T: DecodeAsType>(&self, api: &ApiItem, args: Vec<Value>) -> Result<T, ChainError> {
        if !self.has_api(api) {
            return Err(ChainError::missing(format!(
                "interface {}.{}",
                api.interface, api.method
            )));
        }
        let call = runtime_api_call::<Vec<Value>, T>(api.interface, api.method, args);
        let answer = self.client.runtime_apis().call(call).await;
        answer.map_err(|error| match error {
            RuntimeApiError::CannotCallApi(error) => self.refused(error),
            RuntimeApiError::CouldNotEncodeInputs(error) => ChainError::Encode {
                what: api.method.to_owned(),
                detail: error.to_string(),
            },
            other => ChainError::decode(api.method, other),
        })
    }

    /// The answer of a runtime interface as bytes, to be decoded more than once with [`At::decode`].
    pub(crate) async fn api_bytes(&self, api: &ApiItem, args: Vec<Value>) -> Result<Vec<u8>, ChainError> {
        if !self.has_api(api) {
            return Err(ChainError::missing(format!(
                "interface {}.{}",
                api.interface, api.method
            )));
        }
        let input = self.api_input(api, args)?;
        let call = runtime_api_call::<Vec<Value>, Value>(api.interface, api.method, vec![]);
        let apis = self.client.runtime_apis();
        let answer = apis.call_raw(&apis.encode_name(&call), Some(&input)).await;
        answer.map_err(|error| match error {
            RuntimeApiError::CannotCallApi(error) => self.refused(error),
            other => ChainError::decode(api.method, other),
        })
    }

    /// The arguments of a runtime interface as bytes.
    pub(crate) fn api_input(&self, api: &ApiItem, args: Vec<Value>) -> Result<Vec<u8>, ChainError> {
        let call = runtime_api_call::<Vec<Value>, Value>(api.interface, api.method, args);
        let encoded = self.client.runtime_apis().encode_args(&call);
        encoded.map_err(|error| ChainError::Encode {
            what: api.method.to_owned(),
            detail: error.to_string(),
        })
    }

    /// Decodes an answer of [`At::api_bytes`] as the type the metadata name, taking only the fields of `T`.
    pub(crate) fn decode<T: DecodeAsType>(&self, api: &ApiItem, bytes: &[u8]) -> Result<T, ChainError> {
        let method_data = self
            .metadata()
            .runtime_api_trait_by_name(api.interface)
            .and_then(|found| found.method_by_name(api.method))
            .ok_or_else(|| ChainError::missing(format!("interface {}.{}", api.interface, api.method)))?;
        T::decode_as_type(&mut &*bytes, method_data.output_ty(), self.metadata().types())
            .map_err(|error| ChainError::decode(api.method, error))
    }

    fn storage_error(&self, item: &StorageItem, error: StorageError) -> ChainError {
        match error {
            StorageError::CannotFetchValue(error)
            | StorageError::CannotIterateValues(error)
            | StorageError::StreamFailure(error) => self.refused(error),
            other => ChainError::decode(item.name, other),
        }
    }

    fn refused(&self, error: subxt::error::BackendError) -> ChainError {
        use subxt::error::{BackendError, RpcError};
        match error {
            BackendError::Rpc(RpcError::ClientError(subxt::rpcs::Error::User(user))) => ChainError::Rpc {
                what: self.what.to_owned(),
                code: user.code,
                message: user.message,
            },
            other => crate::chain::unread(self.what, other),
        }
    }
}

/// An account as an argument.
pub(crate) fn account(id: &AccountId) -> Value {
    Value::from_bytes(id.0)
}

/// A number as an argument.
pub(crate) fn number(value: impl Into<u128>) -> Value {
    Value::u128(value.into())
}
