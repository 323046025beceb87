//! TLS to the key that the chain says.

use std::sync::Arc;
use std::time::Duration;

use axoneme_dendrite::{AxonTarget, BtauthConfig, DendriteConfig, Outcome, PublishedTls, TlsKey, TlsPolicy, Wire};
use axoneme_protocol::{Prompting, StreamPrompting};
use rcgen::{CertificateParams, KeyPair, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use crate::scripted::{Act, Asked, Server, alice, bob, signed, with_headers};

const TIMEOUT: Duration = Duration::from_secs(5);

fn answer(_: usize, asked: &Asked) -> Act {
    Act::Say(signed(asked, &bob(), 200, r#"{"completion":"hi"}"#))
}

/// A server's end of TLS with a fresh key, and the key as it would be published.
fn identity(algorithm: &'static SignatureAlgorithm) -> (TlsAcceptor, TlsKey) {
    identity_with(algorithm, rustls::DEFAULT_VERSIONS)
}

fn identity_with(
    algorithm: &'static SignatureAlgorithm,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (TlsAcceptor, TlsKey) {
    let pair = KeyPair::generate_for(algorithm).expect("a key");
    let raw = pair.der_bytes();
    let value = match raw.len() {
        32 => [&[1], raw].concat(),
        _ => [&[2], &raw[1..]].concat(), // an uncompressed point, behind its 4
    };
    let key = TlsKey::read(&value).expect("a published key");
    // Its dates and names are nobody's: only the key counts.
    let mut params = CertificateParams::new(vec!["nobody.invalid".into()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let certificate = params.self_signed(&pair).expect("a certificate");
    let secret = PrivatePkcs8KeyDer::from(pair.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret.into())
        .expect("an identity");
    (TlsAcceptor::from(Arc::new(config)), key)
}

fn config(tls: TlsPolicy) -> DendriteConfig {
    DendriteConfig {
        tls,
        ..DendriteConfig::default()
    }
}

fn at(server: &Server, tls: PublishedTls) -> AxonTarget {
    server.target().over(Wire::Btauth).with_tls(tls)
}

#[tokio::test]
async fn the_owner_of_the_published_key_is_asked_over_tls() {
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P256_SHA256] {
        let (acceptor, key) = identity(algorithm);
        let server = Server::encrypted(acceptor, answer).await;
        for policy in [TlsPolicy::Https, TlsPolicy::HttpsIfPublished] {
            let dendrite = alice(config(policy));
            let target = at(&server, PublishedTls::Key(key));
            for _ in 0..2 {
                let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
                assert!(answer.is_success() && answer.signed, "{answer:?}");
            }
        }
        let connections: Vec<usize> = server.asked.lock().iter().map(|asked| asked.connection).collect();
        assert_eq!(connections, [0, 0, 1, 1], "connections are kept");
        // Nothing of the key goes out with the request.
        let host = server.asked.lock()[0].header("host").map(str::to_owned);
        assert_eq!(host, Some(server.addr.to_string()));
    }
}

#[tokio::test]
async fn whoever_has_another_key_gets_not_a_byte_of_the_request() {
    let (acceptor, key) = identity(&rcgen::PKCS_ED25519);
    let (_, other) = identity(&rcgen::PKCS_ED25519);
    let server = Server::encrypted(acceptor, answer).await;
    let dendrite = alice(config(TlsPolicy::Https));
    // Not even when a connection to the same address is open for the right one.
    let right = at(&server, PublishedTls::Key(key));
    assert!(
        dendrite
            .call(&right, Prompting::ask("hello"), TIMEOUT)
            .await
            .is_success()
    );
    let wrong = at(&server, PublishedTls::Key(other));
    let answer = dendrite.call(&wrong, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!((answer.status, answer.outcome), (503, Outcome::Tls), "{answer:?}");
    assert!(
        answer.message.ends_with("another key than the published one"),
        "{}",
        answer.message
    );
    let stream = dendrite.stream(&wrong, StreamPrompting::from(Prompting::ask("hello")), TIMEOUT);
    assert_eq!(stream.finish().await.outcome, Outcome::Tls);
    assert_eq!(server.asked.lock().len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_where_a_key_is_wanted() {
    let server = Server::answering(answer).await;
    let (_, key) = identity(&rcgen::PKCS_ED25519);
    for (policy, published, outcome) in [
        (TlsPolicy::Https, PublishedTls::Nothing, Outcome::Tls),
        (TlsPolicy::Https, PublishedTls::Unusable, Outcome::Tls),
        (TlsPolicy::HttpsIfPublished, PublishedTls::Unusable, Outcome::Tls),
        // It published a key and does not speak TLS: this server waits for the end of what it takes for a request.
        (TlsPolicy::HttpsIfPublished, PublishedTls::Key(key), Outcome::TimedOut),
    ] {
        let target = at(&server, published);
        let answer = alice(config(policy))
            .call(&target, Prompting::ask("hello"), TIMEOUT / 10)
            .await;
        assert_eq!(answer.outcome, outcome, "{policy:?} {published:?}: {answer:?}");
    }
    assert!(server.asked.lock().is_empty());

    let target = at(&server, PublishedTls::Nothing);
    let answer = alice(config(TlsPolicy::HttpsIfPublished))
        .call(&target, Prompting::ask("hello"), TIMEOUT)
        .await;
    assert!(answer.is_success(), "{answer:?}");
}

#[tokio::test]
async fn an_encrypted_question_is_not_asked_again_in_the_clear() {
    let (acceptor, key) = identity(&rcgen::PKCS_ED25519);
    let marker = |_: usize, _: &Asked| Act::Say(with_headers(500, "bt_header_axon_status_code: 500\r\n", "{}"));
    let server = Server::encrypted(acceptor, marker).await;
    let config = DendriteConfig {
        btauth: BtauthConfig {
            fall_back_to_v10: true,
            ..BtauthConfig::default()
        },
        ..config(TlsPolicy::HttpsIfPublished)
    };
    let target = at(&server, PublishedTls::Key(key));
    let answer = alice(config).call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!((answer.status, answer.outcome), (500, Outcome::Refused), "{answer:?}");
    assert_eq!(server.asked.lock().len(), 1);
}

#[tokio::test]
async fn older_tls_is_held_to_the_same_key() {
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P256_SHA256] {
        let (acceptor, key) = identity_with(algorithm, &[&rustls::version::TLS12]);
        let (_, other) = identity(algorithm);
        let server = Server::encrypted(acceptor, answer).await;
        let dendrite = alice(config(TlsPolicy::Https));
        for (key, outcome) in [(other, Outcome::Tls), (key, Outcome::Answered)] {
            let target = at(&server, PublishedTls::Key(key));
            let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
            assert_eq!(answer.outcome, outcome, "{answer:?}");
        }
    }
}
