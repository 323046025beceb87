//! This project's axon has nothing to fear.

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_axon::{Axon, Caller, CancellationToken, Forward, HandlerError};
use axoneme_probe::{ProbeConfig, ProbeError, SynapseSpec, Verdict, run};
use axoneme_protocol::Prompting;

use crate::{bob, ended, probe};

pub(crate) struct Echo;

#[async_trait]
impl Forward<Prompting> for Echo {
    async fn forward(&self, _: Caller, mut asked: Prompting, _: CancellationToken) -> Result<Prompting, HandlerError> {
        asked.completion = asked.messages.concat();
        Ok(asked)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_passes_on_our_axon() {
    let axon = Axon::builder(Arc::new(bob()))
        .bind(([127, 0, 0, 1], 0).into())
        .route::<Prompting>(Arc::new(Echo))
        .start()
        .await
        .expect("a free port");
    let report = probe(axon.local_addr(), &[]).await;
    assert!(report.passed, "{}", report.table());
    assert_eq!(
        ended(&report, Verdict::Differs),
        Vec::<&str>::new(),
        "{}",
        report.table()
    );
    assert_eq!(
        ended(&report, Verdict::Skipped),
        ["stream", "flood"],
        "{}",
        report.table()
    );
    axon.shutdown(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn nobody_there_and_the_wrong_hotkey_are_no_reports() {
    let axon = Axon::builder(Arc::new(bob()))
        .bind(([127, 0, 0, 1], 0).into())
        .route::<Prompting>(Arc::new(Echo))
        .start()
        .await
        .expect("a free port");
    let alice = axoneme_wallet::Keypair::from_uri("//Alice").expect("a path");
    let mut config = ProbeConfig {
        target: axon.local_addr(),
        hotkey: alice.account_id(),
        signer: alice,
        synapse: SynapseSpec::new(
            "Prompting",
            r#"{"roles": [], "messages": []}"#,
            &["messages".to_owned()],
        )
        .expect("a synapse"),
        patience: std::time::Duration::from_secs(5),
        slow_limit: std::time::Duration::from_secs(5),
        only: Vec::new(),
        flood: None,
        time_limit: std::time::Duration::from_secs(600),
    };
    let error = run(config.clone()).await.expect_err("signed for another axon");
    assert!(matches!(error, ProbeError::NotServed { .. }), "{error}");
    assert!(error.to_string().contains("--hotkey"), "{error}");
    axon.shutdown(std::time::Duration::from_secs(1)).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    config.target = free.expect("a free port");
    let error = run(config).await.expect_err("nobody listens");
    assert!(matches!(error, ProbeError::Unreachable { .. }), "{error}");
}

#[test]
fn a_synapse_without_its_hash_field_is_refused() {
    let error = SynapseSpec::new("X", r#"{"a": 1}"#, &["b".to_owned()]).expect_err("no b");
    assert!(error.to_string().contains("`b`"), "{error}");
}
