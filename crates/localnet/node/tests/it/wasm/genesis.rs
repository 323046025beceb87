//! Presets, patches and chain specs.

use localnet::{Localnet, RuntimeFiles};
use serde_json::{Map, Value, json};
use subxt_signer::sr25519::dev;

use super::{ALICE_HAS, account, call, connect, files, manual, plain, refusal};
use crate::common::TestResult;

/// A folder with `genesis` in it, and the files that name it.
fn with_genesis(genesis: &Value) -> TestResult<(tempfile::TempDir, RuntimeFiles)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("genesis.json");
    std::fs::write(&path, genesis.to_string())?;
    let files = RuntimeFiles {
        genesis: Some(path),
        ..files(&plain())
    };
    Ok((folder, files))
}

#[tokio::test]
async fn a_preset_is_taken_by_name_and_an_unknown_one_names_those_there_are() -> TestResult {
    for (preset, has) in [
        (None, ALICE_HAS),
        (Some("development"), ALICE_HAS),
        (Some("default"), 0),
    ] {
        let files = RuntimeFiles {
            preset: preset.map(str::to_owned),
            ..files(&plain())
        };
        let chain = Localnet::start(manual(&files)?).await?;
        assert_eq!(account(&chain, &dev::alice()).await?.1, has, "{preset:?}");
        chain.shutdown().await;
    }
    let unknown = RuntimeFiles {
        preset: Some("staging".to_owned()),
        ..files(&plain())
    };
    let text = refusal(&unknown).await?;
    assert!(text.contains("\"staging\"; it has development, default"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_patch_changes_the_preset_with_amounts_of_128_bits() -> TestResult {
    let rich = u128::MAX / 2;
    let bob = dev::bob().public_key().to_account_id().to_string();
    let patch = format!(r#"{{"balances": {{"balances": [["{bob}", {rich}]]}}}}"#);
    let (_folder, files) = with_genesis(&serde_json::from_str(&patch)?)?;
    let chain = Localnet::start(manual(&files)?).await?;
    assert_eq!(account(&chain, &dev::bob()).await?.1, rich);
    assert_eq!(account(&chain, &dev::alice()).await?.1, 0, "lists are replaced");
    chain.shutdown().await;

    let (_folder, files) = with_genesis(&json!({ "balances": { "balance": [] } }))?;
    let text = refusal(&files).await?;
    assert!(text.contains("refuses") && text.contains("balance"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_raw_chain_spec_gives_the_same_chain_under_its_own_name() -> TestResult {
    let chain = Localnet::start(manual(&files(&plain()))?).await?;
    let client = connect(&chain).await?;
    let genesis = chain.genesis_hash();
    let pairs = call(&client, "state_getPairs", json!(["0x", genesis])).await?;
    chain.shutdown().await;
    let pairs: Vec<(String, String)> = serde_json::from_value(pairs)?;
    let top: Map<String, Value> = pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
    let spec = json!({
        "name": "Mine",
        "id": "mine",
        "properties": { "tokenDecimals": 12, "tokenSymbol": "UNIT" },
        "genesis": { "raw": { "top": top, "childrenDefault": {} } },
    });
    let (_folder, files) = with_genesis(&spec)?;
    let chain = Localnet::start(manual(&files)?).await?;
    assert_eq!(chain.genesis_hash(), genesis);
    let client = connect(&chain).await?;
    assert_eq!(call(&client, "system_chain", json!([])).await?, "Mine");
    let properties = call(&client, "system_properties", json!([])).await?;
    assert_eq!(properties["tokenSymbol"], "UNIT");
    chain.new_block().await?;
    chain.shutdown().await;

    let preset = RuntimeFiles {
        preset: Some("development".to_owned()),
        ..files
    };
    assert!(refusal(&preset).await?.contains("--runtime-preset"));
    Ok(())
}
