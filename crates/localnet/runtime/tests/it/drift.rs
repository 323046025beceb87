//! Compares the shape of every call, storage item, constant and runtime API that exists both here and on the main chain.
//!
//! A hash covers names, types, hashers and, for storage, the default. Where this runtime differs on purpose the item is
//! listed with the reason; anything else that differs is a mistake, and so is a listed item that has become equal.

use node_subtensor_runtime::{genesis::DevGenesis, Runtime};
use serde_json::Value;
use subxt_metadata::Metadata;

/// Contains the enum of all calls.
const CALLS: &str = "contains the enum of all calls";
/// Contains the enum of all events.
const EVENTS: &str = "contains the enum of all events";
/// Contains the enum of all reasons to hold a balance.
const REASONS: &str = "contains the enum of all hold reasons";
/// FRAME has changed since.
const NEWER_FRAME: &str = "this FRAME is newer";
/// FRAME knows one more kind of key since.
const SIGNERS: &str = "this FRAME has one more kind of signer";
/// Spec 425 widened a field.
const ACTIVITY_CUTOFF: &str = "activity_cutoff has 64 bits since spec 425; its compact bytes are the same";

/// Items that differ from spec 393, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("storage System.Events", EVENTS),
    ("constants System.BlockLength", NEWER_FRAME),
    ("storage Balances.Holds", REASONS),
    ("calls Utility.batch", CALLS),
    ("calls Utility.as_derivative", CALLS),
    ("calls Utility.batch_all", CALLS),
    ("calls Utility.dispatch_as", CALLS),
    ("calls Utility.force_batch", CALLS),
    ("calls Utility.with_weight", CALLS),
    ("calls Utility.if_else", CALLS),
    ("calls Utility.dispatch_as_fallible", CALLS),
    ("calls Sudo.sudo", CALLS),
    ("calls Sudo.sudo_unchecked_weight", CALLS),
    ("calls Sudo.sudo_as", CALLS),
    ("calls Drand.write_pulse", SIGNERS),
    ("calls Drand.set_beacon_config", SIGNERS),
    ("calls Proxy.proxy", CALLS),
    ("calls Proxy.proxy_announced", CALLS),
    ("runtime_apis Core.execute_block", CALLS),
    ("runtime_apis BlockBuilder.apply_extrinsic", CALLS),
    ("runtime_apis BlockBuilder.inherent_extrinsics", CALLS),
    ("runtime_apis BlockBuilder.check_inherents", CALLS),
    ("runtime_apis TaggedTransactionQueue.validate_transaction", CALLS),
    ("runtime_apis ShieldApi.try_decode_shielded_tx", CALLS),
    ("runtime_apis ShieldApi.try_unshield_tx", CALLS),
    ("runtime_apis TransactionPaymentApi.query_info", CALLS),
    ("runtime_apis TransactionPaymentApi.query_fee_details", CALLS),
    (
        "runtime_apis SubnetInfoRuntimeApi.get_subnet_hyperparams",
        ACTIVITY_CUTOFF,
    ),
    (
        "runtime_apis SubnetInfoRuntimeApi.get_subnet_hyperparams_v2",
        ACTIVITY_CUTOFF,
    ),
    ("runtime_apis SubnetInfoRuntimeApi.get_all_metagraphs", ACTIVITY_CUTOFF),
    ("runtime_apis SubnetInfoRuntimeApi.get_metagraph", ACTIVITY_CUTOFF),
    ("runtime_apis SubnetInfoRuntimeApi.get_all_mechagraphs", ACTIVITY_CUTOFF),
    ("runtime_apis SubnetInfoRuntimeApi.get_mechagraph", ACTIVITY_CUTOFF),
    (
        "runtime_apis SubnetInfoRuntimeApi.get_selective_metagraph",
        ACTIVITY_CUTOFF,
    ),
    (
        "runtime_apis SubnetInfoRuntimeApi.get_selective_mechagraph",
        ACTIVITY_CUTOFF,
    ),
];

fn metadata() -> Metadata {
    let storage = DevGenesis::default().storage().expect("the genesis builds");
    let encoded = sp_io::TestExternalities::new(storage)
        .execute_with(|| Runtime::metadata_at_version(15).expect("version 15 is served"));
    Metadata::decode_from(&encoded).expect("subxt reads it")
}

#[test]
fn nothing_has_drifted_from_the_main_chain() {
    let recorded: Value =
        serde_json::from_str(include_str!("../vectors/metadata_hashes_393.json")).expect("valid JSON");
    let metadata = metadata();
    let (mut equal, mut wrong) = (0, vec![]);
    let mut compare = |kind: &str, name: String, hash: Option<[u8; 32]>, index: Option<(u8, u8)>| {
        let there = &recorded[kind][&name];
        let (Some(hash), Some(expected)) = (hash, there["hash"].as_str()) else {
            return;
        };
        let number = |field: &str| there[field].as_u64().and_then(|number| u8::try_from(number).ok());
        let indices_agree = index
            .is_none_or(|(pallet, call)| (number("pallet_index"), number("call_index")) == (Some(pallet), Some(call)));
        let is_equal = expected == format!("0x{}", hex::encode(hash)) && indices_agree;
        let listed = DIFFERENT.iter().any(|(item, _)| *item == format!("{kind} {name}"));
        equal += usize::from(is_equal);
        if is_equal == listed {
            wrong.push(format!(
                "{kind} {name}{}",
                if is_equal { " is equal but listed" } else { "" }
            ));
        }
    };
    for pallet in metadata.pallets() {
        let full = |item: &str| format!("{}.{item}", pallet.name());
        for call in pallet.call_variants().unwrap_or_default() {
            let index = Some((pallet.call_index(), call.index));
            compare("calls", full(&call.name), pallet.call_hash(&call.name), index);
        }
        for entry in pallet.storage().map(|storage| storage.entries()).unwrap_or_default() {
            compare("storage", full(entry.name()), pallet.storage_hash(entry.name()), None);
        }
        for constant in pallet.constants() {
            compare(
                "constants",
                full(constant.name()),
                pallet.constant_hash(constant.name()),
                None,
            );
        }
    }
    for api in metadata.runtime_api_traits() {
        for method in api.methods() {
            compare(
                "runtime_apis",
                format!("{}.{}", api.name(), method.name()),
                Some(method.hash()),
                None,
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{equal} items are equal; these are not as listed:\n{}",
        wrong.join("\n")
    );
}
