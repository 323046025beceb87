//! The JSON-RPC server: HTTP and WebSocket on one port, with the methods that Substrate clients have always used.
//!
//! Clients choose their way by the names in `rpc_methods`: those of the newer `archive_v1_` and `chainHead_v1_` families must
//! not appear, since a client that sees one expects all.

mod author;
mod chain;
mod dev;
mod errors;
mod fees;
mod params;
mod state;
mod system;

use std::{net::TcpListener, sync::Arc};

use jsonrpsee::{
    RpcModule,
    core::{RegisterMethodError, RpcResult},
    server::{RandomStringIdProvider, Server, ServerConfig, ServerHandle},
    types::Params,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{about::About, author::Author, chain::Chain, pool::Pool};

/// The longest request: a transaction of 5 MiB in hex, with room.
const MAX_REQUEST: u32 = 16 << 20;
/// The longest answer: the main chain's metadata is 0.7 MB, a map of a full subnet a few.
const MAX_ANSWER: u32 = 64 << 20;
const MAX_CONNECTIONS: u32 = 512;
const MAX_SUBSCRIPTIONS: u32 = 1_024;

/// What the methods work on.
#[derive(Clone)]
pub struct Rpc {
    pub(crate) chain: Arc<Chain>,
    pub(crate) pool: Arc<Mutex<Pool>>,
    pub(crate) author: Author,
    pub(crate) about: Arc<About>,
}

/// Serves `rpc` on `listener` until the handle is stopped.
pub fn serve(listener: TcpListener, rpc: Rpc) -> Result<ServerHandle, String> {
    let module = module(rpc).map_err(|error| error.to_string())?;
    let config = ServerConfig::builder()
        .max_request_body_size(MAX_REQUEST)
        .max_response_body_size(MAX_ANSWER)
        .max_connections(MAX_CONNECTIONS)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS)
        // Some clients take subscription ids for strings without looking.
        .set_id_provider(RandomStringIdProvider::new(16))
        .build();
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let server = Server::builder()
        .set_config(config)
        .build_from_tcp(listener)
        .map_err(|error| error.to_string())?;
    Ok(server.start(module))
}

fn module(rpc: Rpc) -> Result<RpcModule<Rpc>, RegisterMethodError> {
    let about = rpc.about.clone();
    let mut module = RpcModule::new(rpc);
    chain::register(&mut module)?;
    state::register(&mut module)?;
    author::register(&mut module)?;
    system::register(&mut module, &about)?;
    dev::register(&mut module)?;
    let mut methods: Vec<&str> = module.method_names().chain(["rpc_methods"]).collect();
    methods.sort_unstable();
    let methods = json!({ "methods": methods });
    module.register_method("rpc_methods", move |_, _, _| methods.clone())?;
    Ok(module)
}

/// Registers a method that reads states. It runs on a thread of its own: the runtime keeps its externalities there.
fn blocking(
    module: &mut RpcModule<Rpc>,
    name: &'static str,
    method: fn(&Rpc, Params<'_>) -> RpcResult<Value>,
) -> Result<(), RegisterMethodError> {
    module
        .register_blocking_method(name, move |params, rpc, _| method(&rpc, params))
        .map(drop)
}
