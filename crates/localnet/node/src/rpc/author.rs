//! `author_*` and the nonces that go with it: handing in transactions and following them.

use codec::{DecodeAll, Encode};
use jsonrpsee::{
    PendingSubscriptionSink, RpcModule,
    core::{RegisterMethodError, RpcResult},
    types::{ErrorObjectOwned, Params, error::ErrorCode},
};
use serde_json::{Value, json};
use sp_core::crypto::{AccountId32, Ss58Codec};
use sp_runtime::OpaqueExtrinsic;

use super::{
    Rpc,
    chain::send,
    errors,
    params::{Args, HexBytes, hex_of, invalid},
};
use crate::{
    pool::{Status, Watcher},
    types::Hash,
};

/// Times a transaction is judged anew because a block came in between.
const JUDGEMENTS: usize = 4;

pub(super) fn register(module: &mut RpcModule<Rpc>) -> Result<(), RegisterMethodError> {
    super::blocking(module, "author_submitExtrinsic", |rpc, params| {
        let extrinsic: HexBytes = Args::of(&params).next()?;
        submit(rpc, extrinsic.0, false).map(|(hash, _)| json!(hash))
    })?;
    super::blocking(module, "author_pendingExtrinsics", |rpc, _| {
        let pending = rpc.pool.lock().pending();
        Ok(json!(
            pending.iter().map(|entry| hex_of(&entry.bytes)).collect::<Vec<_>>()
        ))
    })?;
    super::blocking(module, "system_accountNextIndex", next_index)?;
    module.register_alias("account_nextIndex", "system_accountNextIndex")?;
    module.register_subscription(
        "author_submitAndWatchExtrinsic",
        "author_extrinsicUpdate",
        "author_unwatchExtrinsic",
        |params, pending, rpc, _| async move { submit_and_watch(params, pending, rpc.as_ref().clone()).await },
    )?;
    Ok(())
}

fn submit(rpc: &Rpc, bytes: Vec<u8>, watch: bool) -> RpcResult<(Hash, Option<Watcher>)> {
    OpaqueExtrinsic::decode_all(&mut &bytes[..]).map_err(errors::bad_format)?;
    let mut judgements = 1;
    loop {
        let (at, validity) = rpc.chain.validate(&bytes).map_err(errors::verification)?;
        let validity = validity.map_err(errors::validity)?;
        if validity.provides.is_empty() {
            return Err(errors::no_tags());
        }
        let mut pool = rpc.pool.lock();
        let head = rpc.chain.store().head();
        // What the transaction waits for may be in the block that was made meanwhile; then nobody would tell it.
        if head.hash != at && judgements < JUDGEMENTS {
            judgements += 1;
            continue;
        }
        let taken = pool
            .insert(bytes, validity, head.number(), watch)
            .map_err(errors::refused)?;
        drop(pool);
        rpc.author.submitted();
        return Ok(taken);
    }
}

async fn submit_and_watch(params: Params<'static>, pending: PendingSubscriptionSink, rpc: Rpc) {
    let submitted = match Args::of(&params).next::<HexBytes>() {
        Ok(extrinsic) => tokio::task::spawn_blocking(move || submit(&rpc, extrinsic.0, true))
            .await
            .unwrap_or_else(|_| Err(ErrorObjectOwned::from(ErrorCode::InternalError))),
        Err(error) => Err(error),
    };
    let mut watcher = match submitted {
        Ok((_, Some(watcher))) => watcher,
        Ok((_, None)) => {
            return pending.reject(ErrorObjectOwned::from(ErrorCode::InternalError)).await;
        }
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else {
        return;
    };
    loop {
        let status = tokio::select! {
            () = sink.closed() => return,
            status = watcher.recv() => status,
        };
        // The pool lets go of the watcher after the last status; the subscription ends with it.
        let Some(status) = status else { return };
        if !send(&sink, &status_json(&status)).await {
            return;
        }
    }
}

fn status_json(status: &Status) -> Value {
    match status {
        Status::Future => json!("future"),
        Status::Ready => json!("ready"),
        Status::InBlock(hash) => json!({ "inBlock": hash }),
        Status::Finalized(hash) => json!({ "finalized": hash }),
        Status::Usurped(hash) => json!({ "usurped": hash }),
        Status::Dropped => json!("dropped"),
        Status::Invalid => json!("invalid"),
    }
}

/// The nonce for the account's next transaction, those in the pool counted.
fn next_index(rpc: &Rpc, params: Params<'_>) -> RpcResult<Value> {
    let account: String = Args::of(&params).next()?;
    let account = AccountId32::from_ss58check(&account).map_err(|error| invalid(format_args!("{error:?}")))?;
    let at = rpc.chain.store().head().hash;
    let nonce = rpc
        .chain
        .call(at, "AccountNonceApi_account_nonce", &account.encode())
        .map_err(errors::query)?;
    // Runtimes count in 32 bits or in 64, and the tags of their transactions do the same.
    let wide = nonce.len() > size_of::<u32>();
    let mut nonce = if wide {
        u64::decode_all(&mut &nonce[..])
    } else {
        u32::decode_all(&mut &nonce[..]).map(u64::from)
    }
    .map_err(invalid)?;
    let tag = |nonce: u64| match u32::try_from(nonce) {
        Ok(short) if !wide => (&account, short).encode(),
        _ => (&account, nonce).encode(),
    };
    let pool = rpc.pool.lock();
    while pool.provides(&tag(nonce)) {
        nonce = nonce.saturating_add(1);
    }
    Ok(json!(nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_read_as_other_nodes_write_them() {
        let hash = Hash::repeat_byte(7);
        assert_eq!(status_json(&Status::Ready), json!("ready"));
        assert_eq!(
            status_json(&Status::InBlock(hash)),
            json!({ "inBlock": format!("0x{}", "07".repeat(32)) })
        );
    }
}
