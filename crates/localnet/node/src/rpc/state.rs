//! `state_*` and `payment_*`: values, keys and runtime calls at any block in the window.

use codec::Encode;
use jsonrpsee::{
    PendingSubscriptionSink, RpcModule,
    core::{RegisterMethodError, RpcResult},
    types::{ErrorObjectOwned, Params, error::ErrorCode},
};
use serde_json::{Value, json};
use sp_runtime::traits::{BlakeTwo256, Hash as _};
use sp_version::RuntimeVersion;

use super::{
    Rpc,
    chain::{next_head, pairs_json, send},
    errors,
    params::{Args, HexBytes, hex_of, invalid},
};
use crate::types::Hash;

/// Keys that `state_getKeysPaged` gives at most, as on other nodes.
const MAX_PAGE: u32 = 1_000;
/// Keys that one subscription may watch.
const MAX_WATCHED: usize = 1_024;

pub(super) fn register(module: &mut RpcModule<Rpc>) -> Result<(), RegisterMethodError> {
    super::blocking(module, "state_getStorage", get_storage)?;
    super::blocking(module, "state_getStorageHash", get_storage_hash)?;
    super::blocking(module, "state_getStorageSize", get_storage_size)?;
    super::blocking(module, "state_queryStorageAt", query_storage_at)?;
    super::blocking(module, "state_getKeys", get_keys)?;
    super::blocking(module, "state_getKeysPaged", get_keys_paged)?;
    super::blocking(module, "state_getPairs", get_pairs)?;
    super::blocking(module, "state_call", call)?;
    super::blocking(module, "state_getMetadata", get_metadata)?;
    super::blocking(module, "state_getRuntimeVersion", get_runtime_version)?;
    super::blocking(module, "payment_queryInfo", query_info)?;
    super::blocking(module, "payment_queryFeeDetails", query_fee_details)?;
    for (alias, method) in [
        ("state_getStorageAt", "state_getStorage"),
        ("state_getStorageHashAt", "state_getStorageHash"),
        ("state_getStorageSizeAt", "state_getStorageSize"),
        ("state_getKeysPagedAt", "state_getKeysPaged"),
        ("state_callAt", "state_call"),
        ("chain_getRuntimeVersion", "state_getRuntimeVersion"),
    ] {
        module.register_alias(alias, method)?;
    }
    module.register_subscription(
        "state_subscribeRuntimeVersion",
        "state_runtimeVersion",
        "state_unsubscribeRuntimeVersion",
        |_, pending, rpc, _| async move { stream_version(pending, &rpc).await },
    )?;
    module.register_subscription(
        "state_subscribeStorage",
        "state_storage",
        "state_unsubscribeStorage",
        |params, pending, rpc, _| async move { stream_storage(params, pending, &rpc).await },
    )?;
    module.register_alias("chain_subscribeRuntimeVersion", "state_subscribeRuntimeVersion")?;
    module.register_alias("chain_unsubscribeRuntimeVersion", "state_unsubscribeRuntimeVersion")?;
    Ok(())
}

fn value_of(rpc: &Rpc, params: &Params<'_>) -> RpcResult<Option<Vec<u8>>> {
    let mut args = Args::of(params);
    let key: HexBytes = args.next()?;
    let at = rpc.chain.hash_or_head(args.block()?);
    rpc.chain.value(at, &key.0).map_err(errors::query)
}

fn get_storage(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    Ok(json!(value_of(rpc, &params)?.map(hex_of)))
}

fn get_storage_hash(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    Ok(json!(value_of(rpc, &params)?.map(|value| BlakeTwo256::hash(&value))))
}

fn get_storage_size(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    Ok(json!(value_of(rpc, &params)?.map(|value| value.len())))
}

fn query_storage_at(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let mut args = Args::of(&params);
    let keys: Vec<HexBytes> = args.next()?;
    let at = rpc.chain.hash_or_head(args.block()?);
    let values: Vec<_> = values(rpc, at, &keys)?;
    Ok(json!([{ "block": at, "changes": pairs_json(keys.into_iter().zip(values)) }]))
}

fn values(rpc: &Rpc, at: Hash, keys: &[HexBytes]) -> RpcResult<Vec<Option<Vec<u8>>>> {
    keys.iter()
        .map(|key| rpc.chain.value(at, &key.0).map_err(errors::query))
        .collect()
}

fn keys_json(keys: Vec<Vec<u8>>) -> Value {
    json!(keys.into_iter().map(hex_of).collect::<Vec<_>>())
}

fn get_keys(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let mut args = Args::of(&params);
    let prefix: HexBytes = args.next()?;
    let at = rpc.chain.hash_or_head(args.block()?);
    rpc.chain
        .keys(at, &prefix.0, None, usize::MAX)
        .map(keys_json)
        .map_err(errors::query)
}

fn get_keys_paged(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let mut args = Args::of(&params);
    let prefix: Option<HexBytes> = args.optional()?;
    let count: u32 = args.next()?;
    let after: Option<HexBytes> = args.optional()?;
    let at = rpc.chain.hash_or_head(args.block()?);
    if count > MAX_PAGE {
        return Err(errors::count_too_large(count, MAX_PAGE));
    }
    let prefix = prefix.map_or_else(Vec::new, |prefix| prefix.0);
    // Some clients send an empty start key for the first page.
    let after = after.map(|key| key.0).filter(|key| !key.is_empty());
    rpc.chain
        .keys(at, &prefix, after.as_deref(), count as usize)
        .map(keys_json)
        .map_err(errors::query)
}

fn get_pairs(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let mut args = Args::of(&params);
    let prefix: HexBytes = args.next()?;
    let at = rpc.chain.hash_or_head(args.block()?);
    let keys = rpc.chain.keys(at, &prefix.0, None, usize::MAX).map_err(errors::query)?;
    let keys: Vec<_> = keys.into_iter().map(HexBytes).collect();
    let values = values(rpc, at, &keys)?;
    Ok(pairs_json(keys.into_iter().zip(values)))
}

fn call(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let mut args = Args::of(&params);
    let method: String = args.next()?;
    let data = args.optional::<HexBytes>()?.map_or_else(Vec::new, |data| data.0);
    let at = rpc.chain.hash_or_head(args.block()?);
    rpc.chain
        .call(at, &method, &data)
        .map(|answer| Value::String(hex_of(answer)))
        .map_err(errors::query)
}

/// A block that a client names has to exist, even where the answer is the same for all.
fn known_block(rpc: &Rpc, at: Option<Hash>) -> RpcResult<()> {
    match at {
        Some(hash) if rpc.chain.store().block(&hash).is_none() && hash != Hash::zero() => {
            Err(errors::query(crate::store::NoState::UnknownBlock(hash).into()))
        }
        _ => Ok(()),
    }
}

fn get_metadata(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let at = runtime_at(rpc, &params)?;
    let metadata: Vec<u8> = rpc.chain.query(at, "Metadata_metadata", &[]).map_err(errors::query)?;
    Ok(json!(hex_of(metadata)))
}

/// The block whose runtime a client asks about. For blocks whose state is gone the head answers: the runtime compiled in never
/// changes while the chain runs, one from a file seldom does. So it does for the zero hash, the genesis block's parent, which
/// one client asks for when it pins the genesis.
fn runtime_at(rpc: &Rpc, params: &Params<'_>) -> RpcResult<Hash> {
    let at = Args::of(params).block()?;
    known_block(rpc, at)?;
    let store = rpc.chain.store();
    let at = at.filter(|hash| store.check_state(*hash).is_ok());
    Ok(at.unwrap_or_else(|| store.head().hash))
}

fn get_runtime_version(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let at = runtime_at(rpc, &params)?;
    Ok(json!(rpc.chain.version_at(at).map_err(errors::query)?))
}

fn fee_call(rpc: &Rpc, params: &Params<'_>, method: &str) -> RpcResult<Vec<u8>> {
    let mut args = Args::of(params);
    let extrinsic: HexBytes = args.next()?;
    let at = rpc.chain.hash_or_head(args.block()?);
    let length = extrinsic.0.len() as u32;
    rpc.chain
        .call(at, method, &[extrinsic.0, length.encode()].concat())
        .map_err(errors::query)
}

fn query_info(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let info = fee_call(rpc, &params, "TransactionPaymentApi_query_info")?;
    let info = super::fees::DispatchInfo::read(&info).map_err(invalid)?;
    Ok(info.json())
}

fn query_fee_details(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let details = fee_call(rpc, &params, "TransactionPaymentApi_query_fee_details")?;
    let details = super::fees::FeeDetails::read(&details).map_err(invalid)?;
    Ok(details.json())
}

/// The version, and again whenever a block brings another.
async fn stream_version(pending: PendingSubscriptionSink, rpc: &Rpc) {
    let mut heads = rpc.chain.subscribe();
    let mut head = rpc.chain.store().head();
    let mut known = match version_at(rpc, head.hash).await {
        Ok(version) => version,
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else {
        return;
    };
    if !send(&sink, &known).await {
        return;
    }
    while let Some(next) = next_head(rpc, &sink, &mut heads, &head).await {
        head = next;
        // A block that left the window while the subscriber slept is skipped.
        let Ok(version) = version_at(rpc, head.hash).await else {
            continue;
        };
        if version != known && !send(&sink, &version).await {
            return;
        }
        known = version;
    }
}

/// On a thread of its own, since new code may have to be compiled first.
async fn version_at(rpc: &Rpc, at: Hash) -> RpcResult<RuntimeVersion> {
    let chain = rpc.chain.clone();
    let version = tokio::task::spawn_blocking(move || chain.version_at(at)).await;
    version
        .map_err(|_| ErrorObjectOwned::from(ErrorCode::InternalError))?
        .map_err(errors::query)
}

/// First all watched values, then those that a block changed.
async fn stream_storage(params: Params<'static>, pending: PendingSubscriptionSink, rpc: &Rpc) {
    let keys = match watched_keys(&params) {
        Ok(keys) => keys,
        Err(error) => return pending.reject(error).await,
    };
    let mut heads = rpc.chain.subscribe();
    let Ok(sink) = pending.accept().await else {
        return;
    };
    let mut head = rpc.chain.store().head();
    let mut known: Option<Vec<Option<Vec<u8>>>> = None;
    loop {
        // A block that left the window while the subscriber slept is skipped.
        if let Ok(now) = values(rpc, head.hash, &keys) {
            let changed: Vec<_> = keys
                .iter()
                .zip(&now)
                .enumerate()
                .filter(|(index, (_, value))| known.as_ref().is_none_or(|known| known.get(*index) != Some(value)))
                .map(|(_, (key, value))| (key.clone(), value.clone()))
                .collect();
            known = Some(now);
            let message = json!({ "block": head.hash, "changes": pairs_json(changed.clone()) });
            if !changed.is_empty() && !send(&sink, &message).await {
                return;
            }
        }
        match next_head(rpc, &sink, &mut heads, &head).await {
            Some(next) => head = next,
            None => return,
        }
    }
}

fn watched_keys(params: &Params<'_>) -> RpcResult<Vec<HexBytes>> {
    let keys: Option<Vec<HexBytes>> = Args::of(params).optional()?;
    let keys = keys.ok_or_else(|| invalid("name the keys to watch"))?;
    if keys.len() > MAX_WATCHED {
        return Err(invalid(format_args!("at most {MAX_WATCHED} keys per subscription")));
    }
    Ok(keys)
}
