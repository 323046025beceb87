//! TLS beside plain HTTP on one port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axoneme_axon::{Limits, TlsIdentity};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::btauth::Question;
use crate::peer::{DEADLINE, asking, start};

/// Looks at the public key and nothing else, as clients that know it from the chain do.
#[derive(Debug)]
struct Pinned(Vec<u8>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The key stands in an Ed25519 certificate as it is.
        let holds = certificate.windows(self.0.len()).any(|window| window == self.0);
        if holds {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("another key".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

async fn ask(to: std::net::SocketAddr, key: &[u8], request: &[u8]) -> std::io::Result<String> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(key.to_vec())))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("axon").expect("a name");
    let mut stream = connector.connect(name, TcpStream::connect(to).await?).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn one_port_serves_tls_and_plain_http() {
    let identity = TlsIdentity::generate().expect("a key");
    let (axon, handler) = start(|axon| axon.tls(identity.clone())).await;
    let to = axon.local_addr();
    let published = axon.tls_key().expect("published").to_vec();
    assert_eq!(
        (published.as_slice(), published[0], published.len()),
        (identity.published(), 1, 33)
    );
    let request = || Question::asking("hello").raw.set("Connection", "close").bytes();
    let answer = ask(to, &published[1..], &request()).await.expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("echo hello"),
        "{answer}"
    );
    assert_eq!(asking("hello").send(to).await.status, 200);
    assert_eq!(handler.count(), 2);
    assert!(
        ask(to, &[7; 32], &request()).await.is_err(),
        "another key is noticed before a byte is sent"
    );
    assert_eq!(handler.count(), 2);
    let (plain, _) = start(|axon| axon).await;
    assert_eq!(plain.tls_key(), None);
    assert!(ask(plain.local_addr(), &published[1..], &request()).await.is_err());
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_closed() {
    let limits = Limits {
        head_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits).tls(TlsIdentity::generate().expect("a key"))).await;
    let began = Instant::now();
    for beginning in [
        &b""[..],
        b"\x16\x03\x01",
        b"\x16not TLS at all, but long enough to be looked at",
    ] {
        let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
        stream.write_all(beginning).await.expect("sent");
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest))
            .await
            .expect("closed");
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(asking("hello").send(axon.local_addr()).await.status, 200);
}
