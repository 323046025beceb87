//! The first state of a runtime that the user brings: what its own genesis builder makes of a configuration, or what a raw
//! chain spec says.
//!
//! A configuration is the runtime's default one, changed by one of its presets, changed by the user's patch; that is how other
//! nodes read presets and chain specs too.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use codec::{DecodeAll, Encode};
use serde::Deserialize;
use serde_json::{Map, Value};
use sp_core::storage::well_known_keys::CODE;
use sp_state_machine::StorageChanges;
use sp_version::RuntimeVersion;

use super::engine::WasmEngine;
use crate::{
    error::LocalnetError,
    exec::{Engine, ExecError, Overlay},
    store::Store,
};

/// Presets to begin with unless told, the first that the runtime has.
const PRESETS: [&str; 2] = ["development", "local_testnet"];
/// Stands for the configuration that no preset changed.
const DEFAULT: &str = "default";
/// Largest genesis file. Raw specs of real chains are hundreds of MiB, but those hold a live chain's state.
const MAX_FILE: u64 = 256 << 20;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What a genesis is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    preset: Option<String>,
    content: Content,
    /// Of a chain spec.
    pub(super) name: Option<String>,
    /// Of a chain spec.
    pub(super) properties: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Default)]
enum Content {
    /// The preset as it is.
    #[default]
    Preset,
    /// Changes to the preset.
    Patch(Value),
    /// A configuration that is whole.
    Whole(Value),
    /// Keys and values.
    Raw(Pairs),
}

/// What is read of a chain spec.
#[derive(Debug, Deserialize)]
struct Spec {
    name: Option<String>,
    properties: Option<Map<String, Value>>,
    genesis: SpecGenesis,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SpecGenesis {
    Raw(Raw),
    RuntimeGenesis(RuntimeGenesis),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    top: BTreeMap<String, String>,
    #[serde(default)]
    children_default: BTreeMap<String, Value>,
}

/// The code that a spec may hold beside these is not looked at: `--runtime` names it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeGenesis {
    config: Option<Value>,
    patch: Option<Value>,
}

impl Plan {
    /// Reads a patch or a chain spec; the latter has a `genesis`.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
        let mut text = String::new();
        file.take(MAX_FILE + 1)
            .read_to_string(&mut text)
            .map_err(|error| format!("cannot be read: {error}"))?;
        if text.len() as u64 > MAX_FILE {
            return Err(format!("is larger than {} MiB", MAX_FILE >> 20));
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let patch: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        let Some(fields) = patch.as_object() else {
            return Err("is no JSON object; it should be a chain spec, or like {\"balances\": {...}}".to_owned());
        };
        if !fields.contains_key("genesis") {
            return Ok(Self {
                content: Content::Patch(patch),
                ..Self::default()
            });
        }
        let spec: Spec =
            serde_json::from_value(patch).map_err(|error| format!("is no chain spec known here: {error}"))?;
        let content = match spec.genesis {
            SpecGenesis::Raw(raw) => Content::Raw(raw.pairs()?),
            SpecGenesis::RuntimeGenesis(RuntimeGenesis {
                config: Some(whole), ..
            }) => Content::Whole(whole),
            SpecGenesis::RuntimeGenesis(RuntimeGenesis { patch: Some(patch), .. }) => Content::Patch(patch),
            SpecGenesis::RuntimeGenesis(_) => {
                return Err("is a chain spec without raw, config or patch in its genesis".to_owned());
            }
        };
        Ok(Self {
            preset: matches!(content, Content::Patch(_)).then(|| DEFAULT.to_owned()),
            content,
            name: spec.name,
            properties: spec.properties,
        })
    }

    /// Begins from the preset called `name`.
    pub(super) fn preset(mut self, name: Option<String>) -> Result<Self, LocalnetError> {
        if name.is_some() {
            if matches!(self.content, Content::Whole(_) | Content::Raw(_)) {
                return Err(LocalnetError::Config(
                    "--runtime-preset and a --runtime-genesis that says everything itself do not go together; leave one out"
                        .to_owned(),
                ));
            }
            self.preset = name;
        }
        Ok(self)
    }

    /// The first state, `code` in it.
    pub(super) fn build(&self, engine: &WasmEngine, code: &[u8], version: &RuntimeVersion) -> Result<Pairs, String> {
        let config = match &self.content {
            Content::Raw(pairs) => {
                let mut pairs = pairs.clone();
                pairs.retain(|(key, _)| key != CODE);
                pairs.push((CODE.to_vec(), code.to_vec()));
                return Ok(pairs);
            }
            Content::Whole(config) => config.clone(),
            Content::Preset => self.base(engine, code)?,
            Content::Patch(patch) => {
                let mut config = self.base(engine, code)?;
                merge(&mut config, patch);
                config
            }
        };
        let blank = Blank::new(engine, code);
        let mut overlay = Overlay::default();
        let args = config.to_string().into_bytes().encode();
        let answer = blank.call(&mut overlay, "GenesisBuilder_build_state", &args)?;
        let built: Result<(), String> = decode("GenesisBuilder_build_state", &answer)?;
        built.map_err(|detail| format!("refuses the configuration of its genesis: {detail}"))?;

        let backend = blank.state()?;
        let StorageChanges {
            main_storage_changes,
            child_storage_changes,
            ..
        } = overlay
            .drain_storage_changes(&backend, version.state_version())
            .map_err(|error| format!("makes no state of its genesis: {error}"))?;
        if !child_storage_changes.is_empty() {
            return Err("has child tries in its genesis, which are not supported".to_owned());
        }
        let mut pairs: Pairs = main_storage_changes
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .filter(|(key, _)| key != CODE)
            .collect();
        pairs.push((CODE.to_vec(), code.to_vec()));
        Ok(pairs)
    }

    /// The configuration that a patch is applied to.
    fn base(&self, engine: &WasmEngine, code: &[u8]) -> Result<Value, String> {
        let blank = Blank::new(engine, code);
        let mut config = blank.preset(None)?.unwrap_or_else(|| Value::Object(Map::new()));
        let wanted = self.preset.as_deref();
        let names = blank.preset_names()?;
        let name = match wanted {
            Some(name) if names.iter().any(|known| known == name) => Some(name),
            Some(DEFAULT) => None,
            Some(name) => {
                return Err(format!(
                    "has no genesis preset {name:?}; it has {}",
                    listed(names.iter().map(String::as_str))
                ));
            }
            None => PRESETS.into_iter().find(|name| names.iter().any(|known| known == name)),
        };
        if let Some(name) = name {
            let patch = blank.preset(Some(name))?;
            merge(
                &mut config,
                &patch.ok_or_else(|| format!("names a genesis preset {name:?} and does not give it"))?,
            );
        }
        tracing::info!(preset = name.unwrap_or(DEFAULT), "genesis of the runtime from a file");
        Ok(config)
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.chain([DEFAULT]).collect::<Vec<_>>().join(", ")
}

impl Raw {
    fn pairs(self) -> Result<Pairs, String> {
        if !self.children_default.is_empty() {
            return Err("has child tries in its genesis, which are not supported".to_owned());
        }
        let bytes = |text: &str| {
            hex::decode(text.strip_prefix("0x").unwrap_or(text))
                .map_err(|error| format!("has in its raw genesis what is not hex: {error}"))
        };
        let pairs = self.top.iter().map(|(key, value)| Ok((bytes(key)?, bytes(value)?)));
        pairs.collect()
    }
}

/// A runtime with nothing but itself in its state.
struct Blank<'a> {
    engine: &'a WasmEngine,
    store: Store,
}

impl<'a> Blank<'a> {
    fn new(engine: &'a WasmEngine, code: &[u8]) -> Self {
        let store = Store::new(&[(CODE.to_vec(), code.to_vec())]);
        Self { engine, store }
    }

    fn state(&self) -> Result<crate::exec::Backend, String> {
        self.store
            .state(self.store.head().hash)
            .map_err(|error| error.to_string())
    }

    fn call(&self, overlay: &mut Overlay, method: &str, args: &[u8]) -> Result<Vec<u8>, String> {
        let answer = self.engine.call(overlay, &self.state()?, method, args);
        answer.map_err(|error| match error {
            ExecError::NoSuchMethod(method) => format!(
                "has no function {method}, so it cannot make its own genesis; give a raw chain spec by --runtime-genesis"
            ),
            error => format!("fails in {method}: {error}"),
        })
    }

    fn preset_names(&self) -> Result<Vec<String>, String> {
        let answer = self.call(&mut Overlay::default(), "GenesisBuilder_preset_names", &[])?;
        decode("GenesisBuilder_preset_names", &answer)
    }

    fn preset(&self, name: Option<&str>) -> Result<Option<Value>, String> {
        let method = "GenesisBuilder_get_preset";
        let answer = self.call(&mut Overlay::default(), method, &name.encode())?;
        let json: Option<Vec<u8>> = decode(method, &answer)?;
        let parse = |json: Vec<u8>| {
            serde_json::from_slice(&json).map_err(|error| format!("gives a preset that is no JSON: {error}"))
        };
        json.map(parse).transpose()
    }
}

fn decode<T: DecodeAll>(method: &str, mut answer: &[u8]) -> Result<T, String> {
    T::decode_all(&mut answer).map_err(|error| format!("answers to {method} what does not decode: {error}"))
}

/// Changes `config` by `patch`: objects are merged, `null` removes, all else replaces.
fn merge(config: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *config = patch.clone();
        return;
    };
    if !config.is_object() {
        *config = Value::Object(Map::new());
    }
    let Value::Object(fields) = config else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.as_str()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_changes_what_it_names_and_keeps_large_numbers() {
        let mut config = json!({ "balances": { "balances": [[1, 2]], "dev": null }, "sudo": { "key": "a" } });
        let patch = r#"{"balances": {"balances": [["x", 340282366920938463463374607431768211455]]}, "sudo": {"key": null}, "aura": {"authorities": []}}"#;
        merge(&mut config, &serde_json::from_str(patch).unwrap());
        let balance = config["balances"]["balances"][0][1].to_string();
        assert_eq!(balance, u128::MAX.to_string());
        config["balances"]["balances"] = json!([]);
        assert_eq!(
            config,
            json!({ "balances": { "balances": [], "dev": null }, "sudo": {}, "aura": { "authorities": [] } })
        );
    }

    #[test]
    fn a_file_is_a_patch_or_a_chain_spec() {
        let patch = Plan::parse(r#"{"sudo": {"key": "a"}}"#).unwrap();
        assert!(matches!(patch.content, Content::Patch(_)));
        assert_eq!(patch.preset, None);

        let spec = Plan::parse(
            r#"{"name": "Mine", "properties": {"tokenDecimals": 9}, "genesis": {"raw": {"top": {"0x01": "0x02"}, "childrenDefault": {}}}}"#,
        )
        .unwrap();
        assert!(matches!(&spec.content, Content::Raw(pairs) if *pairs == [(vec![1], vec![2])]));
        assert_eq!(spec.name.as_deref(), Some("Mine"));
        assert!(spec.preset(Some("development".to_owned())).is_err());

        let spec = Plan::parse(r#"{"genesis": {"runtimeGenesis": {"code": "0x", "patch": {"sudo": {}}}}}"#).unwrap();
        assert!(matches!(spec.content, Content::Patch(_)));
        assert_eq!(spec.preset.as_deref(), Some(DEFAULT));

        for wrong in [
            "",
            "[]",
            r#"{"genesis": {}}"#,
            r#"{"genesis": {"runtimeGenesis": {}}}"#,
            r#"{"genesis": {"raw": {"top": {"0xzz": "0x"}}}}"#,
            r#"{"genesis": {"raw": {"top": {}, "childrenDefault": {"0x00": {}}}}}"#,
        ] {
            assert!(Plan::parse(wrong).is_err(), "{wrong}");
        }
    }
}
