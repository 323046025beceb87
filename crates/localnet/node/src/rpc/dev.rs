//! `dev_*`: making blocks, values and time by hand, under the names that test tools know.

use jsonrpsee::{
    RpcModule,
    core::{RegisterMethodError, RpcResult},
    types::Params,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Rpc, errors,
    params::{Args, HexBytes, HexHash, invalid},
};
use crate::{
    preset::{Account, Amount},
    types::{BlockNumber, Change},
};

/// Blocks that one call may ask for: some seconds of work.
const MAX_BLOCKS: u32 = 10_000;
/// The runtime keeps time in milliseconds of 64 bits; a later time than this (year 9999) is a mistake in the unit.
const MAX_TIME_MS: u64 = 253_402_300_799_000;

/// TAO that `dev_faucet` gives unless told.
const FAUCET_TAO: f64 = 1_000.0;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBlock {
    count: Option<u32>,
    to: Option<BlockNumber>,
}

pub(super) fn register(module: &mut RpcModule<Rpc>) -> Result<(), RegisterMethodError> {
    // Whoever reaches the port may do all of this, as they may use Alice's key: see --rpc-addr.
    module.register_async_method("dev_newBlock", |params, rpc, _| async move {
        let count = blocks_wanted(&params, rpc.chain.store().head().number())?;
        let head = rpc.author.seal(count).await.map_err(errors::seal)?;
        RpcResult::Ok(json!(head.hash))
    })?;
    module.register_async_method("dev_setStorage", |params, rpc, _| async move {
        let pairs: Vec<(HexBytes, Option<HexBytes>)> = Args::of(&params).next()?;
        let changes: Vec<Change> = pairs
            .into_iter()
            .map(|(key, value)| (key.0, value.map(|value| value.0)))
            .collect();
        let head = rpc.author.set(changes).await.map_err(errors::seal)?;
        RpcResult::Ok(json!(head.hash))
    })?;
    module.register_async_method("dev_timeTravel", |params, rpc, _| async move {
        let to_ms: u64 = Args::of(&params).next()?;
        if to_ms > MAX_TIME_MS {
            return Err(invalid("the time is in milliseconds since 1970"));
        }
        rpc.author.travel(to_ms).await.map_err(errors::seal)?;
        RpcResult::Ok(json!(to_ms))
    })?;
    module.register_alias("dev_setTime", "dev_timeTravel")?;
    module.register_async_method("dev_faucet", |params, rpc, _| async move {
        let mut args = Args::of(&params);
        let account: String = args.next()?;
        let account: Account = account.parse().map_err(invalid)?;
        let tao: f64 = args.optional()?.unwrap_or(FAUCET_TAO);
        let rao = Amount::from_tao(tao).map_err(invalid)?;
        let head = rpc.author.fund(account.0, rao.0).await.map_err(errors::seal)?;
        RpcResult::Ok(json!(head.hash))
    })?;
    module.register_method("dev_snapshot", |_, rpc, _| json!(rpc.chain.store().head().hash))?;
    module.register_async_method("dev_restore", |params, rpc, _| async move {
        let snapshot: HexHash = Args::of(&params).next()?;
        let block = rpc.chain.store().block(&snapshot.0);
        let block = block.ok_or_else(|| invalid("no block of this chain; give what dev_snapshot gave"))?;
        let head = rpc.author.take_back(block.number()).await.map_err(errors::seal)?;
        RpcResult::Ok(json!(head.hash))
    })?;
    Ok(())
}

/// From nothing, a count, or an object with `count` or `to`.
fn blocks_wanted(params: &Params<'_>, head: BlockNumber) -> RpcResult<u32> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wanted {
        Count(u32),
        Detailed(NewBlock),
    }
    let wanted = match Args::of(params).optional()? {
        None => NewBlock::default(),
        Some(Wanted::Count(count)) => NewBlock {
            count: Some(count),
            to: None,
        },
        Some(Wanted::Detailed(wanted)) => wanted,
    };
    let count = match wanted {
        NewBlock { to: Some(to), .. } => to.saturating_sub(head),
        NewBlock { count, .. } => count.unwrap_or(1),
    };
    if count > MAX_BLOCKS {
        return Err(invalid(format_args!("at most {MAX_BLOCKS} blocks at once")));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_can_be_asked_for_in_every_way_tools_do() {
        let wanted = |text| blocks_wanted(&Params::new(Some(text)), 10).ok();
        assert_eq!(wanted("[]"), Some(1));
        assert_eq!(wanted("[3]"), Some(3));
        assert_eq!(wanted(r#"[{"count":5}]"#), Some(5));
        assert_eq!(wanted(r#"[{"to":12}]"#), Some(2));
        assert_eq!(wanted("[1000000]"), None);
        assert_eq!(wanted(r#"[{"blocks":5}]"#), None);
    }
}
