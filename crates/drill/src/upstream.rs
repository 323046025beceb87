//! The way to the endpoint: TCP, or TLS over it.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::error::DrillError;

/// Longest time to reach the endpoint, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// A chain endpoint to pass traffic on to.
#[derive(Clone)]
pub struct Upstream {
    url: Url,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Upstream").field(&self.url.as_str()).finish()
    }
}

impl Upstream {
    /// The endpoint at a plain address.
    pub fn at(address: SocketAddr) -> Result<Self, DrillError> {
        format!("ws://{address}").parse()
    }

    /// The endpoint's URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What the endpoint expects as `Host`.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The path before every request's own.
    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    /// Connects, within ten seconds.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let attempt = async {
            let tcp = TcpStream::connect((&self.host[..], self.port)).await?;
            tcp.set_nodelay(true)?;
            Ok(match &self.tls {
                None => Box::new(tcp) as Box<dyn Stream>,
                Some((connector, name)) => Box::new(connector.connect(name.clone(), tcp).await?),
            })
        };
        tokio::time::timeout(CONNECT, attempt)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl FromStr for Upstream {
    type Err = DrillError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let wrong = |reason: String| DrillError::Upstream {
            given: given.to_owned(),
            reason,
        };
        let url = Url::parse(given).map_err(|error| wrong(error.to_string()))?;
        let (default_port, secure) = match url.scheme() {
            "ws" | "http" => (80, false),
            "wss" | "https" => (443, true),
            other => return Err(wrong(format!("`{other}` is neither ws nor wss"))),
        };
        let host = url.host_str().ok_or_else(|| wrong("it names no host".to_owned()))?;
        // An address of version 6 stands in brackets in a URL and nowhere else.
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|error| wrong(error.to_string()))?;
            Some((connector()?, name))
        } else {
            None
        };
        Ok(Self {
            port: url.port().unwrap_or(default_port),
            host,
            url,
            tls,
        })
    }
}

/// A byte stream of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

fn connector() -> Result<TlsConnector, DrillError> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(DrillError::Certificates(why.join(", ")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DrillError::Certificates(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_with_their_default_ports() {
        let read = |text: &str| {
            text.parse::<Upstream>()
                .map(|up| (up.host.clone(), up.port, up.authority()))
        };
        let expected = ("127.0.0.1".to_owned(), 9944, "127.0.0.1:9944".to_owned());
        assert_eq!(read("ws://127.0.0.1:9944").expect("valid"), expected);
        assert_eq!(
            read("ws://[::1]:9944").expect("valid"),
            ("::1".to_owned(), 9944, "[::1]:9944".to_owned())
        );
        assert_eq!(read("http://example.org/rpc").expect("valid").1, 80);
        for wrong in ["", "127.0.0.1:9944", "ftp://host", "ws://", "ws://host:99999"] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.contains("ws://host:port"), "{error}");
        }
    }
}
