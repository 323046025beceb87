//! An HTTP server that reads a body and says it back, without any of an axon's checks: what the same machine and the
//! same HTTP library do when nobody verifies anything.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::BenchError;

const MAX_BODY: usize = 1 << 20;

/// A running server.
#[derive(Debug)]
pub struct Bare {
    local_addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Bare {
    /// Listens and serves.
    pub async fn start(bind: SocketAddr) -> Result<Self, BenchError> {
        let cannot = || BenchError::system("listen");
        let listener = TcpListener::bind(bind).await.map_err(cannot())?;
        let local_addr = listener.local_addr().map_err(cannot())?;
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Ok(Self { local_addr, accepting })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Accepts nobody any more.
    pub fn shutdown(self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    // A client that goes away is no news here.
    let _ = http.serve_connection(TokioIo::new(stream), service_fn(echo)).await;
}

async fn echo(request: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let mut response = http::Response::new(Full::new(body.map(|body| body.to_bytes()).unwrap_or_default()));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    Ok(response)
}
