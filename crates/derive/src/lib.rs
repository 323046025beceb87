//! `#[derive(Synapse)]`: what a subnet writes to define its wire.
//!
//! Use it through `axoneme_protocol::Synapse`, which is both the trait and this derive. See there for what the parts of
//! a synapse mean; here is how they are declared.
//!
//! | on the struct | |
//! | --- | --- |
//! | `#[synapse(name = "Translate")]` | name of the Python class and path on the wire; the struct's own name without it |
//! | `#[synapse(stream)]` | the answer arrives piece by piece: also implements `StreamingSynapse` |
//! | `#[synapse(hash_fields("b", "a"))]` | fields under the body hash, where their order is not that of the struct |
//! | `#[synapse(crate = "path")]` | where `axoneme_protocol` is, when it has another name |
//!
//! | on a field | |
//! | --- | --- |
//! | `#[synapse(hash)]` | under the body hash, in the order of the struct |
//! | `#[synapse(output)]` | part of the answer: all that is taken from a peer |
//! | `#[synapse(empty = "list")]` | what a Python axon puts in its place: `list`, `dict`, `str`, `int`, `float` or `bool`; needed for required fields of types this derive does not know |
//! | `#[serde(default)]` | has a default in Python too; fields without are required |
//! | `#[serde(rename = "...")]` | its name on the wire |

mod attributes;
mod expand;
mod model;

#[cfg(test)]
mod tests;

/// Implements `Synapse`, and with `#[synapse(stream)]` also `StreamingSynapse`, for a struct with named fields. The
/// struct also derives serde's `Serialize` and `Deserialize`, and `Clone`.
///
/// The attributes are listed in the documentation of this crate.
#[proc_macro_derive(Synapse, attributes(synapse))]
pub fn derive_synapse(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
