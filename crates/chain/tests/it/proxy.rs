//! A TCP relay that can fail the way networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the relay does with traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Passes it on.
    Open,
    /// Swallows it without closing anything, as a dead peer behind a firewall does.
    Frozen,
    /// Closes all connections and refuses new ones.
    Cut,
    /// Passes on what the client sends and closes at the first byte of the answer: the request arrived, and
    /// the client cannot know.
    CutAnswers,
}

/// A relay on a port of its own.
pub struct Proxy {
    address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub async fn before(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mode = Arc::new(watch::Sender::new(Mode::Open));
        let modes = Arc::clone(&mode);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let modes = modes.subscribe();
                tokio::spawn(relay(client, target, modes));
            }
        });
        Proxy { address, mode, task }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: TcpStream, target: SocketAddr, modes: watch::Receiver<Mode>) {
    if *modes.borrow() == Mode::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    // Whichever side ends takes the other with it.
    tokio::select! {
        () = copy(client_read, server_write, modes.clone(), false) => {}
        () = copy(server_read, client_write, modes, true) => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut modes: watch::Receiver<Mode>, answers: bool) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = tokio::select! {
            count = from.read(&mut buffer) => count.unwrap_or(0),
            _ = modes.wait_for(|mode| *mode == Mode::Cut) => 0,
        };
        if count == 0 {
            return;
        }
        let mode = *modes.borrow();
        match mode {
            Mode::Frozen => {}
            Mode::CutAnswers if answers => return,
            _ => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
