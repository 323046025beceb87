//! What the load is aimed at when no target is named: echoing axons, in a process of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{Axon, AxonHandle, Caller, CallerPolicy, CancellationToken, Forward, HandlerError, Limits, Verdict};
use axoneme_protocol::Prompting;
use axoneme_wallet::{AccountId, Keypair};
use serde::{Deserialize, Serialize};

use crate::args::{LimitSet, ServeArgs, ServeKind};
use crate::bare::Bare;
use crate::error::BenchError;

/// The handler of all measured axons: the answer is the last message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

#[async_trait]
impl Forward<Prompting> for Echo {
    async fn forward(
        &self,
        _caller: Caller,
        mut synapse: Prompting,
        _cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        synapse.completion = synapse.messages.last().cloned().unwrap_or_default();
        Ok(synapse)
    }
}

/// Serves the callers of a list; everybody if it is empty.
#[derive(Debug, Clone, Default)]
pub struct Permitted(pub Vec<AccountId>);

impl CallerPolicy for Permitted {
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        if self.0.is_empty() || self.0.contains(caller) {
            Verdict::Allow
        } else {
            Verdict::Refuse("not on the list".into())
        }
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        1.0
    }

    fn preferred(&self, caller: &AccountId) -> bool {
        self.0.contains(caller)
    }
}

/// What the serving process prints when it is ready, one line of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ready {
    /// Its id.
    pub pid: u32,
    /// The axons it serves.
    pub axons: Vec<Served>,
}

/// One axon of the serving process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whom its requests are signed for.
    pub hotkey: AccountId,
}

/// The limits of a measured axon.
pub fn limits(set: LimitSet) -> Limits {
    let defaults = Limits::default();
    match set {
        LimitSet::Default => defaults,
        // One key on one address asks as fast as it can: all that counts per caller has to go, and the nonces of a
        // minute at full speed have to fit.
        LimitSet::Open => Limits {
            per_ip: None,
            per_hotkey: None,
            stranger_checks: None,
            max_connections: 8192,
            max_connections_per_ip: 8192,
            max_concurrent: 1024,
            queue_len: 8192,
            nonce_capacity: 4 << 20,
            ..defaults
        },
    }
}

/// Something that serves until it is shut down.
#[derive(Debug)]
pub enum Server {
    /// A whole axon.
    Axon(AxonHandle),
    /// HTTP and nothing else.
    Bare(Bare),
}

impl Server {
    /// Starts what the arguments name; the key of axon `index` is derived from the index.
    pub async fn start(args: &ServeArgs, index: usize) -> Result<(Self, Served), BenchError> {
        let key = key(&args.uri, index)?;
        let hotkey = key.account_id();
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, if index == 0 { args.port } else { 0 }));
        let (server, address) = match args.kind {
            ServeKind::Bare => {
                let bare = Bare::start(bind).await?;
                let address = bare.local_addr();
                (Self::Bare(bare), address)
            }
            ServeKind::Axon => {
                let axon = Axon::builder(Arc::new(key))
                    .bind(bind)
                    .limits(limits(args.limits))
                    .policy(Arc::new(Permitted(args.permit.clone())))
                    .route::<Prompting>(Arc::new(Echo))
                    .start()
                    .await?;
                let address = axon.local_addr();
                (Self::Axon(axon), address)
            }
        };
        Ok((server, Served { address, hotkey }))
    }

    /// Ends it.
    pub async fn shutdown(self) {
        match self {
            Self::Axon(axon) => axon.shutdown(Duration::from_millis(200)).await,
            Self::Bare(bare) => bare.shutdown(),
        }
    }
}

/// The key of one of several axons.
fn key(uri: &str, index: usize) -> Result<Keypair, BenchError> {
    let uri = if index == 0 {
        uri.to_owned()
    } else {
        format!("{uri}//{index}")
    };
    Ok(Keypair::from_uri(&uri)?)
}

/// `bench serve`: serves until the end of standard input, which comes when the process that started it is gone.
pub async fn serve(args: &ServeArgs) -> Result<(), BenchError> {
    let mut servers = Vec::new();
    let mut axons = Vec::new();
    for index in 0..args.count {
        let (server, served) = Server::start(args, index).await?;
        servers.push(server);
        axons.push(served);
    }
    let ready = Ready {
        pid: std::process::id(),
        axons,
    };
    println!(
        "{}",
        serde_json::to_string(&ready).map_err(|error| BenchError::Build(error.to_string()))?
    );
    let (ended, end) = tokio::sync::oneshot::channel();
    // A thread and not a task of the runtime: nothing can stop it, and the runtime would wait for it.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    tokio::select! {
        _ = end => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    for server in servers {
        server.shutdown().await;
    }
    Ok(())
}
