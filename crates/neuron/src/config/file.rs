//! The file of `--config`: TOML, or YAML where the name says so, as the Python daemons take it.

use figment::value::{Dict, Value};

use super::cli::without_effect;
use super::layers::nested;
use super::{ConfigError, Program, SettingKind};

/// The values of a config file, nested by section, under the settings' own names.
///
/// Keys may be sections or dotted (`neuron.device: cpu`), with underscores or hyphens, and a setting's other names count,
/// so that a file written for a Python daemon serves here. A key without a value (`wandb.notes:`) is not set.
pub(super) fn read(program: &Program, path: &str) -> Result<Dict, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })?;
    let syntax = |format: &'static str, reason: String| ConfigError::Syntax {
        path: path.to_owned(),
        format,
        reason: reason.trim().to_owned(),
    };
    let yaml = std::path::Path::new(path)
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml"));
    let values: Dict = if yaml {
        // A file of comments only is a document without a value.
        serde_saphyr::from_str::<Option<Dict>>(&text)
            .map_err(|error| syntax("YAML", error.to_string()))?
            .unwrap_or_default()
    } else {
        toml::from_str(&text).map_err(|error| syntax("TOML", error.to_string()))?
    };
    let mut settled = Dict::new();
    settle(program, path, "", values, &mut settled)?;
    Ok(settled)
}

/// Moves every value of `values`, which stand under `prefix`, to the place of the setting it means.
fn settle(program: &Program, path: &str, prefix: &str, values: Dict, to: &mut Dict) -> Result<(), ConfigError> {
    for (key, value) in values {
        let typed = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        let name = typed.replace('-', "_");
        if without_effect(&name) || matches!(value, Value::Empty(..)) {
            continue;
        }
        let setting = program
            .settings
            .iter()
            .find(|setting| setting.key == name || setting.aliases.contains(&name.as_str()));
        match (setting, value) {
            (None, Value::Dict(_, section)) => settle(program, path, &typed, section, to)?,
            (None, value) => place(to, nested(&typed, value)),
            (Some(setting), value) => {
                let before = find(to, setting.key).is_some();
                if before {
                    return Err(ConfigError::Value {
                        key: setting.key.to_owned(),
                        origin: format!("file {path}"),
                        reason: format!("it is there twice, once as `{typed}`; leave one"),
                    });
                }
                place(to, nested(setting.key, fitting(setting.kind, value)));
            }
        }
    }
    Ok(())
}

/// What files of the field write differently: a list as one text, a text that looks like a number.
fn fitting(kind: SettingKind, value: Value) -> Value {
    match (kind, value) {
        (SettingKind::List, Value::String(_, text)) => super::cli::value_of(kind, &[text]),
        (SettingKind::Text, Value::Num(_, number)) => match serde_json::to_string(&number) {
            Ok(text) => Value::from(text),
            Err(_) => Value::from(number),
        },
        (_, value) => value,
    }
}

fn find<'a>(dict: &'a Dict, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => dict.get(key),
        Some((section, rest)) => find(dict.get(section)?.as_dict()?, rest),
    }
}

/// Merges `from` into `to`, section by section.
fn place(to: &mut Dict, from: Dict) {
    for (key, value) in from {
        match (to.get_mut(&key), value) {
            (Some(Value::Dict(_, section)), Value::Dict(_, more)) => place(section, more),
            (_, value) => {
                to.insert(key, value);
            }
        }
    }
}
