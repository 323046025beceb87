//! The kit against a good axon and against bad ones.

mod bad;
mod flawed;
mod good;

use std::net::SocketAddr;
use std::time::Duration;

use axoneme_probe::{ProbeConfig, Report, SynapseSpec, Verdict, run};
use axoneme_wallet::Keypair;

/// The hotkey of every axon here.
fn bob() -> Keypair {
    Keypair::from_uri("//Bob").expect("a path")
}

async fn probe(target: SocketAddr, only: &[&str]) -> Report {
    run(config(target, only)).await.expect("a report")
}

fn config(target: SocketAddr, only: &[&str]) -> ProbeConfig {
    ProbeConfig {
        target,
        hotkey: bob().account_id(),
        signer: Keypair::from_uri("//Alice").expect("a path"),
        synapse: SynapseSpec::new(
            "Prompting",
            r#"{"roles": ["user"], "messages": ["hello"]}"#,
            &["messages".to_owned()],
        )
        .expect("a synapse"),
        patience: Duration::from_secs(10),
        slow_limit: Duration::from_secs(13),
        only: only.iter().map(|text| (*text).to_owned()).collect(),
        flood: None,
        time_limit: std::time::Duration::from_secs(600),
    }
}

/// Names of the cases that ended so.
fn ended(report: &Report, verdict: Verdict) -> Vec<&str> {
    let findings = report.findings.iter().filter(|finding| finding.verdict == verdict);
    findings.map(|finding| finding.id.as_str()).collect()
}
