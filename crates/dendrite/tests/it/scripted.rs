//! A server that says exactly what a test wrote, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
use axoneme_protocol::{BtauthHead, Exchange, btauth, twresp};
use axoneme_wallet::Keypair;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What to do with one request.
#[derive(Clone)]
pub enum Act {
    /// Send these bytes and keep the connection.
    Say(Vec<u8>),
    /// Send these bytes and close.
    SayAndClose(Vec<u8>),
    /// Send these bytes one after the other, waiting before each, and keep the connection.
    Drip(Duration, Vec<Vec<u8>>),
    /// Send these bytes one after the other, each when the test allows one more, and keep the connection.
    Steps(Arc<Semaphore>, Vec<Vec<u8>>),
    /// Send nothing and keep the connection.
    Hang,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub connection: usize,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

pub struct Server {
    pub addr: SocketAddr,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    closed: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = Arc<dyn Fn(usize, &Asked) -> Act + Send + Sync>;

impl Server {
    /// Answers the n-th request, counted from 0 over all connections, with `act(n)`.
    pub async fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        Self::run(Arc::new(move |number, _| act(number)), None).await
    }

    /// The same, with a look at the request.
    pub async fn answering(act: impl Fn(usize, &Asked) -> Act + Send + Sync + 'static) -> Self {
        Self::run(Arc::new(act), None).await
    }

    /// The same over TLS.
    pub async fn encrypted(tls: TlsAcceptor, act: impl Fn(usize, &Asked) -> Act + Send + Sync + 'static) -> Self {
        Self::run(Arc::new(act), Some(tls)).await
    }

    async fn run(act: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("address");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let closed: Arc<AtomicUsize> = Arc::default();
        let (log, count) = (asked.clone(), closed.clone());
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (act, log, count, tls) = (act.clone(), log.clone(), count.clone(), tls.clone());
                tokio::spawn(async move {
                    accept(stream, connection, act, log, tls).await;
                    count.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            addr,
            asked,
            closed,
            task,
        }
    }

    /// Waits until this many connections have ended; they have to within seconds.
    pub async fn wait_closed(&self, count: usize) {
        let wait = async {
            while self.closed.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), wait)
            .await
            .expect("the connection is closed");
    }

    pub fn target(&self) -> AxonTarget {
        target(self.addr)
    }
}

async fn accept(
    stream: TcpStream,
    connection: usize,
    act: Script,
    log: Arc<Mutex<Vec<Asked>>>,
    tls: Option<TlsAcceptor>,
) {
    match tls {
        None => serve(stream, connection, act, log).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, connection, act, log).await;
            }
        }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    act: Script,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    while let Some(asked) = read_request(&mut stream, connection).await {
        let number = {
            let mut log = log.lock();
            log.push(asked.clone());
            log.len() - 1
        };
        match act(number, &asked) {
            Act::Say(bytes) => stream.write_all(&bytes).await.expect("sent"),
            Act::SayAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Act::Drip(pause, parts) => {
                for part in parts {
                    tokio::time::sleep(pause).await;
                    if stream.write_all(&part).await.is_err() {
                        return;
                    }
                }
            }
            Act::Steps(allowed, parts) => {
                for part in parts {
                    allowed.acquire().await.expect("open").forget();
                    stream.write_all(&part).await.expect("sent");
                }
            }
            Act::Hang => {}
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), connection: usize) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name == "content-length")?
        .1
        .parse()
        .ok()?;
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Asked {
        line,
        headers,
        body,
        connection,
    })
}

/// A 200 a dendrite accepts, with this completion.
pub fn good(completion: &str) -> Vec<u8> {
    let body = format!(r#"{{"roles":["user"],"messages":["hello"],"completion":"{completion}"}}"#);
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nbt_header_axon_status_code: 200\r\n\
         bt_header_axon_status_message: Success\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub fn bob() -> Keypair {
    Keypair::from_uri("//Bob").expect("uri")
}

/// //Bob at an address.
pub fn target(addr: SocketAddr) -> AxonTarget {
    AxonTarget::new(bob().account_id(), addr.ip(), addr.port())
}

/// A dendrite of //Alice that may ask axons of this machine.
pub fn alice(config: DendriteConfig) -> Dendrite {
    let config = DendriteConfig {
        allow_private: true,
        ..config
    };
    let signer = Keypair::from_uri("//Alice").expect("uri");
    Dendrite::new(Arc::new(signer), config).expect("usable settings")
}

impl Asked {
    /// The verified head of a btauth request to //Bob.
    pub fn btauth(&self) -> BtauthHead {
        let headers = self.headers.iter();
        let head = BtauthHead::parse(headers.map(|(name, value)| (name.as_str(), value.as_bytes()))).expect("a head");
        head.check_receiver(&bob().account_id(), true).expect("for //Bob");
        let path = self.line.split(' ').nth(1).expect("a path");
        let good = head.verify("POST", path, &btauth::body_sha256(&self.body));
        assert!(good, "the signature holds");
        head
    }
}

/// An answer to a btauth request, signed by `signer`.
pub fn signed(asked: &Asked, signer: &Keypair, status: u16, body: &str) -> Vec<u8> {
    let head = asked.btauth();
    let exchange = Exchange {
        nonce: head.nonce,
        sender: &head.sender,
        responder: &signer.account_id(),
    };
    let headers = twresp::sign_response(signer, &exchange, status, body.as_bytes());
    let headers = headers.into_iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    with_headers(status, &headers.collect::<String>(), body)
}

/// A JSON answer with more headers, each line with its end.
pub fn with_headers(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
