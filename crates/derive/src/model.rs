//! What a declaration means, with every mistake that can be told from it.

use syn::{Data, DeriveInput, Error, Fields, GenericArgument, Ident, LitStr, Path, PathArguments, Result, Type};

use crate::attributes;

/// Members of the body that the wire itself uses.
const RESERVED: [&str; 8] = [
    "name",
    "timeout",
    "total_size",
    "header_size",
    "dendrite",
    "axon",
    "computed_body_hash",
    "required_hash_fields",
];

/// A declaration without mistakes.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) protocol: Path,
    /// Names on the wire, in hash order.
    pub(crate) hash_fields: Vec<String>,
    /// Names on the wire with the variant of `EmptyValue`.
    pub(crate) required: Vec<(String, Ident)>,
    pub(crate) outputs: Vec<Ident>,
    pub(crate) stream: Option<Stream>,
}

/// The output that a stream grows.
pub(crate) struct Stream {
    pub(crate) field: Ident,
    pub(crate) optional: bool,
}

/// A field with its attributes.
struct Member {
    ident: Ident,
    ty: Type,
    wire_name: String,
    attributes: attributes::Field,
}

impl Model {
    pub(crate) fn of(input: DeriveInput) -> Result<Self> {
        let container = attributes::Container::read(&input.attrs)?;
        if !input.generics.params.is_empty() {
            let message = "a synapse is one fixed shape on the wire and cannot be generic";
            return Err(Error::new_spanned(&input.generics, message));
        }
        let members = members(&input)?;
        let name = synapse_name(&input.ident, container.name.as_ref())?;
        let hash_fields = hash_fields(&members, container.hash_fields.as_deref())?;
        let required = members
            .iter()
            .filter(|member| {
                !member.attributes.default && !container.all_default && member.attributes.skipped.is_none()
            })
            .map(|member| Ok((member.wire_name.clone(), empty_value(member)?)))
            .collect::<Result<_>>()?;
        let stream = container
            .stream
            .as_ref()
            .map(|stream| stream_output(&members, stream))
            .transpose()?;
        let outputs = outputs(&members);
        Ok(Self {
            name,
            hash_fields,
            required,
            stream,
            outputs,
            ident: input.ident,
            protocol: container
                .protocol
                .unwrap_or_else(|| syn::parse_quote!(::axoneme_protocol)),
        })
    }
}

fn members(input: &DeriveInput) -> Result<Vec<Member>> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Some(fields),
            Fields::Unit | Fields::Unnamed(_) => None,
        },
        Data::Enum(_) | Data::Union(_) => None,
    };
    let message = "a synapse is a struct with named fields: they are the members of the JSON body";
    let named = named.ok_or_else(|| Error::new_spanned(&input.ident, message))?;
    let mut members: Vec<Member> = Vec::new();
    for field in &named.named {
        let attributes = attributes::Field::read(&field.attrs)?;
        let ident = field.ident.clone().ok_or_else(|| Error::new_spanned(field, message))?;
        let wire_name = match &attributes.rename {
            Some(name) => name.value(),
            None => ident.to_string().trim_start_matches("r#").to_owned(),
        };
        let member = Member {
            ty: field.ty.clone(),
            ident,
            wire_name,
            attributes,
        };
        check_member(&member, &members)?;
        members.push(member);
    }
    Ok(members)
}

fn check_member(member: &Member, before: &[Member]) -> Result<()> {
    let name = &member.wire_name;
    let attributes = &member.attributes;
    let blame = |message: String| match &attributes.rename {
        Some(rename) => Err(Error::new_spanned(rename, message)),
        None => Err(Error::new_spanned(&member.ident, message)),
    };
    if attributes.skipped.is_none() && RESERVED.contains(&name.as_str()) {
        return blame(format!(
            "`{name}` is a member the wire itself uses; choose another name"
        ));
    }
    if before.iter().any(|other| other.wire_name == *name) {
        return blame(format!("two fields are called `{name}` on the wire"));
    }
    if let (Some(_), Some(output)) = (&attributes.hash, &attributes.output) {
        let message = "an output cannot be under the body hash: it is not known when the request is signed";
        return Err(Error::new_spanned(output, message));
    }
    if let (Some(skipped), true) = (
        &attributes.skipped,
        attributes.hash.is_some() || attributes.output.is_some(),
    ) {
        let message = format!("`{name}` must always travel: it is under the hash or part of the answer");
        return Err(Error::new_spanned(skipped, message));
    }
    Ok(())
}

fn synapse_name(ident: &Ident, given: Option<&LitStr>) -> Result<String> {
    let Some(given) = given else {
        return Ok(ident.to_string());
    };
    let name = given.value();
    let fine = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fine {
        Ok(name)
    } else {
        let message = "the name of a synapse is that of a Python class: ASCII letters, digits and `_`";
        Err(Error::new_spanned(given, message))
    }
}

/// The fields under the hash: marked ones in the order of the struct, or those listed.
fn hash_fields(members: &[Member], listed: Option<&[LitStr]>) -> Result<Vec<String>> {
    let marked = members.iter().filter(|member| member.attributes.hash.is_some());
    let Some(listed) = listed else {
        return Ok(marked.map(|member| member.wire_name.clone()).collect());
    };
    if let Some(hash) = marked.filter_map(|member| member.attributes.hash.as_ref()).next() {
        let message = "the struct lists its hash_fields already; mark them there or here, not both";
        return Err(Error::new_spanned(hash, message));
    }
    let mut names = Vec::new();
    for field in listed {
        let name = field.value();
        let blame = |message: String| Err(Error::new_spanned(field, message));
        let Some(member) = members.iter().find(|member| member.wire_name == name) else {
            let known: Vec<String> = members.iter().map(|member| format!("`{}`", member.wire_name)).collect();
            return blame(format!("no field `{name}` to hash; there are {}", known.join(", ")));
        };
        if member.attributes.output.is_some() {
            return blame(format!(
                "`{name}` is an output and cannot be under the body hash: it is not known when the request is signed"
            ));
        }
        if member.attributes.skipped.is_some() {
            return blame(format!(
                "`{name}` does not always travel and cannot be under the body hash"
            ));
        }
        if names.contains(&name) {
            return blame(format!("`{name}` is listed twice"));
        }
        names.push(name);
    }
    Ok(names)
}

fn outputs(members: &[Member]) -> Vec<Ident> {
    let outputs = members.iter().filter(|member| member.attributes.output.is_some());
    outputs.map(|member| member.ident.clone()).collect()
}

fn stream_output(members: &[Member], stream: &Path) -> Result<Stream> {
    let mut texts = members
        .iter()
        .filter(|member| member.attributes.output.is_some())
        .filter_map(|member| {
            let optional = option_of(&member.ty);
            let is_text = last_ident(optional.unwrap_or(&member.ty)).is_some_and(|ident| ident == "String");
            is_text.then_some((member, optional.is_some()))
        });
    match (texts.next(), texts.next()) {
        (Some((member, optional)), None) => Ok(Stream {
            field: member.ident.clone(),
            optional,
        }),
        (None, _) => {
            let message =
                "a stream grows one text: mark a field of type String or Option<String> with #[synapse(output)]";
            Err(Error::new_spanned(stream, message))
        }
        (Some(_), Some((second, _))) => {
            let message = "a stream grows one text, and this is the second output of that type";
            Err(Error::new_spanned(&second.ident, message))
        }
    }
}

/// The variant of `EmptyValue` for a required field.
fn empty_value(member: &Member) -> Result<Ident> {
    let variant = match &member.attributes.empty {
        Some(given) => match given.value().as_str() {
            "list" => "List",
            "dict" => "Dict",
            "str" => "Str",
            "int" => "Int",
            "float" => "Float",
            "bool" => "Bool",
            _ => {
                let message = "an empty value is `list`, `dict`, `str`, `int`, `float` or `bool`";
                return Err(Error::new_spanned(given, message));
            }
        },
        None => empty_value_of(&member.ty).ok_or_else(|| {
            let message = "is this a list, a dict or a scalar in Python? say so with #[synapse(empty = \"...\")], or give \
                           the field a #[serde(default)]";
            Error::new_spanned(&member.ty, message)
        })?,
    };
    Ok(Ident::new(variant, member.ident.span()))
}

fn empty_value_of(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Tuple(_) | Type::Array(_) => return Some("List"),
        Type::Paren(inner) => return empty_value_of(&inner.elem),
        Type::Group(inner) => return empty_value_of(&inner.elem),
        _ => {}
    }
    if let Some(inner) = option_of(ty) {
        return empty_value_of(inner);
    }
    Some(match last_ident(ty)?.to_string().as_str() {
        "String" | "char" => "Str",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "Int",
        "f32" | "f64" => "Float",
        "bool" => "Bool",
        "Vec" | "VecDeque" | "HashSet" | "BTreeSet" | "IndexSet" => "List",
        "HashMap" | "BTreeMap" | "IndexMap" => "Dict",
        _ => return None,
    })
}

/// The `T` of an `Option<T>`.
fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

fn last_ident(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
        _ => None,
    }
}
