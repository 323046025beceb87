//! Events have the main chain's indices and fields.

use node_subtensor_runtime::Runtime;
use scale_info::{form::PortableForm, PortableRegistry, TypeDef};
use serde_json::Value;
use subxt_metadata::Metadata;

/// Events that are younger than the recorded runtime; their indices are our own.
const OWN_INDICES: std::ops::RangeFrom<u8> = 200..;

/// Where FRAME has changed since.
const NEWER_FRAME: [&str; 2] = ["Balances.", "Utility."];

/// The type of a field as the recorded list writes it.
fn text(types: &PortableRegistry, id: u32) -> String {
    let Some(ty) = types.resolve(id) else {
        return "?".to_owned();
    };
    let list = |ids: Vec<u32>| ids.into_iter().map(|id| text(types, id)).collect::<Vec<_>>().join(", ");
    match &ty.type_def {
        TypeDef::Primitive(primitive) => format!("{primitive:?}").to_lowercase(),
        TypeDef::Sequence(of) => format!("Vec<{}>", text(types, of.type_param.id)),
        TypeDef::Array(of) => format!("[{}; {}]", text(types, of.type_param.id), of.len),
        TypeDef::Compact(of) => format!("Compact<{}>", text(types, of.type_param.id)),
        TypeDef::Tuple(of) => format!("({})", list(of.fields.iter().map(|field| field.id).collect())),
        TypeDef::BitSequence(_) => "bits".to_owned(),
        TypeDef::Composite(_) | TypeDef::Variant(_) => {
            let name = ty.path.ident().unwrap_or_default();
            let params: Vec<u32> = ty
                .type_params
                .iter()
                .filter_map(|param| param.ty)
                .map(|ty| ty.id)
                .collect();
            if params.is_empty() {
                name.to_string()
            } else {
                format!("{name}<{}>", list(params))
            }
        }
    }
}

fn fields(types: &PortableRegistry, variant: &scale_info::Variant<PortableForm>) -> Value {
    variant
        .fields
        .iter()
        .map(|field| serde_json::json!([field.name, text(types, field.ty.id)]))
        .collect()
}

#[test]
fn events_have_the_main_chains_indices_and_fields() {
    let recorded: Value = serde_json::from_str(include_str!("../vectors/events_393.json")).expect("valid JSON");
    let storage = node_subtensor_runtime::genesis::DevGenesis::default();
    let storage = storage.storage().expect("the genesis builds");
    let encoded = sp_io::TestExternalities::new(storage)
        .execute_with(|| Runtime::metadata_at_version(15).expect("version 15 is served"));
    let metadata = Metadata::decode_from(&encoded).expect("subxt reads it");
    let (mut equal, mut wrong) = (0, vec![]);
    for pallet in metadata.pallets() {
        let Some(there) = recorded["pallets"].get(pallet.name()) else {
            continue;
        };
        for event in pallet.event_variants().unwrap_or_default() {
            let name = format!("{}.{}", pallet.name(), event.name);
            if OWN_INDICES.contains(&event.index) || NEWER_FRAME.iter().any(|newer| name.starts_with(newer)) {
                continue;
            }
            let ours = serde_json::json!({ "index": event.index, "fields": fields(metadata.types(), event) });
            if ours == there[&event.name] {
                equal += 1;
            } else {
                wrong.push(format!("{name}: {ours}, but there {}", there[&event.name]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(equal > 60, "only {equal} events were compared");
}
