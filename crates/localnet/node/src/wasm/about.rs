//! How clients are to write addresses and amounts of a runtime that the user brings.

use codec::Decode;
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use serde_json::{Map, Value, json};
use sp_version::RuntimeVersion;

use super::genesis::Plan;
use crate::{about::About, chain::Chain};

/// The pallet whose presence says that amounts are in TAO.
const TAO: &str = "SubtensorModule";

/// From the chain spec, if one was given; else from the runtime's metadata.
pub(super) fn about(chain: &Chain, version: &RuntimeVersion, plan: &Plan) -> Result<About, String> {
    let name = plan.name.clone();
    let properties = match &plan.properties {
        Some(properties) => properties.clone(),
        None => properties(chain)?,
    };
    Ok(About {
        chain: name.unwrap_or_else(|| format!("{} Localnet", version.spec_name)),
        properties: Value::Object(properties),
    })
}

fn properties(chain: &Chain) -> Result<Map<String, Value>, String> {
    let at = chain.store().head().hash;
    let metadata: Vec<u8> = chain
        .query(at, "Metadata_metadata", &[])
        .map_err(|error| format!("gives no metadata: {error}"))?;
    let mut properties = Map::new();
    let Some(Facts { prefix, tao }) = facts(&metadata) else {
        return Ok(properties);
    };
    if let Some(prefix) = prefix {
        properties.insert("ss58Format".to_owned(), json!(prefix));
    }
    if tao {
        properties.insert("tokenDecimals".to_owned(), json!(9));
        properties.insert("tokenSymbol".to_owned(), json!("TAO"));
    }
    Ok(properties)
}

struct Facts {
    prefix: Option<u16>,
    tao: bool,
}

/// `None` for metadata of a form that is not known here; clients that know it will find what they need themselves.
fn facts(metadata: &[u8]) -> Option<Facts> {
    let metadata = RuntimeMetadataPrefixed::decode(&mut &metadata[..]).ok()?;
    let RuntimeMetadata::V14(metadata) = metadata.1 else {
        return None;
    };
    let system = metadata.pallets.iter().find(|pallet| pallet.name == "System");
    let constant = system.and_then(|system| system.constants.iter().find(|constant| constant.name == "SS58Prefix"));
    let prefix = constant.and_then(|constant| match constant.value[..] {
        // Old runtimes had a byte.
        [prefix] => Some(u16::from(prefix)),
        [low, high] => Some(u16::from_le_bytes([low, high])),
        _ => None,
    });
    let tao = metadata.pallets.iter().any(|pallet| pallet.name == TAO);
    Some(Facts { prefix, tao })
}
