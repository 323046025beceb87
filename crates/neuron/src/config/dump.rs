//! `--dump-config`: every value with its origin.

use std::fmt::Write as _;

use figment::Figment;
use figment::value::Value;
use serde::Serialize;

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
