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
    /// Flags nobody knows, without dashes.
    pub(super) unknown: Vec<String>,
    /// What to say about switches that change nothing.
    pub(super) without_effect: Vec<String>,
}

/// Flags that are no settings, with underscores.
const OWN: [&str; 7] = [
    "config",
    "dump_config",
    "show_config",
    "check_config",
    "default_config",
    "help",
    "version",
];

/// Switches that scripts of the Python daemons pass and that change nothing here, and what to say about them.
const WITHOUT_EFFECT: [(&str, Option<&str>); 5] = [
    ("no_prompt", None),
    ("no_version_checking", None),
    ("strict", None),
    (
        "logging.record_log",
        Some("accepted without effect: lines go to stderr"),
    ),
    ("logging.enable_third_party_loggers", Some("accepted without effect")),
];

/// Whether this name, with underscores, belongs to a switch that changes nothing here, or names the file itself.
pub(super) fn without_effect(name: &str) -> bool {
    name == "config" || WITHOUT_EFFECT.iter().any(|(known, _)| *known == name)
}

/// A switch that must not be passed over: without it the daemon would talk to a real chain.
const MOCK_CHAIN: &str = "subtensor._mock";

/// Takes flags nobody knows, with their values, out of the arguments: scripts written for other programs pass many, and a
/// daemon that knows most of them should start. With `--strict` they stay, and are errors.
fn sift(program: &Program, args: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, Vec<String>) {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.iter().any(|arg| arg == "--strict") {
        return (args, Vec::new());
    }
    let is_known = |name: &str| {
        let name = name.replace('-', "_");
        let mut names = program
            .settings
            .iter()
            .flat_map(|setting| setting.aliases.iter().chain([&setting.key]));
        let own = OWN
            .iter()
            .chain(WITHOUT_EFFECT.iter().map(|(own, _)| own))
            .chain([&MOCK_CHAIN]);
        own.into_iter().any(|own| *own == name) || names.any(|known| *known == name)
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let flag = arg.to_str().and_then(|text| text.strip_prefix("--"));
        let Some(name) = flag.map(|flag| flag.split_once('=').map_or(flag, |(name, _)| name)) else {
            known.push(arg);
            continue;
        };
        if name.is_empty() || is_known(name) {
            known.push(arg);
            continue;
        }
        unknown.push(name.to_owned());
        while args.next_if(|next| !next.to_string_lossy().starts_with("--")).is_some() {}
    }
    (known, unknown)
}

pub(super) fn parse(program: &Program, args: impl IntoIterator<Item = OsString>) -> Result<Parsed, clap::Error> {
    let (args, unknown) = sift(program, args);
    let argv = std::iter::once(OsString::from(program.name)).chain(args);
    let mut command = command(program);
    let matches = command.try_get_matches_from_mut(argv)?;
    if matches.get_flag(MOCK_CHAIN) {
        let message = format!("--{MOCK_CHAIN}: there is no mock chain; `axoneme up` runs a real one on this machine");
        return Err(command.error(clap::error::ErrorKind::InvalidValue, message));
    }
    let without_effect = WITHOUT_EFFECT
        .iter()
        .filter(|(name, _)| matches.get_flag(name))
        .filter_map(|(name, notice)| Some(format!("--{name}: {}", (*notice)?)))
        .collect();
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
        unknown,
        without_effect,
    })
}

fn command(program: &Program) -> clap::Command {
    let mut command = clap::Command::new(program.name)
        .about(program.about)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(
            "Every flag is also a key of the TOML or YAML file (--config) and an environment variable: \
             --neuron.device is [neuron] device and AXONEME_NEURON__DEVICE. \
             Flags win over the environment, that over the file, that over the defaults.",
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("Read settings from this file: TOML, or YAML by its ending .yaml or .yml"),
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
    for name in WITHOUT_EFFECT.iter().map(|(name, _)| *name).chain([MOCK_CHAIN]) {
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
    let arg = setting.aliases.iter().fold(arg, |arg, name| {
        let hyphened = name.replace('_', "-");
        let arg = arg.alias(*name);
        if hyphened == **name { arg } else { arg.alias(hyphened) }
    });
    match setting.kind {
        SettingKind::Text => arg.value_name("TEXT"),
        SettingKind::Integer => arg.value_name("N").value_parser(|text: &str| {
            text.parse::<u64>()
                .map(|_| text.to_owned())
                .map_err(|_| "a whole number is wanted".to_owned())
        }),
        SettingKind::Signed => arg
            .value_name("N")
            .allow_negative_numbers(true)
            .value_parser(|text: &str| {
                text.parse::<i64>()
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
        SettingKind::Signed => first.parse::<i64>().map_or_else(|_| Value::from(first), Value::from),
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
