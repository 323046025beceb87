//! How a model is named in a config file or on the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::ModelError;

/// A model as the user names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelRef {
    /// The model this project fetches by itself.
    #[default]
    Default,
    /// A file or folder on this machine.
    Path(PathBuf),
    /// A model on the hub: `hf:org/name`, `hf:org/name@revision`, `hf:org/name/file.gguf`.
    Hub {
        /// `org/name`.
        repo: String,
        /// Branch, tag or commit; `main` when absent.
        revision: Option<String>,
        /// One file of it; the usual safetensors layout when absent.
        file: Option<String>,
    },
}

impl FromStr for ModelRef {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| ModelError::Reference {
            text: text.to_owned(),
            reason,
        };
        match text.trim() {
            "" => Err(wrong("it is empty")),
            "default" => Ok(Self::Default),
            trimmed => match trimmed.strip_prefix("hf:") {
                Some(id) => parse_hub(id).map_err(wrong),
                None => Ok(Self::Path(PathBuf::from(&*shellexpand::tilde(trimmed)))),
            },
        }
    }
}

fn parse_hub(id: &str) -> Result<ModelRef, &'static str> {
    let mut parts = id.splitn(3, '/');
    let (organisation, name, file) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next());
    let (name, revision) = match name.split_once('@') {
        Some((name, revision)) => (name, Some(revision)),
        None => (name, None),
    };
    if !is_name(organisation) || !is_name(name) {
        return Err("a hub id is org/name, of letters, digits, '.', '-' and '_'");
    }
    if revision.is_some_and(|revision| !is_name(revision)) {
        return Err("the revision after @ is empty or has odd characters");
    }
    if file.is_some_and(|file| file.split('/').any(|part| !is_name(part))) {
        return Err("the file after org/name/ is empty or has odd characters");
    }
    Ok(ModelRef::Hub {
        repo: format!("{organisation}/{name}"),
        revision: revision.map(str::to_owned),
        file: file.map(str::to_owned),
    })
}

/// Parts of a hub id end up in a path of the cache, so `..` and separators are refused.
fn is_name(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
}

impl fmt::Display for ModelRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Path(path) => write!(formatter, "{}", path.display()),
            Self::Hub { repo, revision, file } => {
                write!(formatter, "hf:{repo}")?;
                if let Some(revision) = revision {
                    write!(formatter, "@{revision}")?;
                }
                if let Some(file) = file {
                    write!(formatter, "/{file}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_it_is_written() {
        let texts = [
            "default",
            "models/a.gguf",
            "hf:org/name",
            "hf:org/name@v1.0",
            "hf:org/name/sub/file.gguf",
            "hf:org/name@main/f.gguf",
        ];
        for text in texts {
            assert_eq!(text.parse::<ModelRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_hub_id_cannot_point_outside_the_cache() {
        for text in [
            "hf:org",
            "hf:/name",
            "hf:../../etc",
            "hf:org/name/../x",
            "hf:org/name@",
            "hf:org/name/",
            "",
        ] {
            assert!(text.parse::<ModelRef>().is_err(), "{text:?} was accepted");
        }
    }
}
