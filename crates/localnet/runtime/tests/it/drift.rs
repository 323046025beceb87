//! Compares the shape of every call, storage item, constant and runtime API that exists both here and on the main chain.
//!
//! A hash covers names, types, hashers and, for storage, the default. Where this runtime differs on purpose the item is
//! listed with the reason; anything else that differs is a mistake, and so is a listed item that has become equal.

use node_subtensor_runtime::{genesis::DevGenesis, Runtime};
use serde_json::Value;
use std::collections::BTreeMap;
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

/// Items of the pallets below that spec 393 does not have, and since when the main chain does.
const LATER: &[(&str, &str)] = &[
    ("calls SubtensorModule.register_limit", "425"),
    ("calls SubtensorModule.set_activity_cutoff_factor", "425"),
    ("calls SubtensorModule.set_tempo", "425"),
    ("calls SubtensorModule.trigger_epoch", "425"),
    (
        "constants SubtensorModule.NewSubnetTempo",
        "never: a setting of this runtime",
    ),
    ("constants SubtensorModule.MaxActivityCutoffFactorMilli", "425"),
    ("constants SubtensorModule.MaxTempo", "425"),
    ("constants SubtensorModule.MinActivityCutoffFactorMilli", "425"),
    ("constants SubtensorModule.MinTempo", "425"),
    ("storage SubtensorModule.ActivityCutoffFactorMilli", "425"),
    ("storage SubtensorModule.BurnHalfLife", "425"),
    ("storage SubtensorModule.BurnIncreaseMult", "425"),
    ("storage SubtensorModule.CollateralDrainRatio", "470"),
    ("storage SubtensorModule.CollateralLockShare", "470"),
    ("storage SubtensorModule.DecayingHotkeyLock", "425"),
    ("storage SubtensorModule.DecayingLock", "425"),
    ("storage SubtensorModule.DecayingOwnerLock", "425"),
    ("storage SubtensorModule.HotkeyLock", "425"),
    ("storage SubtensorModule.LastEpochBlock", "425"),
    ("storage SubtensorModule.Lock", "425"),
    ("storage SubtensorModule.MaturityRate", "425"),
    ("storage SubtensorModule.MaxEpochsPerBlock", "425"),
    ("storage SubtensorModule.OwnerLock", "425"),
    ("storage SubtensorModule.PendingEpochAt", "425"),
    ("storage SubtensorModule.SubnetEpochConsensus", "470"),
    ("storage SubtensorModule.SubnetEpochIndex", "425"),
    ("storage SubtensorModule.UnlockRate", "425"),
];

/// What this runtime claims to have just as the main chain has it, one item a line.
const MIRRORED: &str = include_str!("../vectors/mirrored.txt");

/// Our shape of an item that the main chain has or had: name, and whether hash and indices are the recorded ones.
fn shapes() -> BTreeMap<String, Option<bool>> {
    let recorded: Value =
        serde_json::from_str(include_str!("../vectors/metadata_hashes_393.json")).expect("valid JSON");
    let metadata = metadata();
    let mut shapes = BTreeMap::new();
    let mut compare = |kind: &str, name: String, hash: Option<[u8; 32]>, index: Option<(u8, u8)>| {
        let there = &recorded[kind][&name];
        let number = |field: &str| there[field].as_u64().and_then(|number| u8::try_from(number).ok());
        let indices_agree = index
            .is_none_or(|(pallet, call)| (number("pallet_index"), number("call_index")) == (Some(pallet), Some(call)));
        let expected = there["hash"].as_str();
        let is_equal = |hash: [u8; 32]| expected == Some(&format!("0x{}", hex::encode(hash))) && indices_agree;
        let shape = expected.and(hash).map(is_equal);
        shapes.insert(format!("{kind} {name}"), shape);
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
            let hash = pallet.constant_hash(constant.name());
            compare("constants", full(constant.name()), hash, None);
        }
    }
    for api in metadata.runtime_api_traits() {
        for method in api.methods() {
            let name = format!("{}.{}", api.name(), method.name());
            compare("runtime_apis", name, Some(method.hash()), None);
        }
    }
    shapes
}

#[test]
fn nothing_has_drifted_from_the_main_chain() {
    let is_listed = |name: &str| DIFFERENT.iter().any(|(item, _)| *item == name);
    let wrong: Vec<String> = shapes()
        .into_iter()
        .filter_map(|(name, equal)| match (equal?, is_listed(&name)) {
            (false, false) => Some(format!("{name} differs")),
            (true, true) => Some(format!("{name} is equal but listed")),
            _ => None,
        })
        .collect();
    assert!(wrong.is_empty(), "not as listed:\n{}", wrong.join("\n"));
}

#[test]
fn everything_that_is_claimed_to_be_the_main_chains_is() {
    let shapes = shapes();
    let claimed: Vec<&str> = MIRRORED.lines().filter(|line| !line.is_empty()).collect();
    let broken: Vec<&&str> = claimed
        .iter()
        .filter(|name| shapes.get(**name) != Some(&Some(true)))
        .collect();
    assert!(broken.is_empty(), "missing here or another shape: {broken:#?}");
    assert!(claimed.len() > 340, "the list has been cut short");
}

#[test]
fn what_spec_393_does_not_have_is_known_from_a_later_one() {
    let pallets = ["SubtensorModule.", "Commitments.", "Drand."];
    let unknown: Vec<String> = shapes()
        .into_iter()
        .filter(|(name, shape)| shape.is_none() && pallets.iter().any(|pallet| name.contains(pallet)))
        .map(|(name, _)| name)
        .filter(|name| LATER.iter().all(|(later, _)| later != name))
        .collect();
    assert!(unknown.is_empty(), "no main chain is known to have {unknown:#?}");
}
