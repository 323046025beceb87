//! A runtime from a file in place of the one compiled in: plain FRAME runtimes, see `tests/plain-runtime`.

mod blocks;
mod genesis;
mod refused;
mod upgrade;

use std::path::{Path, PathBuf};

use jsonrpsee::{
    core::{client::ClientT, params::ArrayParams},
    ws_client::{WsClient, WsClientBuilder},
};
use localnet::{Localnet, LocalnetConfig, LocalnetError, RuntimeFiles, Sealing, WasmRuntime};
use serde_json::Value;
use subxt::dynamic;
use subxt_signer::sr25519::Keypair;

use crate::common::{self, Client, TestResult, within};

/// What Alice has in the runtimes' preset for development.
const ALICE_HAS: u128 = 1_000_000_000_000_000;
/// The slots of the runtime with Aura, milliseconds.
const SLOT_MS: u64 = 6_000;

/// The runtime with accounts, fees, time and a sudo key.
fn plain() -> PathBuf {
    fixture("plain.wasm")
}

/// Its next version, with Aura.
fn aura() -> PathBuf {
    fixture("aura.wasm")
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/plain-runtime")
        .join(name)
}

fn files(code: &Path) -> RuntimeFiles {
    RuntimeFiles {
        code: code.to_owned(),
        ..Default::default()
    }
}

/// A chain on `code` that makes blocks only when told.
fn manual(files: &RuntimeFiles) -> Result<LocalnetConfig, LocalnetError> {
    Ok(LocalnetConfig {
        sealing: Sealing::Manual,
        runtime: Some(WasmRuntime::read(files)?),
        ..common::config()
    })
}

/// What is said of a runtime that no chain starts on.
async fn refusal(files: &RuntimeFiles) -> TestResult<String> {
    let error = match manual(files) {
        Ok(config) => match Localnet::start(config).await {
            Ok(_) => return Err(format!("{files:?} was taken").into()),
            Err(error) => error,
        },
        Err(error) => error,
    };
    assert_eq!(error.exit_code(), localnet::exit_code::USAGE, "{error}");
    Ok(error.to_string())
}

async fn connect(chain: &Localnet) -> TestResult<WsClient> {
    within(WsClientBuilder::default().build(chain.ws_url())).await
}

async fn call(client: &WsClient, method: &str, params: Value) -> TestResult<Value> {
    let mut builder = ArrayParams::new();
    for param in params.as_array().ok_or("an array")? {
        builder.insert(param)?;
    }
    within(client.request(method, builder)).await
}

/// Nonce and free balance, which has 128 bits here.
async fn account(chain: &Localnet, who: &Keypair) -> TestResult<(u32, u128)> {
    type Info = (u32, u32, u32, u32, (u128, u128, u128, u128));
    let client = within(Client::from_url(chain.ws_url())).await?;
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<([u8; 32],), Info>("System", "Account");
    let found = within(at.storage().try_fetch(address, (who.public_key().0,))).await?;
    let info = found.map(|found| found.decode()).transpose()?;
    Ok(info.map_or((0, 0), |info| (info.0, info.4.0)))
}

/// The time of the newest block, milliseconds since 1970.
async fn time(chain: &Localnet) -> TestResult<u64> {
    let client = within(Client::from_url(chain.ws_url())).await?;
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<(), u64>("Timestamp", "Now");
    Ok(within(at.storage().fetch(address, ())).await?.decode()?)
}

fn transfer(to: &Keypair, amount: u128) -> impl subxt::transactions::Payload {
    dynamic::transaction(
        "Balances",
        "transfer_keep_alive",
        (to.public_key().to_address::<()>(), amount),
    )
}
