//! The command line, built from the list of settings.

use std::ffi::OsString;

use clap::{Arg, ArgAction};
use figment::value::Value;

use super::{Program, Setting, SettingKind};

/// What was typed: values by dotted key, and the flags that are not settings.
pub(super) struct Parsed {
    pub(super) values: Vec<(&'static str, Value)>,
    pub(super) file: Option<String>,
    pub(super) dump: bool,
    pub(super) check: bool,
    pub(super) template: bool,
}

pub(super) fn parse(program: &Program, args: impl IntoIterator<Item = OsString>) -> Result<Parsed, clap::Error> {
    let argv = std::iter::once(OsString::from(program.name)).chain(args);
    let matches = command(program).try_get_matches_from(argv)?;
    let values = program
        .settings
        .iter()
        .filter_map(|setting| {
            let raw: Vec<&String> = matches.get_many::<String>(setting.key)?.collect();
            Some((setting.key, value_of(setting.kind, &raw)))
        })
        .collect();
    Ok(Parsed {
        values,
        file: matches.get_one::<String>("config").cloned(),
        dump: matches.get_flag("dump-config"),
        check: matches.get_flag("check-config"),
        template: matches.get_flag("default-config"),
    })
}

fn command(program: &Program) -> clap::Command {
    let mut command = clap::Command::new(program.name)
        .about(program.about)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(
            "Every flag is also a key of the TOML file (--config) and an environment variable: \
             --neuron.device is [neuron] device and AXONEME_NEURON__DEVICE. \
             Flags win over the environment, that over the file, that over the defaults.",
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("Read settings from this TOML file"),
        )
        .arg(
            Arg::new("dump-config")
                .long("dump-config")
                .alias("show-config")
                .action(ArgAction::SetTrue)
                .help("Print every value with its origin, and end"),
        )
        .arg(
            Arg::new("check-config")
                .long("check-config")
                .action(ArgAction::SetTrue)
                .help("Check the configuration, and end"),
        )
        .arg(
            Arg::new("default-config")
                .long("default-config")
                .action(ArgAction::SetTrue)
                .help("Print a commented file of all defaults, and end"),
        );
    for name in ["no_prompt", "no_version_checking", "strict"] {
        // Scripts of the Python daemons pass these; a daemon that never prompts accepts them.
        command = command.arg(Arg::new(name).long(name).action(ArgAction::SetTrue).hide(true));
    }
    for setting in &program.settings {
        command = command.arg(flag(setting));
    }
    command
}

fn flag(setting: &Setting) -> Arg {
    let heading = setting.key.split_once('.').map_or("general", |(section, _)| section);
    let mut help = setting.help.to_owned();
    if let Some(env) = setting.env {
        help.push_str(&format!(" [env: {env}]"));
    }
    let arg = Arg::new(setting.key)
        .long(setting.key)
        .help(help)
        .help_heading(heading)
        .overrides_with(setting.key);
    let hyphened = setting.key.replace('_', "-");
    let arg = if hyphened == setting.key {
        arg
    } else {
        arg.alias(hyphened)
    };
    match setting.kind {
        SettingKind::Text => arg.value_name("TEXT"),
        SettingKind::Integer => arg.value_name("N").value_parser(|text: &str| {
            text.parse::<u64>()
                .map(|_| text.to_owned())
                .map_err(|_| "a whole number is wanted".to_owned())
        }),
        SettingKind::Decimal => arg
            .value_name("X")
            .value_parser(|text: &str| match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(text.to_owned()),
                _ => Err("a decimal number is wanted".to_owned()),
            }),
        SettingKind::Switch => arg
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"]),
        SettingKind::List => arg.value_name("TEXT").num_args(1..),
    }
}

/// The typed value of texts that the command line or the environment gave. Texts that do not
/// parse stay texts, and the struct's own check names the key.
pub(super) fn value_of(kind: SettingKind, raw: &[impl AsRef<str>]) -> Value {
    let first = raw.first().map_or("", AsRef::as_ref);
    match kind {
        SettingKind::Text => Value::from(first),
        SettingKind::Integer => first.parse::<u64>().map_or_else(|_| Value::from(first), Value::from),
        SettingKind::Decimal => first.parse::<f64>().map_or_else(|_| Value::from(first), Value::from),
        SettingKind::Switch => match first.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Value::from(true),
            "false" | "0" | "no" | "off" | "" => Value::from(false),
            _ => Value::from(first),
        },
        SettingKind::List => raw
            .iter()
            .flat_map(|text| text.as_ref().split([',', ' ']))
            .filter(|text| !text.is_empty())
            .map(Value::from)
            .collect::<Vec<_>>()
            .into(),
    }
}
