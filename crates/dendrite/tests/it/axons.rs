//! Against the real axon of this workspace.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{Axon, AxonHandle, Caller, CallerPolicy, CancellationToken, Forward, HandlerError, Verdict};
use axoneme_dendrite::{AxonTarget, DendriteConfig, Outcome};
use axoneme_protocol::{Ping, Prompting};
use axoneme_wallet::{AccountId, Keypair};

use crate::scripted::{alice, bob, target};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Answers with its own number, and changes the question to see whether anybody believes it.
struct Numbered(usize);

#[async_trait]
impl Forward<Prompting> for Numbered {
    async fn forward(
        &self,
        caller: Caller,
        mut synapse: Prompting,
        _cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        match synapse.messages[0].as_str() {
            "sleep" => tokio::time::sleep(Duration::from_secs(30)).await,
            "fail" => return Err(HandlerError::bad_request("not that")),
            _ => {}
        }
        synapse.completion = format!("{} from {} to {}", synapse.messages[0], caller.hotkey, self.0);
        synapse.messages = vec!["another question".into()];
        Ok(synapse)
    }
}

async fn axon(number: usize) -> (AxonHandle, AxonTarget) {
    let axon = Axon::builder(Arc::new(bob()))
        .bind("127.0.0.1:0".parse().expect("address"))
        .route::<Prompting>(Arc::new(Numbered(number)))
        .start()
        .await
        .expect("started");
    let target = target(axon.local_addr());
    (axon, target)
}

#[tokio::test]
async fn many_axons_answer_at_once_in_order() {
    let mut axons = Vec::new();
    for number in 0..10 {
        axons.push(axon(number).await);
    }
    let mut targets: Vec<AxonTarget> = axons.iter().map(|(_, target)| *target).collect();
    targets.insert(3, target("127.0.0.1:1".parse().expect("address")));
    let dendrite = alice(DendriteConfig::default());
    let answers = dendrite
        .query(&targets, &Prompting::ask("h\u{e9}llo 'quoted' \u{1fae8}"), TIMEOUT)
        .await;
    let alice = Keypair::from_uri("//Alice").expect("uri").account_id();
    let mut number = 0;
    for (index, answer) in answers.iter().enumerate() {
        if index == 3 {
            assert_eq!(answer.outcome, Outcome::Unreachable);
            continue;
        }
        let expected = format!("h\u{e9}llo 'quoted' \u{1fae8} from {alice} to {number}");
        assert_eq!(
            (answer.status, answer.synapse.completion.as_str()),
            (200, expected.as_str()),
            "{answer:?}"
        );
        assert_eq!(
            answer.synapse.messages,
            ["h\u{e9}llo 'quoted' \u{1fae8}"],
            "the question stays"
        );
        number += 1;
    }
}

#[tokio::test]
async fn three_hundred_requests_32_at_once_are_all_served() {
    let (_axon, target) = axon(0).await;
    let config = DendriteConfig {
        max_in_flight: 32,
        ..DendriteConfig::default()
    };
    let answers = alice(config)
        .query(&vec![target; 300], &Prompting::ask("hello"), TIMEOUT)
        .await;
    let failed: Vec<_> = answers.iter().filter(|answer| !answer.is_success()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test]
async fn errors_of_the_axon_arrive() {
    let (_axon, target) = axon(0).await;
    let dendrite = alice(DendriteConfig::default());
    let answer = dendrite.call(&target, Prompting::ask("fail"), TIMEOUT).await;
    assert_eq!(
        (answer.status, answer.message.as_str(), answer.outcome),
        (400, "not that", Outcome::Refused)
    );
    let answer = dendrite
        .call(&target, Prompting::ask("sleep"), Duration::from_millis(300))
        .await;
    assert!([408, 504].contains(&answer.status), "{answer:?}");
    let charlie = Keypair::from_uri("//Charlie").expect("uri").account_id();
    let wrong = AxonTarget {
        hotkey: charlie,
        ..target
    };
    let answer = dendrite.call(&wrong, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!((answer.status, answer.synapse.completion.as_str()), (401, ""));
    assert!(dendrite.call(&target, Ping {}, TIMEOUT).await.is_success());
}

struct Nobody;

impl CallerPolicy for Nobody {
    fn blacklist(&self, _caller: &AccountId, _synapse: &str) -> Verdict {
        Verdict::Refuse("nobody is served".into())
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        0.0
    }
}

#[tokio::test]
async fn a_refusal_names_its_reason() {
    let axon = Axon::builder(Arc::new(bob()))
        .bind("127.0.0.1:0".parse().expect("address"))
        .policy(Arc::new(Nobody))
        .route::<Prompting>(Arc::new(Numbered(0)))
        .start()
        .await
        .expect("started");
    let dendrite = alice(DendriteConfig::default());
    let answer = dendrite
        .call(&target(axon.local_addr()), Prompting::ask("hello"), TIMEOUT)
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.message, "Forbidden. Key is blacklisted: nobody is served.");
}

#[tokio::test]
async fn ipv6_axons_are_reached() {
    let builder = Axon::builder(Arc::new(bob())).bind("[::1]:0".parse().expect("address"));
    let Ok(axon) = builder.route::<Prompting>(Arc::new(Numbered(6))).start().await else {
        return; // this machine has no IPv6
    };
    let dendrite = alice(DendriteConfig::default());
    let answer = dendrite
        .call(&target(axon.local_addr()), Prompting::ask("hello"), TIMEOUT)
        .await;
    assert!(answer.is_success(), "{answer:?}");
}
