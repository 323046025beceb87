//! This project's axon with one protection taken away: the kit has to find exactly that.

use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{Axon, AxonBuilder, AxonHandle, Limits};
use axoneme_probe::Verdict;
use axoneme_protocol::{NonceStore, Prompting};

use crate::good::Echo;
use crate::{bob, ended, probe};

async fn start(change: impl FnOnce(AxonBuilder) -> AxonBuilder) -> AxonHandle {
    let builder = Axon::builder(Arc::new(bob()))
        .bind(([127, 0, 0, 1], 0).into())
        .route::<Prompting>(Arc::new(Echo));
    change(builder).start().await.expect("a free port")
}

/// A store that forgets at once.
struct Forgetful;

impl NonceStore for Forgetful {
    fn claim<'a>(&'a self, _used: axoneme_protocol::nonce::NonceUse<'a>) -> axoneme_protocol::nonce::Claim<'a> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_axon_that_forgets_nonces_is_lax_about_replays_and_nothing_else() {
    let axon = start(|axon| axon.nonce_store(Arc::new(Forgetful))).await;
    let report = probe(axon.local_addr(), &["identity", "btauth"]).await;
    assert!(!report.passed && !report.as_good_as_python(), "{}", report.table());
    assert_eq!(
        ended(&report, Verdict::Lax),
        ["replay", "replay-race", "replay-later", "replay-timeout", "bt-replay"],
        "{}",
        report.table()
    );
    axon.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_axon_without_deadlines_is_lax_about_slow_senders_and_as_good_as_python() {
    let limits = Limits {
        head_timeout: Duration::from_secs(120),
        request_timeout: Duration::from_secs(120),
        idle_timeout: Duration::from_secs(120),
        ..Limits::default()
    };
    let axon = start(|axon| axon.limits(limits)).await;
    let report = probe(axon.local_addr(), &["silent", "slow-", "stalled-"]).await;
    assert_eq!(
        ended(&report, Verdict::Lax),
        [
            "silent",
            "slow-head",
            "stalled-head",
            "slow-body",
            "stalled-body",
            "slow-chunks"
        ],
        "{}",
        report.table()
    );
    assert!(!report.passed && report.as_good_as_python(), "{}", report.table());
    axon.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_axon_with_wide_limits_is_lax_about_age_and_size() {
    let limits = Limits {
        timeout_cap: Duration::from_secs(86_400),
        body_bytes: 64 << 20,
        head_bytes: 1 << 20,
        head_fields: 10_000,
        ..Limits::default()
    };
    // With a store that does not know when the axon started: what is older would be refused for that.
    let axon = start(|axon| axon.limits(limits).nonce_store(Arc::new(Forgetful))).await;
    let report = probe(axon.local_addr(), &["stale", "large", "many-headers"]).await;
    let lax = ended(&report, Verdict::Lax);
    for case in ["stale-wide", "many-headers"] {
        assert!(lax.contains(&case), "{case} was not found: {}", report.table());
    }
    // Eight megabytes of blanks are no synapse, but it has to say so before it has read them.
    assert_eq!(
        ended(&report, Verdict::Differs),
        ["large", "large-chunks"],
        "{}",
        report.table()
    );
    axon.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_junk_does_not_keep_an_honest_caller_out() {
    let axon = start(|axon| axon).await;
    let config = crate::config(axon.local_addr(), &["flood"]);
    let report = axoneme_probe::run(axoneme_probe::ProbeConfig {
        flood: Some(500),
        ..config
    })
    .await
    .expect("a report");
    assert_eq!(ended(&report, Verdict::Pass), ["flood"], "{}", report.table());
    axon.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_flood_goes_to_this_machine_only() {
    let config = crate::config(([192, 0, 2, 1], 8091).into(), &["flood"]);
    let error = axoneme_probe::run(axoneme_probe::ProbeConfig {
        flood: Some(500),
        ..config
    })
    .await
    .expect_err("another machine");
    assert!(error.to_string().contains("loopback"), "{error}");
}
