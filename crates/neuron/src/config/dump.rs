//! `--dump-config`: every value with its origin. `--default-config`: a commented file of all defaults.

use std::fmt::Write as _;

use figment::Figment;
use figment::value::Value;
use serde::Serialize;

use super::Program;

pub(super) fn render(config: &impl Serialize, figment: &Figment) -> String {
    let mut lines = Vec::new();
    if let Ok(value) = Value::serialize(config) {
        flatten("", &value, &mut lines);
    }
    let mut text = String::new();
    for (key, value) in lines {
        let Some(value) = value else {
            let _ = writeln!(text, "# {key} is not set");
            continue;
        };
        let origin = figment
            .find_metadata(&key)
            .map_or("default".into(), |m| m.name.to_string());
        let _ = writeln!(text, "{key} = {value}  # {origin}");
    }
    text
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Dict(_, dict) => {
            for (key, value) in dict {
                let key = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, lines);
            }
        }
        // TOML has no null, so an unset value becomes a comment.
        Value::Empty(..) => lines.push((prefix.to_owned(), None)),
        other => {
            let text = serde_json::to_string(other).unwrap_or_default();
            lines.push((prefix.to_owned(), Some(text)));
        }
    }
}

/// A TOML file with every setting of `program`, its help and its default, commented out: a file to
/// start from, which changes nothing until a line is edited.
pub(super) fn template(program: &Program, defaults: &impl Serialize) -> String {
    let defaults = serde_json::to_value(defaults).unwrap_or_default();
    let Program { name, about, .. } = program;
    let mut text = format!(
        "# {about}\n#\n# All settings of `{name}` with their defaults. `{name} --config FILE` reads such a file; this one was\n\
         # made by `{name} --default-config`.\n\n"
    );
    let mut sections: Vec<&str> = Vec::new();
    for setting in &program.settings {
        let section = section_of(setting.key).0;
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    // A key without a section must stand above the first section.
    sections.sort_by_key(|section| !section.is_empty());
    for section in sections {
        let header = if section.is_empty() {
            String::new()
        } else {
            format!("\n[{section}]\n")
        };
        text.push_str(&header);
        for setting in program
            .settings
            .iter()
            .filter(|setting| section_of(setting.key).0 == section)
        {
            let value = defaults.pointer(&format!("/{}", setting.key.replace('.', "/")));
            let value = match value {
                Some(serde_json::Value::Null) | None => "(not set)".to_owned(),
                Some(value) => value.to_string(),
            };
            let _ = writeln!(text, "# {}\n# {} = {value}", setting.help, section_of(setting.key).1);
        }
    }
    text
}

fn section_of(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}
