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
    params::{Args, HexBytes, invalid},
};
use crate::types::{BlockNumber, Change};

/// Blocks that one call may ask for: some seconds of work.
const MAX_BLOCKS: u32 = 10_000;
/// The runtime keeps time in milliseconds of 64 bits; a later time than this (year 9999) is a mistake in the unit.
const MAX_TIME_MS: u64 = 253_402_300_799_000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBlock {
    count: Option<u32>,
    to: Option<BlockNumber>,
}

pub(super) fn register(module: &mut RpcModule<Rpc>) -> Result<(), RegisterMethodError> {
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
