//! `system_*`: who this node is.

use jsonrpsee::{RpcModule, core::RegisterMethodError};
use serde_json::{Value, json};

use super::Rpc;
use crate::about::About;

const NODE_NAME: &str = "Axoneme localnet";

pub(super) fn register(module: &mut RpcModule<Rpc>, about: &About) -> Result<(), RegisterMethodError> {
    for (method, answer) in [
        ("system_name", json!(NODE_NAME)),
        ("system_version", json!(env!("CARGO_PKG_VERSION"))),
        ("system_chain", json!(about.chain)),
        ("system_chainType", json!("Local")),
        ("system_properties", about.properties.clone()),
        (
            "system_health",
            json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false }),
        ),
        ("system_nodeRoles", json!(["Authority"])),
        ("system_peers", json!([])),
        ("system_localListenAddresses", json!([])),
    ] {
        module.register_method(method, move |_, _, _| answer.clone())?;
    }
    super::blocking(module, "system_syncState", |rpc, _| {
        let head = rpc.chain.store().head().number();
        Ok(json!({ "startingBlock": 0, "currentBlock": head, "highestBlock": head }))
    })?;
    // Without peers there is nobody to have an id for, but some tools insist on one.
    module.register_method("system_localPeerId", |_, _, _| Value::from("localnet"))?;
    Ok(())
}
