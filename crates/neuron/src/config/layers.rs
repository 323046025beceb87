//! The layers of a configuration, each with a name that `--dump-config` and errors show.

use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;

use super::cli::{Parsed, value_of};
use super::{ConfigError, Program, Setting};

/// A set of values with a name for their origin.
struct Layer {
    origin: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

pub(super) fn stack(
    program: &Program,
    base: &impl Serialize,
    parsed: &Parsed,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Figment, ConfigError> {
    let defaults = Value::serialize(base)
        .ok()
        .and_then(Value::into_dict)
        .unwrap_or_default();
    let mut figment = Figment::from(Layer {
        origin: "default".into(),
        values: defaults,
    });
    if let Some(path) = &parsed.file {
        figment = figment.merge(Layer {
            origin: format!("file {path}"),
            values: super::file::read(program, path)?,
        });
    }
    let env: Vec<(String, String)> = env.into_iter().collect();
    for layer in environment(program, &env)? {
        figment = figment.merge(layer);
    }
    for (key, value) in &parsed.values {
        figment = figment.merge(Layer {
            origin: format!("flag --{key}"),
            values: nested(key, value.clone()),
        });
    }
    Ok(figment)
}

/// Names of variables as some release of the Python library wrote them, and as they were meant. The right one wins.
const MISSPELT: [(&str, &str); 1] = [("BT_AXON_MAX_WORERS", "BT_AXON_MAX_WORKERS")];

/// One layer per variable that is set. The field's own `BT_*` names come first, so that the
/// explicit `AXONEME_*` form wins.
fn environment(program: &Program, env: &[(String, String)]) -> Result<Vec<Layer>, ConfigError> {
    let find = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let layer = |name: &str, setting: &Setting, text: &String| Layer {
        origin: format!("environment {name}"),
        values: nested(setting.key, value_of(setting.kind, &[text])),
    };
    let mut layers = Vec::new();
    for setting in &program.settings {
        let misspelt = MISSPELT.iter().filter(|(_, meant)| setting.env == Some(meant));
        let names = misspelt.map(|(typed, _)| *typed).chain(setting.env).map(str::to_owned);
        for name in names.chain([setting.own_env()]) {
            if let Some(text) = find(&name) {
                layers.push(layer(&name, setting, text));
            }
        }
    }
    for (name, _) in env {
        // Names with a section are settings; AXONEME_CACHE and AXONEME_LOG are not.
        let Some(rest) = name.strip_prefix("AXONEME_") else {
            continue;
        };
        let known = |setting: &Setting| setting.own_env() == *name;
        if rest.contains("__") && !program.settings.iter().any(known) {
            let key = rest.to_lowercase().replace("__", ".");
            let hint = hint(program, &key);
            return Err(ConfigError::UnknownKey {
                key,
                origin: format!("environment {name}"),
                hint,
            });
        }
    }
    Ok(layers)
}

/// What to tell the operator about flags nobody knows, and about settings that mean something else here, or nothing.
pub(super) fn notices(program: &Program, figment: &Figment, parsed: &Parsed) -> Vec<String> {
    let unknown = parsed.unknown.iter().map(|name| {
        let hint = hint(program, name);
        format!("unknown flag --{name} is ignored; {hint}; --strict makes this an error")
    });
    let set = program.settings.iter().filter_map(|setting| {
        let origin = figment.find_metadata(setting.key)?;
        let notice = setting.notice.filter(|_| origin.name != "default")?;
        Some(format!("{} ({}): {notice}", setting.key, origin.name))
    });
    unknown
        .chain(parsed.without_effect.iter().cloned())
        .chain(set)
        .collect()
}

pub(super) fn nested(key: &str, value: Value) -> Dict {
    match key.split_once('.') {
        None => Dict::from([(key.to_owned(), value)]),
        Some((section, rest)) => Dict::from([(section.to_owned(), Value::Dict(Tag::Default, nested(rest, value)))]),
    }
}

/// Turns figment's error into one that names the key, the place and the cure.
pub(super) fn explain(program: &Program, error: figment::Error) -> ConfigError {
    let origin = error
        .metadata
        .as_ref()
        .map_or("the configuration".into(), |m| m.name.to_string());
    let path = error.path.join(".");
    match error.kind {
        figment::error::Kind::UnknownField(field, _) => {
            let key = if path.is_empty() || path.ends_with(&field) {
                path_or(&path, &field)
            } else {
                format!("{path}.{field}")
            };
            let hint = hint(program, &key);
            ConfigError::UnknownKey { key, origin, hint }
        }
        kind => ConfigError::Value {
            key: path,
            origin,
            reason: kind.to_string(),
        },
    }
}

fn path_or(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        path.to_owned()
    }
}

pub(super) fn hint(program: &Program, key: &str) -> String {
    let nearest = program
        .settings
        .iter()
        .map(|setting| (distance(setting.key, key), setting.key))
        .min()
        .filter(|(distance, _)| *distance <= 1 + key.len() / 3);
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`? (--help lists all keys)"),
        None => "--help lists all keys".to_owned(),
    }
}

/// Number of single-character edits between two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
