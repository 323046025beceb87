//! Connecting: which server, whether it will do, and its marker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axoneme_guards::{Horizon, Now, Step, StepGuard};
use axoneme_protocol::clock::Clock;
use axoneme_protocol::nonce::NonceError;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use super::RedisTimes;
use super::server::ServerInfo;

/// How far this machine's clock may be from the server's. Two replicas are then at most twice as far apart, which the
/// life of the keys allows for.
const CLOCKS_APART: Duration = Duration::from_secs(30);

/// Why a server is treated like one that restarted.
pub(super) const KEYS_GONE: &str = "its keys were deleted, so used nonces are unknown";

/// How long a marker lives without anybody looking, seconds.
const MARKER_SECONDS: u64 = 30 * 24 * 3600;

/// Where the server is and what is agreed with it.
pub(super) struct Dialer {
    pub(super) client: redis::Client,
    /// The address as it may be shown.
    pub(super) server: String,
    /// Of all keys of one axon.
    pub(super) prefix: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) horizon: Horizon,
    pub(super) times: RedisTimes,
}

/// A connection to a server that was looked at.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) connection: MultiplexedConnection,
    pub(super) marker: Arc<Marker>,
}

/// The key that says since when one run of the server knows everything.
pub(super) struct Marker {
    pub(super) key: String,
    pub(super) since: AtomicU64,
    server_clock: Mutex<StepGuard>,
}

impl Dialer {
    /// A connection to a server that was looked at, and its marker.
    pub(super) async fn connect(&self) -> Result<Line, String> {
        let connecting = async {
            let config = redis::AsyncConnectionConfig::new()
                .set_connection_timeout(Some(self.times.connect))
                .set_response_timeout(Some(self.times.connect));
            let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
            let mut connection =
                connection.map_err(|error| format!("{error}; is it running, and is the address right?"))?;
            let info = self.look(&mut connection).await?;
            let key = format!("{}since:{}", self.prefix, info.run_id);
            let since = self.mark(&mut connection, &key).await?;
            metrics::gauge!("nonce_store_connected").set(1.0);
            let marker = Arc::new(Marker {
                key,
                since: since.into(),
                server_clock: Mutex::new(StepGuard::new(self.horizon.retention(), Duration::ZERO)),
            });
            Ok(Line { connection, marker })
        };
        match timeout(self.times.connect, connecting).await {
            Ok(result) => result,
            Err(_) => Err("no answer in time; is this a Redis server, and not overloaded?".into()),
        }
    }

    async fn look(&self, connection: &mut MultiplexedConnection) -> Result<ServerInfo, String> {
        let info: String = redis::cmd("INFO")
            .query_async(connection)
            .await
            .map_err(|error| format!("{error}; the user needs the commands SET, GET, DEL, EXPIRE, TIME and INFO"))?;
        let info = ServerInfo::parse(&info)?;
        info.check()?;
        Ok(info)
    }

    /// Finds or writes the marker of this run of the server: the nonce up to which nothing is known.
    async fn mark(&self, connection: &mut MultiplexedConnection, key: &str) -> Result<u64, String> {
        let said = |error: redis::RedisError| error.to_string();
        let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(connection).await.map_err(said)?;
        let server_ns = seconds.saturating_add(1).saturating_mul(1_000_000_000);
        let own_ns = self.clock.unix_ns();
        check_clocks(own_ns, server_ns)?;
        let lead = u64::try_from(self.horizon.lead().as_nanos()).unwrap_or(u64::MAX);
        let since = own_ns.max(server_ns).saturating_add(lead);
        let mut commands = redis::pipe();
        commands
            .cmd("SET")
            .arg(key)
            .arg(since)
            .arg("NX")
            .arg("EX")
            .arg(MARKER_SECONDS);
        commands.cmd("GET").arg(key);
        let (written, since): (Option<String>, u64) = commands.query_async(connection).await.map_err(said)?;
        if written.is_some() {
            tracing::info!(server = %self.server, "this run of the Redis server is new to this axon: requests signed before now, and for a moment after, are refused");
        }
        Ok(since)
    }

    /// What is looked at again while nothing seems wrong. Gives the reason to hang up.
    pub(super) async fn look_again(&self, line: &mut Line) -> Result<(), String> {
        let looking = async {
            self.look(&mut line.connection).await?;
            let extend = redis::cmd("EXPIRE")
                .arg(&line.marker.key)
                .arg(MARKER_SECONDS)
                .to_owned();
            match extend.query_async::<u64>(&mut line.connection).await {
                Ok(1) => Ok(()),
                Ok(_) => Err(KEYS_GONE.to_owned()),
                Err(error) => Err(error.to_string()),
            }
        };
        let looked = timeout(self.times.connect, looking).await;
        looked.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

impl Marker {
    /// Refuses what was signed before this run of the server knew anything.
    pub(super) fn judge(&self, nonce: u64, now: Now) -> Result<(), NonceError> {
        let since = self.since.load(Ordering::SeqCst);
        if nonce > since {
            return Ok(());
        }
        let wait = Duration::from_nanos(since.saturating_sub(now.wall));
        Err(NonceError::Unknowable { wait })
    }

    pub(super) fn clock_jumped(&self, server_now: Now) -> bool {
        let mut clock = self.server_clock.lock();
        let _ = clock.observe(server_now);
        matches!(clock.take_noticed(), Some(Step::Forward(_)))
    }
}

/// Replicas whose clocks disagree would not agree on what is fresh.
fn check_clocks(own_ns: u64, server_ns: u64) -> Result<(), String> {
    let apart = Duration::from_nanos(own_ns.abs_diff(server_ns));
    if apart > CLOCKS_APART {
        return Err(format!(
            "its clock and the one here are {:.0} s apart; let a time server set both",
            apart.as_secs_f64()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_server_whose_clock_jumps_further_than_keys_live_is_noticed() {
        let retention = Duration::from_secs(70);
        let marker = Marker {
            key: "since".into(),
            since: 0.into(),
            server_clock: Mutex::new(StepGuard::new(retention, Duration::ZERO)),
        };
        let jumped = |wall: u64, mono: u64| {
            marker.clock_jumped(Now {
                wall: wall * SECOND,
                mono: mono * SECOND,
            })
        };
        assert!(!jumped(1000, 0));
        assert!(!jumped(1100, 100), "time passes on both");
        assert!(!jumped(1170, 101), "keys live longer than that");
        assert!(jumped(1171 + 71, 102));
        assert!(!jumped(1243, 103), "once");
        assert!(!jumped(1000, 104), "back: keys live longer");
    }

    #[test]
    fn clocks_far_apart_are_refused() {
        let now = 1_700_000_000 * SECOND;
        assert_eq!(check_clocks(now, now + 29 * SECOND), Ok(()));
        for other in [now + 31 * SECOND, now - 31 * SECOND] {
            assert!(check_clocks(now, other).is_err_and(|why| why.contains("31 s apart")));
        }
    }
}
