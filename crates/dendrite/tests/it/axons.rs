//! Against the real axon of this workspace.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{
    AuthKind, AuthPolicy, Axon, AxonBuilder, AxonHandle, Caller, CallerPolicy, CancellationToken, Forward,
    ForwardStream, HandlerError, TlsIdentity, TokenStream, Verdict,
};
use axoneme_dendrite::{AxonTarget, BtauthConfig, DendriteConfig, Outcome, PublishedTls, TlsPolicy, Wire};
use axoneme_protocol::{Ping, Prompting, StreamPrompting};
use axoneme_wallet::{AccountId, Keypair};
use futures::stream;

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

/// Gives the words of the question back, one by one; `break` breaks off, `endless` never ends.
struct Words {
    cancelled: CancellationToken,
}

#[async_trait]
impl ForwardStream<StreamPrompting> for Words {
    async fn forward(
        &self,
        caller: Caller,
        synapse: StreamPrompting,
        cancel: CancellationToken,
    ) -> Result<TokenStream, HandlerError> {
        let question = synapse.messages[0].clone();
        if question == "fail" {
            return Err(HandlerError::bad_request("not that"));
        }
        let told = self.cancelled.clone();
        tokio::spawn(async move {
            cancel.cancelled().await;
            told.cancel();
        });
        let wire = format!("{:?} ", caller.auth);
        let words: Vec<String> = question.split_inclusive(' ').map(Into::into).collect();
        let endless = question == "endless";
        let tokens = stream::unfold((0_usize, words), move |(number, words)| {
            let wire = wire.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(if number == 0 { 0 } else { 15 })).await;
                let word = match number.checked_sub(1) {
                    None => Some(Ok(wire)),
                    Some(_) if endless => Some(Ok("and on ".into())),
                    Some(place) => words.get(place).map(|word| match word.as_str() {
                        "break" => Err(HandlerError::internal("as asked")),
                        word => Ok(word.to_owned()),
                    }),
                };
                word.map(|word| (word, (number + 1, words)))
            }
        });
        Ok(Box::pin(tokens))
    }
}

fn builder(number: usize) -> AxonBuilder {
    Axon::builder(Arc::new(bob()))
        .bind("127.0.0.1:0".parse().expect("address"))
        .route::<Prompting>(Arc::new(Numbered(number)))
}

async fn axon(number: usize) -> (AxonHandle, AxonTarget) {
    let axon = builder(number).start().await.expect("started");
    let target = target(axon.local_addr());
    (axon, target)
}

/// An axon that streams, and what fires when a stream of it is cancelled.
async fn streaming() -> (AxonHandle, AxonTarget, CancellationToken) {
    let cancelled = CancellationToken::new();
    let words = Words {
        cancelled: cancelled.clone(),
    };
    let axon = builder(0).route_stream::<StreamPrompting>(Arc::new(words));
    let axon = axon.start().await.expect("started");
    let target = target(axon.local_addr());
    (axon, target, cancelled)
}

/// The status of a question that makes no sense to the handler: the kit has another for it than the v10 wire.
fn nonsense(wire: Wire) -> u16 {
    match wire {
        Wire::V10 => 400,
        Wire::Btauth => 422,
    }
}

const WIRES: [(Wire, AuthKind); 2] = [(Wire::V10, AuthKind::V10), (Wire::Btauth, AuthKind::Btauth)];

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

#[tokio::test]
async fn either_wire_is_served_by_the_same_axon_and_only_one_is_signed() {
    let (_axon, target) = axon(7).await;
    let dendrite = alice(DendriteConfig::default());
    let alice = Keypair::from_uri("//Alice").expect("uri").account_id();
    for (wire, _) in WIRES {
        let target = target.over(wire);
        let question = "h\u{e9}llo 'quoted' \u{1fae8}";
        let answer = dendrite.call(&target, Prompting::ask(question), TIMEOUT).await;
        assert!(answer.is_success(), "{answer:?}");
        assert_eq!(answer.synapse.completion, format!("{question} from {alice} to 7"));
        assert_eq!(answer.synapse.messages, [question], "the question stays");
        assert_eq!(answer.signed, wire == Wire::Btauth);
        let pongs = dendrite.ping(&[target], TIMEOUT).await;
        assert!(pongs[0].is_available(), "{pongs:?}");
        let answer = dendrite.call(&target, Prompting::ask("fail"), TIMEOUT).await;
        assert_eq!(
            (answer.status, answer.outcome),
            (nonsense(wire), Outcome::Refused),
            "{answer:?}"
        );
        assert!(answer.message.contains("not that"), "{}", answer.message);
        assert_eq!(
            answer.signed,
            wire == Wire::Btauth,
            "errors after authentication are signed too"
        );
    }
}

#[tokio::test]
async fn three_hundred_signed_requests_32_at_once_are_all_served() {
    let (_axon, target) = axon(0).await;
    let config = DendriteConfig {
        max_in_flight: 32,
        ..DendriteConfig::default()
    };
    let targets = vec![target.over(Wire::Btauth); 300];
    let answers = alice(config).query(&targets, &Prompting::ask("hello"), TIMEOUT).await;
    let failed: Vec<_> = answers
        .iter()
        .filter(|answer| !answer.signed || !answer.is_success())
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test]
async fn streams_of_either_wire_arrive_whole() {
    let (_axon, target, _) = streaming().await;
    let dendrite = alice(DendriteConfig::default());
    for (wire, auth) in WIRES {
        let question = StreamPrompting::from(Prompting::ask("one two\nthree \u{1f642}"));
        let mut stream = dendrite.stream(&target.over(wire), question, TIMEOUT);
        let mut seen = Vec::new();
        while let Some(piece) = stream.next().await {
            seen.push(piece.into_unverified());
        }
        let answer = stream.finish().await;
        assert!(answer.is_success(), "{answer:?}");
        assert_eq!(answer.synapse.completion, format!("{auth:?} one two\nthree \u{1f642}"));
        assert_eq!(seen.concat(), answer.synapse.completion);
        assert!(seen.len() > 1, "{seen:?}");
        assert_eq!(answer.signed, wire == Wire::Btauth);
    }
}

#[tokio::test]
async fn streams_that_fail_count_for_nothing() {
    let (_axon, target, _) = streaming().await;
    let dendrite = alice(DendriteConfig::default());
    for (wire, auth) in WIRES {
        let question = |text: &str| StreamPrompting::from(Prompting::ask(text));
        let target = target.over(wire);
        let answer = dendrite.stream(&target, question("fail"), TIMEOUT).finish().await;
        assert_eq!(
            (answer.status, answer.outcome),
            (nonsense(wire), Outcome::Refused),
            "{answer:?}"
        );
        let mut stream = dendrite.stream(&target, question("one break"), TIMEOUT);
        let first = stream.next().await.expect("a piece");
        assert!(first.unverified().starts_with(&format!("{auth:?} ")), "{first:?}");
        let answer = stream.finish().await;
        assert_eq!(
            (answer.outcome, answer.synapse.completion.as_str()),
            (Outcome::Truncated, "")
        );
    }
}

#[tokio::test]
async fn a_dropped_stream_stops_the_handler() {
    for (wire, _) in WIRES {
        let (_axon, target, cancelled) = streaming().await;
        let question = StreamPrompting::from(Prompting::ask("endless"));
        let mut stream = alice(DendriteConfig::default()).stream(&target.over(wire), question, TIMEOUT);
        assert!(stream.next().await.is_some());
        drop(stream);
        let noticed = tokio::time::timeout(Duration::from_secs(5), cancelled.cancelled()).await;
        assert!(noticed.is_ok(), "{wire:?}");
    }
}

#[tokio::test]
async fn an_axon_that_only_takes_the_old_wire_but_knows_both_is_not_asked_again() {
    let axon = builder(1).auth(AuthPolicy::V10).start().await.expect("started");
    let target = target(axon.local_addr()).over(Wire::Btauth);
    let config = DendriteConfig {
        btauth: BtauthConfig {
            fall_back_to_v10: true,
            ..BtauthConfig::default()
        },
        ..DendriteConfig::default()
    };
    // It says 401; only what a Python axon of the old SDK says counts as its mark.
    let answer = alice(config).call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!((answer.status, answer.signed), (401, false), "{answer:?}");
}

#[tokio::test]
async fn the_axons_own_tls_is_found_by_the_key_it_publishes() {
    let identity = TlsIdentity::generate().expect("an identity");
    let words = Words {
        cancelled: CancellationToken::new(),
    };
    let axon = builder(5)
        .tls(identity)
        .route_stream::<StreamPrompting>(Arc::new(words));
    let axon = axon.start().await.expect("started");
    let published = PublishedTls::read(axon.tls_key().expect("a key"));
    let config = DendriteConfig {
        tls: TlsPolicy::HttpsIfPublished,
        ..DendriteConfig::default()
    };
    let dendrite = alice(config);
    let target = target(axon.local_addr()).over(Wire::Btauth).with_tls(published);
    let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert!(answer.is_success() && answer.signed, "{answer:?}");
    let question = StreamPrompting::from(Prompting::ask("one two"));
    let answer = dendrite.stream(&target, question, TIMEOUT).finish().await;
    assert!(answer.is_success() && answer.signed, "{answer:?}");
    // The old wire goes to the same port in the clear.
    let answer = dendrite
        .call(&target.over(Wire::V10), Prompting::ask("hello"), TIMEOUT)
        .await;
    assert!(answer.is_success() && !answer.signed, "{answer:?}");
}
