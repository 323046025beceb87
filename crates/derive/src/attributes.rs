//! Reads `#[synapse(...)]` and the parts of `#[serde(...)]` that change the wire.

use syn::punctuated::Punctuated;
use syn::{Attribute, Error, LitStr, Meta, Path, Result, Token};

/// `#[synapse(...)]` on the struct.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) name: Option<LitStr>,
    pub(crate) stream: Option<Path>,
    pub(crate) hash_fields: Option<Vec<LitStr>>,
    pub(crate) protocol: Option<Path>,
    /// `#[serde(default)]` on the struct: every field has a default.
    pub(crate) all_default: bool,
}

/// `#[synapse(...)]` and `#[serde(...)]` on a field.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) hash: Option<Path>,
    pub(crate) output: Option<Path>,
    pub(crate) empty: Option<LitStr>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) default: bool,
    /// `skip` and its kin: the field does not travel.
    pub(crate) skipped: Option<Path>,
}

impl Container {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut read = Self::default();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("synapse"))
        {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    once(&mut read.name, &meta.path, meta.value()?.parse()?)
                } else if meta.path.is_ident("stream") {
                    once(&mut read.stream, &meta.path, meta.path.clone())
                } else if meta.path.is_ident("hash_fields") {
                    let list;
                    syn::parenthesized!(list in meta.input);
                    let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?;
                    once(&mut read.hash_fields, &meta.path, names.into_iter().collect())
                } else if meta.path.is_ident("crate") {
                    let path: LitStr = meta.value()?.parse()?;
                    once(&mut read.protocol, &meta.path, path.parse()?)
                } else if meta.path.is_ident("hash") || meta.path.is_ident("output") || meta.path.is_ident("empty") {
                    Err(meta.error("this belongs on a field"))
                } else {
                    Err(meta.error("unknown; a synapse knows `name`, `stream`, `hash_fields` and `crate`"))
                }
            })?;
        }
        for (path, _) in serde_parts(attributes)? {
            let named = |name| path.is_ident(name);
            if named("default") {
                read.all_default = true;
            } else if [
                "rename_all",
                "transparent",
                "tag",
                "untagged",
                "from",
                "try_from",
                "into",
                "remote",
            ]
            .into_iter()
            .any(named)
            {
                return Err(Error::new_spanned(
                    path,
                    "a synapse is written as a plain object; rename fields one by one with #[serde(rename = \"...\")]",
                ));
            }
        }
        Ok(read)
    }
}

impl Field {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut read = Self::default();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("synapse"))
        {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("hash") {
                    once(&mut read.hash, &meta.path, meta.path.clone())
                } else if meta.path.is_ident("output") {
                    once(&mut read.output, &meta.path, meta.path.clone())
                } else if meta.path.is_ident("empty") {
                    once(&mut read.empty, &meta.path, meta.value()?.parse()?)
                } else if ["name", "stream", "hash_fields", "crate"]
                    .iter()
                    .any(|name| meta.path.is_ident(name))
                {
                    Err(meta.error("this belongs on the struct"))
                } else {
                    Err(meta.error("unknown; a field of a synapse knows `hash`, `output` and `empty`"))
                }
            })?;
        }
        for (path, value) in serde_parts(attributes)? {
            if path.is_ident("default") {
                read.default = true;
            } else if path.is_ident("rename") {
                let message = "give one name for both directions: #[serde(rename = \"...\")]";
                read.rename = Some(value.ok_or_else(|| Error::new_spanned(&path, message))?);
            } else if path.is_ident("flatten") {
                return Err(Error::new_spanned(
                    path,
                    "Python has no flattened fields; write them out",
                ));
            } else if ["skip", "skip_serializing", "skip_serializing_if", "skip_deserializing"]
                .iter()
                .any(|name| path.is_ident(name))
            {
                read.skipped = Some(path);
            }
        }
        Ok(read)
    }
}

fn once<T>(place: &mut Option<T>, path: &Path, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new_spanned(path, "given twice")),
    }
}

/// The parts of all `#[serde(...)]`, with their value where that is a text. What serde does not understand is left for
/// serde to complain about.
fn serde_parts(attributes: &[Attribute]) -> Result<Vec<(Path, Option<LitStr>)>> {
    let mut parts = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            let text = match &meta {
                Meta::NameValue(pair) => match &pair.value {
                    syn::Expr::Lit(syn::ExprLit {
                        lit: syn::Lit::Str(text),
                        ..
                    }) => Some(text.clone()),
                    _ => None,
                },
                _ => None,
            };
            parts.push((meta.path().clone(), text));
        }
    }
    Ok(parts)
}
