//! `chain_*`: headers and blocks.

use jsonrpsee::{
    PendingSubscriptionSink, RpcModule,
    core::{RegisterMethodError, RpcResult, server::SubscriptionSink},
    types::Params,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{
    Rpc,
    params::{Args, HexBytes, hex_of, invalid},
};
use crate::{
    store::Head,
    types::{BlockNumber, Hash},
};

/// Block numbers that one call may ask for.
const MAX_NUMBERS: usize = 1_024;

pub(super) fn register(module: &mut RpcModule<Rpc>) -> Result<(), RegisterMethodError> {
    super::blocking(module, "chain_getHeader", get_header)?;
    super::blocking(module, "chain_getBlock", get_block)?;
    super::blocking(module, "chain_getBlockHash", get_block_hash)?;
    super::blocking(module, "chain_getFinalizedHead", |rpc, _| {
        Ok(json!(rpc.chain.store().head().hash))
    })?;
    module.register_alias("chain_getHead", "chain_getBlockHash")?;
    module.register_alias("chain_getFinalisedHead", "chain_getFinalizedHead")?;

    // Every block is final as soon as it is made, so all three streams are the same.
    for (subscribe, notification, unsubscribe) in [
        ("chain_subscribeNewHeads", "chain_newHead", "chain_unsubscribeNewHeads"),
        ("chain_subscribeAllHeads", "chain_allHead", "chain_unsubscribeAllHeads"),
        (
            "chain_subscribeFinalizedHeads",
            "chain_finalizedHead",
            "chain_unsubscribeFinalizedHeads",
        ),
    ] {
        module.register_subscription(subscribe, notification, unsubscribe, |_, pending, rpc, _| async move {
            stream_heads(pending, &rpc).await;
        })?;
    }
    for (alias, method) in [
        ("chain_subscribeNewHead", "chain_subscribeNewHeads"),
        ("subscribe_newHead", "chain_subscribeNewHeads"),
        ("chain_unsubscribeNewHead", "chain_unsubscribeNewHeads"),
        ("unsubscribe_newHead", "chain_unsubscribeNewHeads"),
        ("chain_subscribeFinalisedHeads", "chain_subscribeFinalizedHeads"),
        ("chain_unsubscribeFinalisedHeads", "chain_unsubscribeFinalizedHeads"),
    ] {
        module.register_alias(alias, method)?;
    }
    Ok(())
}

fn find(rpc: &Rpc, params: &Params<'_>) -> RpcResult<Option<Head>> {
    let at = rpc.chain.hash_or_head(Args::of(params).block()?);
    Ok(rpc.chain.store().block(&at))
}

fn get_header(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    Ok(find(rpc, &params)?.map_or(Value::Null, |head| json!(head.header)))
}

fn get_block(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let Some(head) = find(rpc, &params)? else {
        return Ok(Value::Null);
    };
    let Some(body) = rpc.chain.store().body(head.number()) else {
        return Ok(Value::Null);
    };
    let extrinsics: Vec<String> = body.iter().map(hex_of).collect();
    Ok(json!({ "block": { "header": head.header, "extrinsics": extrinsics }, "justifications": null }))
}

/// Takes nothing, null, a number, a hex number, or a list of those.
fn get_block_hash(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let store = rpc.chain.store();
    let hash_of =
        |number: &Value| -> RpcResult<Option<Hash>> { Ok(store.block_at(block_number(number)?).map(|head| head.hash)) };
    match Args::of(&params).optional::<Value>()? {
        None => Ok(json!(store.head().hash)),
        Some(Value::Array(numbers)) => {
            if numbers.len() > MAX_NUMBERS {
                return Err(invalid(format_args!("at most {MAX_NUMBERS} block numbers at once")));
            }
            let hashes: Vec<_> = numbers.iter().map(hash_of).collect::<RpcResult<_>>()?;
            Ok(json!(hashes))
        }
        Some(number) => Ok(json!(hash_of(&number)?)),
    }
}

fn block_number(value: &Value) -> RpcResult<BlockNumber> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    };
    let number = number.ok_or_else(|| invalid("a block number is a number or hex text"))?;
    // A number that does not fit is a block nobody will ever see.
    Ok(BlockNumber::try_from(number).unwrap_or(BlockNumber::MAX))
}

/// Sends `value`; `false` when the subscriber is gone.
pub(super) async fn send(sink: &SubscriptionSink, value: &impl Serialize) -> bool {
    match serde_json::value::to_raw_value(value) {
        Ok(message) => sink.send(message).await.is_ok(),
        Err(error) => {
            tracing::error!(%error, "a notification cannot be written as JSON");
            false
        }
    }
}

async fn stream_heads(pending: PendingSubscriptionSink, rpc: &Rpc) {
    // Before the current head is read, so that none falls between.
    let mut heads = rpc.chain.subscribe();
    let Ok(sink) = pending.accept().await else {
        return;
    };
    let mut head = rpc.chain.store().head();
    if !send(&sink, &head.header).await {
        return;
    }
    while let Some(next) = next_head(rpc, &sink, &mut heads, &head).await {
        head = next;
        if !send(&sink, &head.header).await {
            return;
        }
    }
}

/// The next head after block `seen`; `None` when the subscriber is gone. One that lags goes on with the newest. It is a
/// lower one after blocks were taken back.
pub(super) async fn next_head(
    rpc: &Rpc,
    sink: &SubscriptionSink,
    heads: &mut tokio::sync::broadcast::Receiver<Head>,
    seen: &Head,
) -> Option<Head> {
    loop {
        let received = tokio::select! {
            () = sink.closed() => return None,
            received = heads.recv() => received,
        };
        let head = match received {
            Ok(head) => head,
            Err(RecvError::Lagged(_)) => rpc.chain.store().head(),
            Err(RecvError::Closed) => return None,
        };
        // What was sent while the subscription began is old, unless `seen` itself is gone.
        if head.number() > seen.number() || rpc.chain.store().block(&seen.hash).is_none() {
            return Some(head);
        }
    }
}

/// Keys and values as hex pairs.
pub(super) fn pairs_json(pairs: impl IntoIterator<Item = (HexBytes, Option<Vec<u8>>)>) -> Value {
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(key, value)| (hex_of(key.0), value.map(hex_of)))
        .collect();
    json!(pairs)
}
