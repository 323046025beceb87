//! What a dev chain is started with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use sp_core::crypto::AccountId32;

use crate::{author::Sealing, error::LocalnetError, preset::Preset};

/// Port that clients mean by "local".
pub const DEFAULT_PORT: u16 = 9944;
/// Time between blocks of the usual local image.
pub const DEFAULT_BLOCK_TIME: Duration = Duration::from_millis(250);
/// Shorter, and a signed transaction (valid for 32 blocks by default) is too old before it arrives.
pub const MIN_BLOCK_TIME: Duration = Duration::from_millis(10);
/// Longer than this is a mistake in the unit.
pub const MAX_BLOCK_TIME: Duration = Duration::from_secs(3600);

/// What a dev chain is started with.
#[derive(Debug, Clone)]
pub struct LocalnetConfig {
    /// Where to listen; port 0 takes a free one.
    pub rpc: SocketAddr,
    /// Time between blocks; a part of the genesis, since clients read it from the chain.
    pub block_time: Duration,
    /// What makes a block be made.
    pub sealing: Sealing,
    /// Where blocks are kept; `None` keeps them in memory only.
    pub data_dir: Option<PathBuf>,
    /// An account that gets as much as Alice; a part of the genesis.
    pub default_wallet: Option<AccountId32>,
    /// Accounts, subnets and neurons to begin with.
    pub genesis: Option<Preset>,
    /// A runtime in place of the one compiled in; then `genesis` and `default_wallet` have no effect, and the block time is no
    /// part of the genesis.
    #[cfg(feature = "wasm")]
    pub runtime: Option<crate::WasmRuntime>,
}

impl Default for LocalnetConfig {
    fn default() -> Self {
        Self {
            rpc: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
            block_time: DEFAULT_BLOCK_TIME,
            sealing: Sealing::default(),
            data_dir: None,
            default_wallet: None,
            genesis: None,
            #[cfg(feature = "wasm")]
            runtime: None,
        }
    }
}

impl LocalnetConfig {
    /// Refuses what no chain can run with.
    pub fn check(&self) -> Result<(), LocalnetError> {
        if self.block_time < MIN_BLOCK_TIME || self.block_time > MAX_BLOCK_TIME {
            return Err(LocalnetError::Config(format!(
                "--block-time {:?} is not between {MIN_BLOCK_TIME:?} and {MAX_BLOCK_TIME:?}",
                self.block_time
            )));
        }
        Ok(())
    }
}

/// Reads `250`, `250ms` or `12s`.
pub fn parse_block_time(text: &str) -> Result<Duration, String> {
    let parse = |digits: &str, unit: fn(u64) -> Duration| {
        digits
            .trim()
            .parse()
            .map(unit)
            .map_err(|_| format!("{text:?} is not a time; write 250ms or 12s"))
    };
    if let Some(digits) = text.strip_suffix("ms") {
        parse(digits, Duration::from_millis)
    } else if let Some(digits) = text.strip_suffix('s') {
        parse(digits, Duration::from_secs)
    } else {
        parse(text, Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_times_are_read_with_and_without_a_unit() {
        assert_eq!(parse_block_time("250"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_block_time("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_block_time("12s"), Ok(Duration::from_secs(12)));
        for wrong in ["", "s", "fast", "1.5s", "-3ms", "99999999999999999999"] {
            assert!(parse_block_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_absurd_block_time_is_refused_by_its_flag() {
        let config = LocalnetConfig {
            block_time: Duration::ZERO,
            ..Default::default()
        };
        assert!(
            config
                .check()
                .is_err_and(|error| error.to_string().contains("--block-time"))
        );
    }
}
