//! Configuration: defaults < TOML or YAML file < environment < flags, resolved in one place.
//!
//! A program describes its settings once, as a list of [`Setting`]s with the dotted names that
//! Bittensor users type (`--wallet.name`, `--neuron.device`). From that list come the command
//! line with its `--help`, the environment variables and the keys of the TOML file; the values
//! end in the program's own serde struct, which refuses keys it does not know.

mod cli;
mod dump;
mod file;
mod layers;
mod sections;

use std::ffi::OsString;

use figment::Figment;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use sections::{
    AdminConfig, AxonConfig, LoggingConfig, SubtensorConfig, WalletConfig, admin_settings, as_json, axon_settings,
    common_settings,
};

/// What kind of value a setting takes on the command line and in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Any text.
    Text,
    /// A whole number, not negative.
    Integer,
    /// A whole number.
    Signed,
    /// A finite decimal number.
    Decimal,
    /// `--flag`, `--flag=true` or `--flag=false`.
    Switch,
    /// Several texts, separated by commas or spaces.
    List,
}

/// One value an operator can set.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Dotted name: the flag without `--`, and the path in the TOML file.
    pub key: &'static str,
    /// Kind of the value.
    pub kind: SettingKind,
    /// Environment variable the field already knows (`BT_WALLET_NAME`), besides
    /// `AXONEME_WALLET__NAME`, which every setting has.
    pub env: Option<&'static str>,
    /// Help text; says the unit.
    pub help: &'static str,
    /// Other names the field knows it by.
    pub aliases: &'static [&'static str],
    /// Said at the start when somebody sets it: that it means something else here than elsewhere, or nothing.
    pub notice: Option<&'static str>,
}

impl Setting {
    /// A setting without a `BT_*` environment variable.
    pub const fn new(key: &'static str, kind: SettingKind, help: &'static str) -> Self {
        Self {
            key,
            kind,
            env: None,
            help,
            aliases: &[],
            notice: None,
        }
    }

    /// The same, also known by these names.
    pub const fn alias(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    /// The same, with something to say at the start when it is set.
    pub const fn notice(mut self, text: &'static str) -> Self {
        self.notice = Some(text);
        self
    }

    /// The same with the environment variable the field already knows.
    pub const fn env(mut self, name: &'static str) -> Self {
        self.env = Some(name);
        self
    }

    /// The environment variable made from the dotted name: `neuron.device` is
    /// `AXONEME_NEURON__DEVICE`.
    pub fn own_env(&self) -> String {
        format!("AXONEME_{}", self.key.replace('.', "__").to_uppercase())
    }
}

/// A program's name, purpose and settings.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name as typed.
    pub name: &'static str,
    /// First line of the help.
    pub about: &'static str,
    /// All settings, in the order the help shows them.
    pub settings: Vec<Setting>,
}

/// A resolved configuration, and where each value came from.
#[derive(Debug)]
pub struct Loaded<C> {
    /// The values.
    pub config: C,
    /// What the operator should know about what was set: flags nobody knows, and those that mean nothing here.
    pub notices: Vec<String>,
    figment: Figment,
}

/// What the command line asked for.
#[derive(Debug)]
pub enum Command<C> {
    /// Run with this configuration.
    Run(Box<Loaded<C>>),
    /// `--help`, `--version`, `--dump-config` or `--check-config`: print this and end well.
    Print(String),
    /// The command line is wrong: print this to stderr and end with [`crate::ExitCode::Usage`].
    Usage(String),
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file named by `--config` cannot be read.
    #[error("cannot read the config file {path}; check the path given to --config")]
    File {
        /// Path as given.
        path: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what its name says: YAML for `.yaml` and `.yml`, else TOML.
    #[error("config file {path} is not valid {format}: {reason}")]
    Syntax {
        /// Path as given.
        path: String,
        /// TOML or YAML.
        format: &'static str,
        /// Line and reason.
        reason: String,
    },
    /// A key that no setting has.
    #[error("unknown key `{key}` in {origin}; {hint}")]
    UnknownKey {
        /// The key as written.
        key: String,
        /// Where it was found.
        origin: String,
        /// The nearest known key, or where to find the list.
        hint: String,
    },
    /// A value of the wrong kind or out of range.
    #[error("bad value for `{key}` in {origin}: {reason}")]
    Value {
        /// The key.
        key: String,
        /// Where the value was found.
        origin: String,
        /// What was wanted.
        reason: String,
    },
}

impl Program {
    /// Resolves the configuration of this program from the arguments (without the program's own
    /// name) and an environment, given as pairs so that tests need not change the process's.
    pub fn resolve<C>(
        &self,
        args: impl IntoIterator<Item = OsString>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Command<C>, ConfigError>
    where
        C: Default + Serialize + DeserializeOwned,
    {
        self.resolve_over(&C::default(), args, env)
    }

    /// The same over other values than the defaults.
    ///
    /// # Errors
    /// As [`Program::resolve`].
    pub fn resolve_over<C>(
        &self,
        base: &C,
        args: impl IntoIterator<Item = OsString>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Command<C>, ConfigError>
    where
        C: Default + Serialize + DeserializeOwned,
    {
        let parsed = match cli::parse(self, args) {
            Ok(parsed) => parsed,
            Err(error) if error.use_stderr() => {
                return Ok(Command::Usage(error.render().to_string()));
            }
            Err(help) => return Ok(Command::Print(help.render().to_string())),
        };
        if parsed.template {
            return Ok(Command::Print(dump::template(self, &C::default())));
        }
        let figment = layers::stack(self, base, &parsed, env)?;
        let config = figment.extract::<C>().map_err(|error| layers::explain(self, error))?;
        let notices = layers::notices(self, &figment, &parsed);
        let loaded = Loaded {
            config,
            notices,
            figment,
        };
        Ok(if parsed.dump {
            Command::Print(loaded.dump())
        } else if parsed.check {
            Command::Print("configuration is valid\n".to_owned())
        } else {
            Command::Run(Box::new(loaded))
        })
    }

    /// [`Program::resolve`] with the process's own arguments and environment.
    pub fn resolve_process<C>(&self) -> Result<Command<C>, ConfigError>
    where
        C: Default + Serialize + DeserializeOwned,
    {
        self.resolve(
            std::env::args_os().skip(1),
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))),
        )
    }
}

impl<C: Serialize> Loaded<C> {
    /// One line per value: `key = value  # origin`, in the order of the struct; valid TOML.
    pub fn dump(&self) -> String {
        dump::render(&self.config, &self.figment)
    }
}

#[cfg(test)]
mod tests;
