//! The `localnet` program: killed at any time, stopped by signal, started wrongly.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use jsonrpsee::{core::client::ClientT, rpc_params, ws_client::WsClientBuilder};
use localnet::{GENERATION, STATES_KEPT};
use serde_json::{Value, json};
use subxt::dynamic;
use subxt_signer::sr25519::{Keypair, dev};

use crate::common::{Client, TestResult, submit, within};

struct Program {
    child: Child,
    endpoint: String,
}

impl Program {
    fn start(data_dir: &Path) -> TestResult<Self> {
        Self::start_with(data_dir, &["--block-time", "50ms"])
    }

    fn start_with(data_dir: &Path, flags: &[&str]) -> TestResult<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_localnet"))
            .args(flags)
            .args(["--port", "0", "--log", "warn", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let endpoint = lines
            .find_map(|line| Some(line.ok()?.strip_prefix("endpoint")?.trim().to_owned()))
            .ok_or("the program did not start")?;
        Ok(Self { child, endpoint })
    }

    async fn nonce(&self, client: &Client) -> TestResult<u32> {
        let at = within(client.at_current_block()).await?;
        let call =
            dynamic::runtime_api_call::<_, u32>("AccountNonceApi", "account_nonce", (dev::alice().public_key().0,));
        within(at.runtime_apis().call(call)).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Only a test that failed leaves one running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(args: &[&str]) -> TestResult<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_localnet")).args(args).output()?)
}

#[tokio::test]
async fn kill_minus_nine_loses_nothing_that_was_finalized() -> TestResult {
    let dir = tempfile::tempdir()?;
    let mut genesis = None;
    for round in 0..4u32 {
        let mut program = Program::start(dir.path())?;
        let client = within(Client::from_url(&program.endpoint)).await?;
        assert_eq!(*genesis.get_or_insert(client.genesis_hash()), client.genesis_hash());
        assert_eq!(
            program.nonce(&client).await?,
            round,
            "the transfers of the rounds before are kept"
        );
        let call = dynamic::transaction(
            "Balances",
            "transfer_keep_alive",
            (dev::bob().public_key().to_address::<()>(), 1_000_000_000u64),
        );
        let progress = submit(&client, &call, &dev::alice()).await?;
        within(progress.wait_for_finalized_success()).await?;
        // SIGKILL, at a different moment of the block each time.
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 13)).await;
        program.child.kill()?;
        program.child.wait()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_signal_ends_the_program_in_good_order() -> TestResult {
    let dir = tempfile::tempdir()?;
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(dir.path())?;
        let _client = within(Client::from_url(&program.endpoint)).await?;
        let pid = program.child.id();
        let started = Instant::now();
        assert!(
            Command::new("sh")
                .args(["-c", &format!("kill -{signal} {pid}")])
                .status()?
                .success()
        );
        let status = program.child.wait()?;
        assert_eq!(status.code(), Some(0), "SIG{signal}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    Ok(())
}

#[test]
fn exit_codes_and_messages_say_what_to_do() -> TestResult {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let output = run(&["--port", &port])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(8), "{text}");
    assert!(text.contains("--port") && text.contains(&port), "{text}");

    let genesis = tempfile::NamedTempFile::new()?;
    std::fs::write(genesis.path(), "[[subnet]]\nnetuid = 1\nonwer = '//a'\n")?;
    let path = genesis.path().to_string_lossy().into_owned();
    let output = run(&["--port", "0", "--genesis", &path])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains(&path) && text.contains("line 3") && text.contains("onwer"),
        "{text}"
    );

    let output = run(&["--block-time", "soon"])?;
    assert_eq!(output.status.code(), Some(2));

    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().to_string_lossy().into_owned();
    let output = run(&["--port", "0", "--data-dir", &path])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains(&path), "{text}");
    Ok(())
}

#[cfg(not(feature = "wasm"))]
#[test]
fn a_runtime_from_a_file_needs_a_build_with_the_feature() -> TestResult {
    let output = run(&["--port", "0", "--runtime", "code.wasm"])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--features wasm"), "{text}");
    Ok(())
}

#[cfg(feature = "wasm")]
#[tokio::test]
async fn a_runtime_from_a_file_outlives_a_kill_too() -> TestResult {
    let output = run(&["--port", "0", "--runtime", "/nowhere/code.wasm"])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--runtime /nowhere/code.wasm cannot be read"), "{text}");

    let code = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plain-runtime/plain.wasm");
    let flags = ["--runtime", code, "--sealing", "manual"];
    let dir = tempfile::tempdir()?;
    let mut program = Program::start_with(dir.path(), &flags)?;
    let client = within(WsClientBuilder::default().build(&program.endpoint)).await?;
    let head: Value = within(client.request("dev_newBlock", rpc_params![json!({ "count": 20 })])).await?;
    program.child.kill()?;
    program.child.wait()?;
    let program = Program::start_with(dir.path(), &flags)?;
    let client = within(WsClientBuilder::default().build(&program.endpoint)).await?;
    let found: Value = within(client.request("chain_getHead", rpc_params![])).await?;
    assert_eq!(found, head);
    drop(program);
    Ok(())
}

#[tokio::test]
async fn a_data_dir_of_another_chain_is_refused() -> TestResult {
    let dir = tempfile::tempdir()?;
    let mut program = Program::start(dir.path())?;
    program.child.kill()?;
    program.child.wait()?;
    let path = dir.path().to_string_lossy().into_owned();
    let output = run(&["--port", "0", "--block-time", "1s", "--data-dir", &path])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("--block-time 50ms") && text.contains("delete"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_kill_after_a_new_generation_keeps_the_window_of_states() -> TestResult {
    let dir = tempfile::tempdir()?;
    let blocks = GENERATION + 50;
    let mut program = Program::start_with(dir.path(), &["--sealing", "manual"])?;
    let client = within(WsClientBuilder::default().build(&program.endpoint)).await?;
    let call = json!({ "count": blocks });
    let head: Value = within(client.request("dev_newBlock", rpc_params![call])).await?;
    program.child.kill()?;
    program.child.wait()?;
    assert!(dir.path().join(format!("state-{GENERATION:010}.snap")).exists());

    let program = Program::start_with(dir.path(), &["--sealing", "manual"])?;
    let client = within(WsClientBuilder::default().build(&program.endpoint)).await?;
    let found: Value = within(client.request("chain_getHead", rpc_params![])).await?;
    assert_eq!(found, head);
    // System.Number in the oldest state of the window, which is older than the snapshot.
    let oldest = blocks - STATES_KEPT + 1;
    let hash: Value = within(client.request("chain_getBlockHash", rpc_params![oldest])).await?;
    let key = "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac";
    let number: String = within(client.request("state_getStorage", rpc_params![key, hash])).await?;
    assert_eq!(number, format!("0x{}", hex::encode(oldest.to_le_bytes())));
    let before: Value = within(client.request("chain_getBlockHash", rpc_params![oldest - 1])).await?;
    let gone: Result<Value, _> = client.request("state_getStorage", rpc_params![key, before]).await;
    assert!(gone.is_err_and(|error| error.to_string().contains("State already discarded")));
    Ok(())
}

#[tokio::test]
async fn a_restart_keeps_hash_nonce_and_weights_and_a_torn_last_record_costs_one_block() -> TestResult {
    let dir = tempfile::tempdir()?;
    let genesis = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/localnet.toml");
    let flags = ["--sealing", "manual", "--genesis", genesis];
    let mut program = Program::start_with(dir.path(), &flags)?;
    let client = within(WsClientBuilder::default().build(&program.endpoint)).await?;
    let subxt = within(Client::from_url(&program.endpoint)).await?;
    let validator = Keypair::from_uri(&"//validator//hotkey".parse()?)?;
    let genesis_hash = subxt.genesis_hash();
    // The first epoch gives the permit.
    within(client.request::<Value, _>("dev_newBlock", rpc_params![50])).await?;
    let row = dynamic::transaction(
        "SubtensorModule",
        "set_weights",
        (2u16, vec![2u16, 3], vec![1u16, 2], 0u64),
    );
    let progress = submit(&subxt, &row, &validator).await?;
    let kept: Value = within(client.request("dev_newBlock", rpc_params![])).await?;
    within(progress.wait_for_finalized_success()).await?;
    let weights = weights_of(&subxt, 1).await?;
    assert_eq!(weights.len(), 2, "{weights:?}");
    let last: Value = within(client.request("dev_newBlock", rpc_params![])).await?;
    assert_ne!(kept, last);
    program.child.kill()?;
    program.child.wait()?;
    let log = dir.path().join("blocks-0000000000.log");
    let length = std::fs::metadata(&log)?.len();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&log)?
        .set_len(length - 3)?;

    let program = Program::start_with(dir.path(), &flags)?;
    let client = within(WsClientBuilder::default().build(&program.endpoint)).await?;
    let subxt = within(Client::from_url(&program.endpoint)).await?;
    let head: Value = within(client.request("chain_getHead", rpc_params![])).await?;
    assert_eq!(head, kept, "only the torn block is gone");
    assert_eq!(subxt.genesis_hash(), genesis_hash);
    assert_eq!(weights_of(&subxt, 1).await?, weights);
    let nonce: u32 = within(client.request(
        "system_accountNextIndex",
        rpc_params![validator.public_key().to_account_id().to_string()],
    ))
    .await?;
    assert_eq!(nonce, 1);
    within(client.request::<Value, _>("dev_newBlock", rpc_params![])).await?;
    Ok(())
}

async fn weights_of(client: &Client, uid: u16) -> TestResult<Vec<(u16, u16)>> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<(u16, u16), Vec<(u16, u16)>>("SubtensorModule", "Weights");
    let row = within(at.storage().try_fetch(address, (2u16, uid))).await?;
    Ok(row.map(|row| row.decode()).transpose()?.unwrap_or_default())
}
