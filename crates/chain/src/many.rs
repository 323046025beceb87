//! Many storage values in one request, all of one block.

use crate::at::At;
use crate::chain::unread;
use crate::error::ChainError;
use crate::items::StorageItem;
use std::collections::HashMap;
use std::marker::PhantomData;
use subxt::config::substrate::H256;
use subxt::dynamic::{Value, storage};
use subxt::ext::scale_decode::DecodeAsType;
use subxt::rpcs::Error as RpcError;

/// Values to be asked for together.
pub(crate) struct Many<'a> {
    at: &'a At,
    /// `None` asks for the best block that the node has when it answers.
    block: Option<H256>,
    keys: Vec<Vec<u8>>,
}

/// Where the answer to one of them will be.
pub(crate) struct Slot<T> {
    item: StorageItem,
    /// Absent for an item that the runtime does not have.
    index: Option<usize>,
    value: PhantomData<fn() -> T>,
}

/// The answers.
pub(crate) struct Found<'a> {
    at: &'a At,
    values: Vec<Option<Vec<u8>>>,
}

impl<'a> Many<'a> {
    pub(crate) fn at(at: &'a At) -> Self {
        Many {
            at,
            block: Some(at.client.block_hash()),
            keys: Vec::new(),
        }
    }

    /// Asks for the node's best block; `at` lends its metadata.
    pub(crate) fn at_best(at: &'a At) -> Self {
        Many {
            block: None,
            ..Many::at(at)
        }
    }

    /// Asks for a value of an item that the runtime has to have.
    pub(crate) fn add<T: DecodeAsType>(&mut self, item: &StorageItem, keys: Vec<Value>) -> Result<Slot<T>, ChainError> {
        self.at.require(item)?;
        self.add_if_known(item, keys)
    }

    /// Asks for a value; its answer is `None` where the runtime lacks the item.
    pub(crate) fn add_if_known<T: DecodeAsType>(
        &mut self,
        item: &StorageItem,
        keys: Vec<Value>,
    ) -> Result<Slot<T>, ChainError> {
        let mut slot = Slot {
            item: *item,
            index: None,
            value: PhantomData,
        };
        if self.at.has_storage(item) {
            let address = storage::<Vec<Value>, Value>(item.pallet, item.name);
            let client = self.at.client.storage();
            let key = client.entry(address).and_then(|entry| entry.fetch_key(keys));
            self.keys.push(key.map_err(|error| ChainError::Encode {
                what: format!("the key of {}.{}", item.pallet, item.name),
                detail: error.to_string(),
            })?);
            slot.index = Some(self.keys.len() - 1);
        }
        Ok(slot)
    }

    /// Asks.
    pub(crate) async fn fetch(self) -> Result<Found<'a>, ChainError> {
        let (at, block) = (self.at, self.block);
        let refused = |error: RpcError| unread(at.what, error);
        let asked = self.keys.iter().map(Vec::as_slice);
        let values = match at.live.methods.state_query_storage_at(asked, block).await {
            Ok(sets) => {
                let changes = sets.into_iter().flat_map(|set| set.changes);
                let mut by_key: HashMap<Vec<u8>, Option<Vec<u8>>> = changes
                    .map(|(key, value)| (key.0, value.map(|value| value.0)))
                    .collect();
                self.keys
                    .iter()
                    .map(|key| by_key.get_mut(key).and_then(Option::take))
                    .collect()
            }
            // Nodes that close this method to strangers still answer for one key at a time.
            Err(RpcError::User(error)) if error.code == -32601 || error.message.contains("unsafe") => {
                one_by_one(at, &self.keys, block).await.map_err(refused)?
            }
            Err(error) => return Err(refused(error)),
        };
        Ok(Found { at, values })
    }
}

async fn one_by_one(at: &At, keys: &[Vec<u8>], block: Option<H256>) -> Result<Vec<Option<Vec<u8>>>, RpcError> {
    let one = |key| at.live.methods.state_get_storage(key, block);
    futures::future::try_join_all(keys.iter().map(|key| one(key))).await
}

impl Found<'_> {
    /// The answer, or the item's default.
    pub(crate) fn optional<T: DecodeAsType>(&self, slot: &Slot<T>) -> Result<Option<T>, ChainError> {
        let Some(index) = slot.index else { return Ok(None) };
        let metadata = self.at.metadata();
        let entry = metadata
            .pallet_by_name(slot.item.pallet)
            .and_then(|pallet| pallet.storage())
            .and_then(|storage| storage.entry_by_name(slot.item.name))
            .ok_or_else(|| ChainError::missing(format!("storage {}.{}", slot.item.pallet, slot.item.name)))?;
        let bytes = match &self.values[index] {
            Some(bytes) => bytes.as_slice(),
            None => match entry.default_value() {
                Some(default) => default,
                None => return Ok(None),
            },
        };
        T::decode_as_type(&mut &*bytes, entry.value_ty(), metadata.types())
            .map(Some)
            .map_err(|error| ChainError::decode(slot.item.name, error))
    }

    /// The answer for an item with a default.
    pub(crate) fn value<T: DecodeAsType>(&self, slot: &Slot<T>) -> Result<T, ChainError> {
        let value = self.optional(slot)?;
        value.ok_or_else(|| ChainError::decode(slot.item.name, "no value and no default"))
    }
}
