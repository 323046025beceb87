//! What is signed, against vectors that two other implementations agree on, and against a transaction of the main chain.

use super::runtime::{hex, unhex};
use crate::call::Submittable;
use crate::submit::params;
use crate::{AxonEndpoint, Call};
use axoneme_wallet::AccountId;
use localnet::{Localnet, LocalnetConfig};
use serde_json::Value as Json;
use subxt::config::substrate::{H256, MultiSignature, SpecVersionForRange, SubstrateExtrinsicParamsBuilder};
use subxt::config::{ParamsFor, SubstrateConfig};
use subxt::dynamic::Value;
use subxt::utils::AccountId32;
use subxt::{ArcMetadata, OfflineClient, OnlineClient};

fn vectors() -> Json {
    serde_json::from_str(include_str!("../../tests/vectors/extrinsics.json")).expect("valid JSON")
}

fn number(value: &Json) -> u64 {
    value.as_u64().expect("a number")
}

fn hash(value: &Json) -> H256 {
    H256::from_slice(&unhex(value.as_str().expect("hex")))
}

fn account(value: &Json) -> AccountId {
    value.as_str().expect("an address").parse().expect("an address")
}

/// The development chain's metadata: the same calls and transaction extensions as the main chain's.
async fn metadata() -> ArcMetadata {
    let config = LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        ..LocalnetConfig::default()
    };
    let net = Localnet::start(config).await.expect("a development chain");
    let client = OnlineClient::<SubstrateConfig>::from_insecure_url(net.ws_url())
        .await
        .expect("a connection");
    let metadata = client.at_current_block().await.expect("the head").metadata();
    net.shutdown().await;
    metadata
}

/// A client of the main chain at a spec version, which knows it from the vectors alone.
fn offline(metadata: &ArcMetadata, vectors: &Json, spec_version: u64) -> OfflineClient<SubstrateConfig> {
    let spec_version = spec_version as u32;
    let always = SpecVersionForRange {
        block_range: 0..u64::MAX,
        spec_version,
        transaction_version: 1,
    };
    let config = SubstrateConfig::builder()
        .set_genesis_hash(hash(&vectors["genesis_hash"]))
        .set_metadata_for_spec_versions([(spec_version, metadata.clone())])
        .set_spec_version_for_block_ranges([always])
        .build();
    OfflineClient::new_with_config(config)
}

fn call(case: &Json) -> Call {
    let args = &case["args"];
    let netuid = || number(&args["netuid"]) as u16;
    let plain = |name: &str| Value::u128(u128::from(number(&args[name])));
    let bytes = |name: &str| Value::from_bytes(unhex(args[name].as_str().expect("hex")));
    let list = |name: &str| {
        let items = args[name].as_array().expect("a list").iter();
        Value::unnamed_composite(items.map(|item| Value::u128(u128::from(number(item)))))
    };
    // The forms without mechanisms, which are not what is signed here by default.
    let named = |fields: &[(&str, Value)]| {
        Call::named(
            "SubtensorModule",
            case["call"].as_str().expect("a name"),
            fields.iter().cloned(),
        )
    };
    match case["call"].as_str().expect("a name") {
        "set_weights" => named(&[
            ("netuid", plain("netuid")),
            ("dests", list("dests")),
            ("weights", list("weights")),
            ("version_key", plain("version_key")),
        ]),
        "serve_axon" => Call::serve_axon(
            netuid(),
            &AxonEndpoint::new(
                std::net::Ipv4Addr::from(number(&args["ip"]) as u32).into(),
                number(&args["port"]) as u16,
                number(&args["version"]) as u32,
            ),
        ),
        "burned_register" => Call::burned_register(netuid(), &account(&args["hotkey"])),
        "commit_timelocked_weights" => named(&[
            ("netuid", plain("netuid")),
            ("commit", bytes("commit")),
            ("reveal_round", plain("reveal_round")),
            ("commit_reveal_version", plain("commit_reveal_version")),
        ]),
        "commit_weights" => named(&[("netuid", plain("netuid")), ("commit_hash", bytes("commit_hash"))]),
        "add_stake" => Call::add_stake(
            netuid(),
            &account(&args["hotkey"]),
            number(&args["amount_staked"]),
            None,
        ),
        "transfer_keep_alive" => Call::transfer(&account(&args["dest"]), number(&args["value"])),
        other => panic!("a call that is not known here: {other}"),
    }
}

fn params_of(case: &Json) -> ParamsFor<SubstrateConfig> {
    let nonce = number(&case["nonce"]);
    let (tip, period) = (number(&case["tip"]), case["era_period"].as_u64());
    let at = || (number(&case["era_current_block"]), hash(&case["era_block_hash"]));
    match (tip, period) {
        // As everything is signed here.
        (0, Some(period)) => {
            let (block, hash) = at();
            params(nonce, period, block, hash)
        }
        (tip, Some(period)) => {
            let (block, hash) = at();
            let builder = SubstrateExtrinsicParamsBuilder::new().nonce(nonce).tip(tip.into());
            builder.mortal_from_unchecked(period, block, hash).build()
        }
        (_, None) => SubstrateExtrinsicParamsBuilder::new().nonce(nonce).immortal().build(),
    }
}

#[tokio::test]
async fn payloads_are_byte_for_byte_those_of_other_implementations() {
    let vectors = vectors();
    let metadata = metadata().await;
    let client = offline(&metadata, &vectors, number(&vectors["spec_version"]));
    let at = client.at_block(1_u64).expect("versions and metadata");
    let alice = AccountId32(account(&Json::from("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")).0);
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 21);
    for case in cases {
        let what = format!("{} {}", case["call"], case["label"]);
        let payload = call(case)
            .build(at.metadata_ref())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let signable = at.tx().create_signable_offline(&payload.0, params_of(case));
        let mut signable = signable.unwrap_or_else(|error| panic!("{what}: {error}"));
        let signed_bytes = signable.signer_payload().expect("a payload");
        assert_eq!(
            hex(&signed_bytes),
            case["signer_payload"].as_str().expect("hex"),
            "{what}"
        );
        let transaction = signable
            .sign_with_account_and_signature(&alice, &MultiSignature::Sr25519([0; 64]))
            .expect("a transaction");
        let expected = case["extrinsic_with_zero_signature"].as_str().expect("hex");
        assert_eq!(hex(transaction.encoded()), expected, "{what}");
    }
}

#[tokio::test]
async fn a_transaction_of_the_main_chain_is_built_again_to_the_byte() {
    let vectors = vectors();
    let metadata = metadata().await;
    let real = &vectors["real_mainnet"][0];
    let client = offline(&metadata, &vectors, number(&real["spec_version"]));
    let at = client.at_block(1_u64).expect("versions and metadata");
    let era = &real["era"];
    let transfer = Call::transfer_allow_death(&account(&real["dest"]), number(&real["rao"]));
    let keep_alive = Call::transfer(&account(&real["dest"]), number(&real["rao"]));
    let payload = hex(&unhex(real["signer_payload"].as_str().expect("hex")));
    // The second byte of its call says which kind of transfer it was.
    let transfer = if payload.starts_with("0503") {
        keep_alive
    } else {
        transfer
    };
    let built = transfer.build(at.metadata_ref()).expect("a call");
    let params = params(
        number(&real["nonce"]),
        number(&era["period"]),
        number(&era["checkpoint_block"]),
        hash(&era["checkpoint_hash"]),
    );
    let mut signable = at.tx().create_signable_offline(&built.0, params).expect("signable");
    assert_eq!(hex(&signable.signer_payload().expect("a payload")), payload);

    let bytes = unhex(real["extrinsic"].as_str().expect("hex"));
    // Two bytes of length, the version, the kind of address, 32 of the account, the kind of signature.
    let signature = bytes[37..101].try_into().expect("64 bytes");
    let signer = AccountId32(account(&real["signer"]).0);
    let transaction = signable.sign_with_account_and_signature(&signer, &MultiSignature::Ed25519(signature));
    let transaction = transaction.expect("a transaction");
    assert_eq!(hex(transaction.encoded()), hex(&bytes));
    assert_eq!(
        hex(&transaction.hash().0),
        real["extrinsic_hash"].as_str().expect("hex").trim_start_matches("0x")
    );
}
