//! Connections to axons: HTTP/1.1, plain or over TLS to a pinned key, pooled, without redirects, proxies or compression.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::body::Body;
use crate::config::DendriteConfig;
use crate::pin;
use crate::tls::TlsKey;

/// A future that opens a connection.
type Connecting = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

/// Opens a connection to the place in a URI.
type Connector = tower::util::ServiceFn<fn(Uri) -> Connecting>;

/// Where a request goes: an address, and the key that has to answer there when TLS is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) address: SocketAddr,
    pub(crate) key: Option<TlsKey>,
}

impl Route {
    /// The URI of a synapse there. The key stands in the place of a user name, which never leaves this machine: pooled
    /// connections are found by scheme and authority, so none is used for a key it was not opened for.
    pub(crate) fn uri(&self, name: &str) -> Result<Uri, http::uri::InvalidUri> {
        let address = self.address; // prints IPv6 in brackets
        let text = match self.key {
            None => format!("http://{address}/{name}"),
            Some(key) => format!("https://{}@{address}/{name}", hex::encode(key.to_bytes())),
        };
        Uri::try_from(text)
    }

    fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?.as_str();
        let (key, address) = match authority.split_once('@') {
            Some((key, address)) => (Some(TlsKey::read(&hex::decode(key).ok()?)?), address),
            None => (None, authority),
        };
        let address = address.parse().ok()?;
        Some(Self { address, key })
    }
}

#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<Connector, Body>,
}

/// Why a request got no head of an answer.
pub(crate) enum SendError {
    /// No connection.
    Connect,
    /// A connection, but not to the owner of the pinned key.
    Tls(String),
    /// The connection ended before the first byte of an answer.
    Closed {
        /// It had served before: the axon may have closed it because it was idle, just when the request went out.
        reused: bool,
    },
    /// What came back is not HTTP.
    Parse(String),
    /// Anything else.
    Other(String),
}

impl Transport {
    pub(crate) fn new(config: &DendriteConfig) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.max_idle_per_axon)
            .http1_max_buf_size(config.answer_head_bytes)
            // A request that is sent again must be signed again; that is done above this.
            .retry_canceled_requests(false)
            .build(tower::service_fn(connect as fn(Uri) -> Connecting));
        Self { client }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, SendError> {
        let response = self.client.request(request).await.map_err(|error| classify(&error))?;
        if let Some(served) = response.extensions().get::<Served>() {
            served.0.store(true, Ordering::Relaxed);
        }
        Ok(response)
    }
}

fn classify(error: &Error) -> SendError {
    let source = std::error::Error::source(error);
    if error.is_connect() {
        let refused = source
            .and_then(|source| source.downcast_ref::<io::Error>()?.get_ref())
            .and_then(|inner| inner.downcast_ref::<HandshakeFailed>());
        return refused.map_or(SendError::Connect, |refused| SendError::Tls(refused.to_string()));
    }
    let cause = source.and_then(|source| source.downcast_ref::<hyper::Error>());
    if cause.is_some_and(hyper::Error::is_parse) {
        return SendError::Parse(cause.map(ToString::to_string).unwrap_or_default());
    }
    let gone = cause.is_none_or(|cause| {
        cause.is_incomplete_message() || cause.is_canceled() || cause.is_closed() || is_connection_loss(cause)
    });
    if gone {
        let mut extras = Extensions::new();
        if let Some(connection) = error.connect_info() {
            connection.get_extras(&mut extras);
        }
        let reused = extras
            .get::<Served>()
            .is_some_and(|served| served.0.load(Ordering::Relaxed));
        return SendError::Closed { reused };
    }
    SendError::Other(cause.map(ToString::to_string).unwrap_or_default())
}

fn is_connection_loss(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::NotConnected
        )
    })
}

/// TLS did not come about.
#[derive(Debug, thiserror::Error)]
enum HandshakeFailed {
    #[error("its certificate holds another key than the published one")]
    OtherKey,
    #[error("TLS failed: {0}")]
    Other(io::Error),
}

impl From<io::Error> for HandshakeFailed {
    fn from(error: io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(cause) if *cause == pin::OTHER_KEY => Self::OtherKey,
            _ => Self::Other(error),
        }
    }
}

fn connect(uri: Uri) -> Connecting {
    Box::pin(async move {
        // Requests are made for socket addresses only: no name is ever looked up.
        let route = Route::of(&uri).ok_or(io::ErrorKind::InvalidInput)?;
        let stream = TcpStream::connect(route.address).await?;
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Duplex> = match route.key {
            None => Box::new(stream),
            Some(key) => {
                let name = ServerName::IpAddress(route.address.ip().into());
                let connector = pin::connector(key).map_err(io::Error::other)?;
                let encrypted = connector.connect(name, stream).await;
                Box::new(encrypted.map_err(|error| io::Error::other(HandshakeFailed::from(error)))?)
            }
        };
        Ok(Socket {
            io: TokioIo::new(stream),
            served: Served::default(),
        })
    })
}

/// Plain or encrypted.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Whether a connection has brought an answer before.
#[derive(Clone, Default)]
struct Served(Arc<AtomicBool>);

/// A connection that remembers whether it has served.
struct Socket {
    io: TokioIo<Box<dyn Duplex>>,
    served: Served,
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.served.clone())
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
