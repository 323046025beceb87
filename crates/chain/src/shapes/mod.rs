//! The list of items in use, held against recorded runtimes of the main chain.
//!
//! `tests/vectors/runtime_hashes.json` has the hashes by which subxt compares shapes, of two runtimes. Names and types
//! of the newer one are in `runtime_393.json`, from which [`runtime::metadata`] builds metadata; their hashes show that
//! these are the real shapes. What is encoded and decoded here is therefore what the main chain takes and gives.

mod decoding;
mod encoding;
pub(crate) mod runtime;
mod signing;

use crate::items::{Known, apis, calls, constants, storage};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Contains the enum of all calls, which differs between any two runtimes.
const ALL_CALLS: &[&str] = &[
    "Proxy.proxy",
    "Utility.batch",
    "Utility.batch_all",
    "Utility.force_batch",
    "Sudo.sudo",
];
/// Differs between the two recorded runtimes; the newer one added fields that are not read.
const CHANGED: &[&str] = &[
    "SwapRuntimeApi.sim_swap_tao_for_alpha",
    "SwapRuntimeApi.sim_swap_alpha_for_tao",
];
/// Types or defaults that the recorded names do not tell in full.
const NOT_IN_FULL: &[&str] = &["Drand.BeaconConfig"];

fn recorded() -> Json {
    serde_json::from_str(include_str!("../../tests/vectors/runtime_hashes.json")).expect("valid JSON")
}

/// All items in use as kind, name, and which runtimes have them.
fn in_use() -> Vec<(&'static str, String, Known)> {
    let pair = |kind, list: &[(Known, &str, &str)]| {
        list.iter()
            .map(move |(known, outer, inner)| (kind, format!("{outer}.{inner}"), *known))
            .collect::<Vec<_>>()
    };
    let mut all: Vec<_> = calls::ALL
        .iter()
        .map(|(known, pallet, name, _)| ("calls", format!("{pallet}.{name}"), *known))
        .collect();
    all.extend(pair("storage", storage::ALL));
    all.extend(pair("runtime_apis", apis::ALL));
    all.extend(pair("constants", constants::ALL));
    all
}

#[test]
fn what_is_used_exists_in_the_recorded_runtimes_as_the_list_says() {
    let recorded = recorded();
    for (kind, name, known) in in_use() {
        let (old, new) = (&recorded["2025-12"][kind][&name], &recorded["393"][kind][&name]);
        assert_eq!(
            old.is_string(),
            known == Known::Always,
            "{kind} {name} in December 2025"
        );
        assert_eq!(new.is_string(), known != Known::Newer, "{kind} {name} in spec 393");
        let tolerated = ALL_CALLS.contains(&name.as_str()) || CHANGED.contains(&name.as_str());
        assert_eq!(
            old.is_string() && old != new,
            tolerated,
            "{kind} {name} changed its shape between the two runtimes"
        );
    }
    assert!(in_use().len() > 150);
}

#[test]
fn the_shapes_in_the_tests_are_those_of_the_real_runtime() {
    let (recorded, metadata) = (recorded(), runtime::metadata());
    let mut checked = BTreeMap::new();
    for (kind, name, known) in in_use() {
        let untold = ALL_CALLS.contains(&name.as_str()) || NOT_IN_FULL.contains(&name.as_str());
        if known == Known::Newer || untold {
            continue;
        }
        let (outer, inner) = name.split_once('.').expect("two names");
        let pallet = metadata.pallet_by_name(outer);
        let hash = match kind {
            "calls" => pallet.and_then(|pallet| pallet.call_hash(inner)),
            "storage" => pallet.and_then(|pallet| pallet.storage_hash(inner)),
            "constants" => pallet.and_then(|pallet| pallet.constant_hash(inner)),
            _ => metadata
                .runtime_api_trait_by_name(outer)
                .and_then(|api| api.method_by_name(inner))
                .map(|method| method.hash()),
        };
        let hash = hash.unwrap_or_else(|| panic!("{kind} {name} is missing"));
        assert_eq!(
            Some(format!("0x{}", runtime::hex(&hash)).as_str()),
            recorded["393"][kind][&name].as_str(),
            "{kind} {name}"
        );
        *checked.entry(kind).or_insert(0) += 1;
    }
    assert!(
        checked["calls"] > 70 && checked["storage"] > 40 && checked["runtime_apis"] > 10,
        "{checked:?}"
    );
}

#[test]
fn each_call_names_the_arguments_of_the_real_one() {
    let metadata = runtime::metadata();
    for (known, pallet, name, args) in calls::ALL {
        if *known == Known::Newer {
            continue;
        }
        let found = metadata.pallet_by_name(pallet).expect("a pallet");
        let variant = found.call_variant_by_name(name).expect("a call");
        let real: Vec<&str> = variant
            .fields
            .iter()
            .filter_map(|field| field.name.as_deref())
            .collect();
        assert_eq!(&real, args, "{pallet}.{name}");
    }
}
