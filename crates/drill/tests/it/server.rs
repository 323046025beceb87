//! The endpoint behind the drill, and clients before it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axoneme_drill::{Drill, DrillConfig, Schedule};
use jsonrpsee::RpcModule;
use jsonrpsee::core::client::Error;
use jsonrpsee::server::{Server, ServerHandle};
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What a client waits for an answer where none is expected.
pub const SHORT: Duration = Duration::from_millis(600);

pub const VERSION: u32 = 393;

/// A small chain endpoint: `echo`, the runtime's version in both forms, and its subscription.
pub struct Endpoint {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    /// Tells subscribers of the version.
    pub say: broadcast::Sender<u32>,
}

pub async fn endpoint() -> Endpoint {
    let (say, _) = broadcast::channel(8);
    let server = Server::builder().build("127.0.0.1:0").await.expect("a server");
    let address = server.local_addr().expect("bound");
    let mut module = RpcModule::new(say.clone());
    module
        .register_method("echo", |params, _, _| params.one::<Value>().unwrap_or_default())
        .expect("registered");
    module
        .register_method("state_getRuntimeVersion", |_, _, _| version(VERSION))
        .expect("registered");
    module
        .register_method("state_call", |params, _, _| {
            let name: String = params.sequence().next().unwrap_or_default();
            // Names "node" and "node", authoring version 1, the spec version, transaction version 1.
            let scale = format!(
                "0x106e6f6465106e6f646501000000{}01000000",
                hex::encode(VERSION.to_le_bytes())
            );
            if name == "Core_version" {
                json!(scale)
            } else {
                json!("0x")
            }
        })
        .expect("registered");
    module
        .register_subscription(
            "state_subscribeRuntimeVersion",
            "state_runtimeVersion",
            "unsubscribe",
            |_, pending, say, _| async move {
                let mut said = say.subscribe();
                let Ok(sink) = pending.accept().await else { return };
                let mut newest = VERSION;
                loop {
                    let message = serde_json::value::to_raw_value(&version(newest)).expect("json");
                    if sink.send(message).await.is_err() {
                        return;
                    }
                    newest = tokio::select! {
                        () = sink.closed() => return,
                        heard = said.recv() => heard.unwrap_or(newest),
                    };
                }
            },
        )
        .expect("registered");
    Endpoint {
        address,
        handle: server.start(module),
        say,
    }
}

fn version(version: u32) -> Value {
    json!({ "specName": "node", "specVersion": version, "transactionVersion": 1 })
}

/// A drill before an endpoint of its own.
pub async fn drill() -> (Drill, Endpoint) {
    drill_with(Schedule::default()).await
}

pub async fn drill_with(schedule: Schedule) -> (Drill, Endpoint) {
    let endpoint = endpoint().await;
    let mut config = DrillConfig::before(&format!("ws://{}", endpoint.address)).expect("valid");
    config.schedule = schedule;
    (Drill::start(config).await.expect("a free port"), endpoint)
}

/// A connection through the drill.
pub async fn connect(drill: &Drill) -> Result<WsClient, Error> {
    let client = WsClientBuilder::default()
        .connection_timeout(SHORT)
        .request_timeout(SHORT);
    within(client.build(drill.url())).await
}

pub async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}

/// Waits until `condition` holds.
pub async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
