//! One WebSocket connection, which remembers when it broke.

use futures::StreamExt;
use serde::de::{Deserialize, Deserializer, Visitor};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use subxt::backend::LegacyBackend;
use subxt::client::OnlineClientAtBlock;
use subxt::config::substrate::{BlakeTwo256, H256};
use subxt::config::{Hasher, RpcConfigFor, SubstrateConfig};
use subxt::ext::codec::Encode;
use subxt::ext::jsonrpsee::core::client::Error as TransportError;
use subxt::ext::jsonrpsee::ws_client::{PingConfig, WsClient, WsClientBuilder};
use subxt::rpcs::client::{RawRpcFuture, RawRpcSubscription, RpcClientT};
use subxt::rpcs::methods::LegacyRpcMethods;
use subxt::rpcs::{Error as RpcError, RpcClient, rpc_params};
use subxt::{OnlineClient, SubstrateConfig as Config};
use tokio::sync::Notify;

/// Largest answer taken from a node. Metadata are about 0.6 MiB; whole metagraphs stay below one.
const MAX_ANSWER: u32 = 32 * 1024 * 1024;

/// The methods that all nodes serve.
pub(crate) type Methods = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;
/// The chain as it was at one block.
pub(crate) type ClientAt = OnlineClientAtBlock<SubstrateConfig>;

/// Remembers the first transport error of a connection and wakes whoever has to replace it.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    flag: AtomicBool,
    wake: Notify,
}

impl Broken {
    pub(crate) fn set(&self) {
        if !self.flag.swap(true, Ordering::AcqRel) {
            self.wake.notify_waiters();
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    pub(crate) async fn wait(&self) {
        let woken = self.wake.notified();
        if !self.is_set() {
            woken.await;
        }
    }

    fn look_at<T>(&self, result: Result<T, RpcError>) -> Result<T, RpcError> {
        if let Err(RpcError::Client(cause)) = &result
            && is_transport(cause.as_ref())
        {
            self.set();
        }
        result
    }
}

/// Whether an error means that the connection is gone, rather than that one request failed.
fn is_transport(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    match cause.downcast_ref::<TransportError>() {
        Some(TransportError::Transport(_) | TransportError::RestartNeeded(_) | TransportError::ServiceDisconnect) => {
            true
        }
        Some(_) => false,
        None => false,
    }
}

/// The JSON-RPC client handed to subxt: passes everything on and watches for transport errors.
struct Wire {
    client: WsClient,
    broken: Arc<Broken>,
}

impl RpcClientT for Wire {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<serde_json::value::RawValue>>,
    ) -> RawRpcFuture<'a, Box<serde_json::value::RawValue>> {
        Box::pin(async move { self.broken.look_at(self.client.request_raw(method, params).await) })
    }

    fn subscribe_raw<'a>(
        &'a self,
        subscribe: &'a str,
        params: Option<Box<serde_json::value::RawValue>>,
        unsubscribe: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async move {
            let RawRpcSubscription { stream, id } = self
                .broken
                .look_at(self.client.subscribe_raw(subscribe, params, unsubscribe).await)?;
            let broken = Arc::clone(&self.broken);
            let stream = stream.map(move |item| broken.look_at(item));
            Ok(RawRpcSubscription {
                stream: Box::pin(stream),
                id,
            })
        })
    }
}

/// A working connection to one endpoint.
pub(crate) struct Live {
    pub(crate) endpoint: String,
    pub(crate) client: OnlineClient<Config>,
    pub(crate) methods: Methods,
    pub(crate) raw: RpcClient,
    pub(crate) genesis: H256,
    pub(crate) broken: Arc<Broken>,
    /// The last block that was looked at: what it lends is its metadata.
    recent: parking_lot::Mutex<ClientAt>,
}

impl Live {
    /// Connects, checks that a chain answers, and loads its metadata.
    pub(crate) async fn open(endpoint: &str, request_timeout: Duration) -> Result<Live, String> {
        let client = WsClientBuilder::default()
            // Our own deadlines are shorter; this one only cleans up what they have given up on.
            .request_timeout(request_timeout.saturating_mul(3))
            .connection_timeout(request_timeout)
            .max_response_size(MAX_ANSWER)
            .max_concurrent_requests(1024)
            .max_buffer_capacity_per_subscription(1024)
            .enable_ws_ping(
                PingConfig::new()
                    .ping_interval(Duration::from_secs(15))
                    .inactive_limit(Duration::from_secs(45)),
            )
            .build(endpoint)
            .await
            .map_err(|error| innermost(&error))?;
        let broken = Arc::new(Broken::default());
        let raw = RpcClient::new(Wire {
            client,
            broken: Arc::clone(&broken),
        });
        // The oldest interface is the one that every node serves in the same way, public and local ones alike.
        let backend = LegacyBackend::<SubstrateConfig>::builder().build(raw.clone());
        // A fresh configuration has no metadata cached, so a restarted chain is looked at with new eyes.
        let client = OnlineClient::from_backend_with_config(SubstrateConfig::new(), Arc::new(backend))
            .await
            .map_err(|error| error.to_string())?;
        let methods = Methods::new(raw.clone());
        let (number, hash) = head(&methods).await.map_err(|error| error.to_string())?;
        let first = client.at_block_hash_and_number(hash, number).await;
        Ok(Live {
            endpoint: endpoint.to_owned(),
            genesis: client.genesis_hash(),
            methods,
            client,
            raw,
            broken,
            recent: parking_lot::Mutex::new(first.map_err(|error| error.to_string())?),
        })
    }

    /// Number and hash of the best block.
    pub(crate) async fn head(&self) -> Result<(u64, H256), RpcError> {
        head(&self.methods).await
    }

    /// The chain at its best block.
    pub(crate) async fn at_head(&self) -> Result<ClientAt, String> {
        let (number, hash) = self.head().await.map_err(|error| error.to_string())?;
        let client = self
            .client
            .at_block_hash_and_number(hash, number)
            .await
            .map_err(|error| error.to_string())?;
        *self.recent.lock() = client.clone();
        Ok(client)
    }

    /// Calls an interface of the runtime at the best block that the node has when it answers.
    ///
    /// The same as the method of this name in [`Methods`], for answers of any size.
    pub(crate) async fn state_call(&self, function: &str, input: &[u8]) -> Result<Vec<u8>, RpcError> {
        let params = rpc_params![function, const_hex::encode_prefixed(input)];
        let answer: HexBytes = self.raw.request("state_call", params).await?;
        Ok(answer.0)
    }

    /// The chain at the block that was looked at last, without asking anybody.
    pub(crate) fn recent(&self) -> ClientAt {
        self.recent.lock().clone()
    }
}

/// Bytes as nodes write them, decoded where they lie in the answer.
struct HexBytes(Vec<u8>);

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = HexBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in hex")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HexBytes, E> {
                const_hex::decode(text).map(HexBytes).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

async fn head(methods: &Methods) -> Result<(u64, H256), RpcError> {
    let header = methods.chain_get_header(None).await?;
    let header = header.ok_or_else(|| RpcError::Client("the node has no head block".into()))?;
    Ok((header.number, BlakeTwo256.hash(&header.encode())))
}

/// The last cause in a chain of errors: "connection refused" rather than five layers around it.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
