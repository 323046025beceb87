//! A server that says exactly what a test wrote, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig};
use axoneme_wallet::Keypair;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one request.
#[derive(Clone)]
pub enum Act {
    /// Send these bytes and keep the connection.
    Say(Vec<u8>),
    /// Send these bytes and close.
    SayAndClose(Vec<u8>),
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
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers the n-th request, counted from 0 over all connections, with `act(n)`.
    pub async fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("address");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (act, log) = (Arc::new(act), asked.clone());
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(stream, connection, act.clone(), log.clone()));
            }
        });
        Self { addr, asked, task }
    }

    pub fn target(&self) -> AxonTarget {
        target(self.addr)
    }
}

async fn serve(mut stream: TcpStream, connection: usize, act: Arc<impl Fn(usize) -> Act>, log: Arc<Mutex<Vec<Asked>>>) {
    while let Some(asked) = read_request(&mut stream, connection).await {
        let number = {
            let mut log = log.lock();
            log.push(asked);
            log.len() - 1
        };
        match act(number) {
            Act::Say(bytes) => stream.write_all(&bytes).await.expect("sent"),
            Act::SayAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Act::Hang => {}
        }
    }
}

async fn read_request(stream: &mut TcpStream, connection: usize) -> Option<Asked> {
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
