//! Metadata built from recorded names and types.

use scale_info::form::PortableForm;
use scale_info::{
    Field, Path, PortableRegistryBuilder, Type, TypeDef, TypeDefArray, TypeDefCompact, TypeDefComposite,
    TypeDefPrimitive, TypeDefSequence, TypeDefTuple, TypeDefVariant, Variant,
};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use subxt::ext::frame_metadata::v14::{
    PalletCallMetadata, PalletConstantMetadata, PalletStorageMetadata, StorageEntryMetadata, StorageEntryModifier,
    StorageEntryType, StorageHasher,
};
use subxt::ext::frame_metadata::v15::{
    CustomMetadata, ExtrinsicMetadata, OuterEnums, PalletMetadata, RuntimeApiMetadata, RuntimeApiMethodMetadata,
    RuntimeApiMethodParamMetadata, RuntimeMetadataV15,
};
use subxt::metadata::Metadata;

pub(crate) fn recorded() -> Json {
    serde_json::from_str(include_str!("../../tests/vectors/runtime_393.json")).expect("valid JSON")
}

/// The metadata of spec 393, as far as they are used.
pub(crate) fn metadata() -> Metadata {
    built_from(&recorded())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}

fn text(value: &Json) -> String {
    value.as_str().expect("text").to_owned()
}

fn items(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Names, where there are any, and types.
type Fields = Vec<(Option<String>, String)>;
/// A pallet, its plain calls, and those that contain calls.
type Sorted<'a> = (&'a String, Vec<&'a Json>, Vec<&'a Json>);

struct Types<'a> {
    builder: PortableRegistryBuilder,
    known: HashMap<String, u32>,
    recorded: &'a Json,
}

impl Types<'_> {
    fn add(&mut self, def: impl Into<TypeDef<PortableForm>>) -> u32 {
        self.add_named("", def)
    }

    fn add_named(&mut self, name: &str, def: impl Into<TypeDef<PortableForm>>) -> u32 {
        let path = match name {
            "" => Path::default(),
            name => Path::from_segments_unchecked([name.to_owned()]),
        };
        // Ids of fields count only what they hold, so equal definitions may be one type.
        self.builder.register_type(Type::new(path, vec![], def, vec![]))
    }

    fn field(&mut self, name: Option<&str>, kind: &str) -> Field<PortableForm> {
        let ty = self.of(kind);
        Field::new(name.map(str::to_owned), ty.into(), None, vec![])
    }

    fn wrapper(&mut self, name: &str, field: Option<&str>, inner: &str) -> u32 {
        let field = self.field(field, inner);
        self.add_named(name, TypeDefComposite::new([field]))
    }

    fn variants(&mut self, name: &str, list: Vec<(u8, String, Fields)>) -> u32 {
        let mut variants = Vec::new();
        for (index, name, fields) in list {
            let mut built = Vec::new();
            for (name, kind) in &fields {
                built.push(self.field(name.as_deref(), kind));
            }
            variants.push(Variant {
                name,
                fields: built,
                index,
                docs: vec![],
            });
        }
        self.add_named(name, TypeDefVariant::new(variants))
    }

    /// The id of a type by its recorded name.
    fn of(&mut self, kind: &str) -> u32 {
        let kind = kind.trim();
        if let Some(id) = self.known.get(kind) {
            return *id;
        }
        let id = self.build(kind);
        self.known.insert(kind.to_owned(), id);
        id
    }

    fn build(&mut self, kind: &str) -> u32 {
        let primitive = match kind {
            "bool" => Some(TypeDefPrimitive::Bool),
            "u8" => Some(TypeDefPrimitive::U8),
            "u16" => Some(TypeDefPrimitive::U16),
            "u32" => Some(TypeDefPrimitive::U32),
            "u64" => Some(TypeDefPrimitive::U64),
            "u128" => Some(TypeDefPrimitive::U128),
            "i64" => Some(TypeDefPrimitive::I64),
            "i128" => Some(TypeDefPrimitive::I128),
            _ => None,
        };
        if let Some(primitive) = primitive {
            return self.add(primitive);
        }
        if let Some(inside) = kind.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            let parts: Vec<_> = split(inside).iter().map(|part| self.of(part).into()).collect();
            return self.add(TypeDefTuple::new_portable(parts));
        }
        if let Some(inside) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (inner, length) = inside.split_once(';').expect("an array");
            let inner = self.of(inner);
            return self.add(TypeDefArray::new(
                length.trim().parse().expect("a length"),
                inner.into(),
            ));
        }
        let (base, args) = match kind.split_once('<') {
            Some((base, rest)) => (base, split(rest.strip_suffix('>').unwrap_or(rest))),
            None => (kind.trim_end_matches('>'), vec![]),
        };
        match (base, args.first()) {
            ("Vec", Some(inner)) => {
                let inner = self.of(inner);
                self.add(TypeDefSequence::new(inner.into()))
            }
            ("Compact", Some(inner)) => {
                let inner = self.of(inner);
                self.add(TypeDefCompact::new(inner.into()))
            }
            ("BoundedVec", Some(inner)) => self.wrapper(base, None, &format!("Vec<{inner}>")),
            ("Option", Some(inner)) => {
                let some = vec![(None, inner.clone())];
                self.variants(base, vec![(0, "None".into(), vec![]), (1, "Some".into(), some)])
            }
            ("AccountId32" | "H256", _) => self.wrapper(base, None, "[u8; 32]"),
            ("ExtraFlags", _) => self.wrapper(base, None, "u128"),
            ("FixedI64", _) => self.wrapper(base, Some("bits"), "i64"),
            ("FixedI128", _) => self.wrapper(base, Some("bits"), "i128"),
            ("FixedU128", _) => self.wrapper(base, Some("bits"), "u128"),
            ("MultiAddress", _) => {
                let one = |kind: &str| vec![(None, kind.to_owned())];
                let list = vec![
                    (0, "Id".into(), one("AccountId32")),
                    (1, "Index".into(), one("Compact<()>")),
                    (2, "Raw".into(), one("Vec<u8>")),
                    (3, "Address32".into(), one("[u8; 32]")),
                    (4, "Address20".into(), one("[u8; 20]")),
                ];
                self.variants(base, list)
            }
            ("Data", _) => {
                let mut list = vec![(0, "None".to_owned(), vec![])];
                for length in 0..=128_u8 {
                    list.push((
                        length + 1,
                        format!("Raw{length}"),
                        vec![(None, format!("[u8; {length}]"))],
                    ));
                }
                for (index, name) in ["BlakeTwo256", "Sha256", "Keccak256", "ShaThree256"]
                    .into_iter()
                    .enumerate()
                {
                    list.push((130 + index as u8, name.into(), vec![(None, "[u8; 32]".into())]));
                }
                let locked = vec![
                    (Some("encrypted".to_owned()), "BoundedVec<u8>".to_owned()),
                    (Some("reveal_round".to_owned()), "u64".to_owned()),
                ];
                list.push((134, "TimelockEncrypted".into(), locked));
                list.push((135, "ResetBondsFlag".into(), vec![]));
                list.push((136, "BigRaw".into(), vec![(None, "BoundedVec<u8>".into())]));
                self.variants(base, list)
            }
            // What is not looked into.
            ("BeaconConfiguration", _) => self.wrapper(base, Some("public_key"), "BoundedVec<u8>"),
            ("RuntimeCall", _) => *self.known.get("RuntimeCall").expect("registered before it is used"),
            _ => self.recorded_type(base),
        }
    }

    fn recorded_type(&mut self, name: &str) -> u32 {
        let recorded = self.recorded["types"][name].clone();
        if let Some(fields) = recorded["struct"].as_array() {
            let fields: Vec<_> = fields.iter().map(|f| self.field(f[0].as_str(), &text(&f[1]))).collect();
            return self.add_named(name, TypeDefComposite::new(fields));
        }
        let list = recorded["enum"]
            .as_array()
            .unwrap_or_else(|| panic!("no type `{name}`"));
        let variant = |v: &Json| {
            let fields = items(&v[2])
                .iter()
                .map(|f| (f[0].as_str().map(str::to_owned), text(&f[1])));
            (v[0].as_u64().expect("an index") as u8, text(&v[1]), fields.collect())
        };
        self.variants(name, list.iter().map(variant).collect())
    }
}

/// Splits at the commas that are outside of all brackets.
fn split(list: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in list.chars() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("a part").push(letter);
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Metadata of a runtime that has what is recorded.
pub(crate) fn built_from(recorded: &Json) -> Metadata {
    let mut types = Types {
        builder: PortableRegistryBuilder::new(),
        known: HashMap::new(),
        recorded,
    };
    let pallets = recorded["pallets"].as_object().expect("pallets");
    // The enum of all calls contains calls that contain it: its id has to be known before it is built.
    let simple: Vec<Sorted<'_>> = pallets
        .iter()
        .map(|(name, pallet)| {
            let (outer, plain) = items(&pallet["calls"])
                .iter()
                .partition(|call| call["args"].to_string().contains("RuntimeCall"));
            (name, plain, outer)
        })
        .collect();
    let mut call_types = BTreeMap::new();
    for (name, plain, outer) in &simple {
        if outer.is_empty() && !plain.is_empty() {
            call_types.insert((*name).clone(), call_enum(&mut types, plain));
        }
    }
    // Field and enum types of the recursive ones are the next to be added, in this order.
    let recursive: Vec<_> = simple.iter().filter(|(_, _, outer)| !outer.is_empty()).collect();
    for (_, plain, outer) in &recursive {
        for call in plain.iter().chain(outer.iter()) {
            for arg in items(&call["args"]) {
                let kind = text(&arg[1]);
                if !kind.contains("RuntimeCall") {
                    types.of(&kind);
                }
            }
        }
    }
    let needs_list = recursive.iter().any(|(_, _, outer)| {
        outer
            .iter()
            .any(|call| call["args"].to_string().contains("Vec<RuntimeCall>"))
    });
    let call = types.builder.next_type_id() + u32::from(needs_list) + recursive.len() as u32;
    types.known.insert("RuntimeCall".into(), call);
    if needs_list {
        types.of("Vec<RuntimeCall>");
    }
    for (name, plain, outer) in &recursive {
        let all: Vec<&Json> = plain.iter().chain(outer.iter()).copied().collect();
        call_types.insert((*name).clone(), call_enum(&mut types, &all));
    }
    let outer = call_types.iter().map(|(name, ty)| Variant {
        name: name.clone(),
        fields: vec![Field::new(None, (*ty).into(), None, vec![])],
        index: pallets[name]["index"].as_u64().expect("an index") as u8,
        docs: vec![],
    });
    let outer: Vec<_> = outer.collect();
    assert_eq!(
        types.add_named("RuntimeCall", TypeDefVariant::new(outer)),
        call,
        "the id foreseen"
    );

    let nothing = types.of("()");
    let built = pallets.iter().map(|(name, pallet)| PalletMetadata {
        name: name.clone(),
        storage: Some(PalletStorageMetadata {
            prefix: name.clone(),
            entries: items(&pallet["storage"])
                .iter()
                .map(|item| entry(&mut types, item))
                .collect(),
        }),
        calls: call_types.get(name).map(|ty| PalletCallMetadata { ty: (*ty).into() }),
        event: None,
        constants: items(&pallet["constants"])
            .iter()
            .map(|constant| PalletConstantMetadata {
                name: text(&constant[0]),
                ty: types.of(&text(&constant[1])).into(),
                value: unhex(&text(&constant[2])),
                docs: vec![],
            })
            .collect(),
        error: None,
        index: pallet["index"].as_u64().expect("an index") as u8,
        docs: vec![],
    });
    let built: Vec<_> = built.collect();
    let apis = recorded["apis"]
        .as_object()
        .expect("interfaces")
        .iter()
        .map(|(name, methods)| RuntimeApiMetadata {
            name: name.clone(),
            methods: items(methods)
                .iter()
                .map(|method| RuntimeApiMethodMetadata {
                    name: text(&method["name"]),
                    inputs: items(&method["inputs"])
                        .iter()
                        .map(|input| RuntimeApiMethodParamMetadata {
                            name: text(&input[0]),
                            ty: types.of(&text(&input[1])).into(),
                        })
                        .collect(),
                    output: types.of(&text(&method["output"])).into(),
                    docs: vec![],
                })
                .collect(),
            docs: vec![],
        });
    let apis: Vec<_> = apis.collect();
    let address = types.of("MultiAddress");
    let metadata = RuntimeMetadataV15 {
        extrinsic: ExtrinsicMetadata {
            version: 4,
            address_ty: address.into(),
            call_ty: call.into(),
            signature_ty: nothing.into(),
            extra_ty: nothing.into(),
            signed_extensions: vec![],
        },
        types: types.builder.finish(),
        pallets: built,
        ty: nothing.into(),
        apis,
        outer_enums: OuterEnums {
            call_enum_ty: call.into(),
            event_enum_ty: nothing.into(),
            error_enum_ty: nothing.into(),
        },
        custom: CustomMetadata { map: BTreeMap::new() },
    };
    Metadata::from_v15(metadata).expect("metadata that hold together")
}

fn call_enum(types: &mut Types<'_>, calls: &[&Json]) -> u32 {
    let list = calls.iter().map(|call| {
        let args = items(&call["args"])
            .iter()
            .map(|arg| (Some(text(&arg[0])), text(&arg[1])));
        (
            call["index"].as_u64().expect("an index") as u8,
            text(&call["name"]),
            args.collect(),
        )
    });
    let list = list.collect();
    types.variants("Call", list)
}

fn entry(types: &mut Types<'_>, item: &Json) -> StorageEntryMetadata<PortableForm> {
    let hashers: Vec<_> = items(&item["hashers"])
        .iter()
        .map(|hasher| match hasher.as_str() {
            Some("Identity") => StorageHasher::Identity,
            Some("Twox64Concat") => StorageHasher::Twox64Concat,
            Some("Blake2_128Concat") => StorageHasher::Blake2_128Concat,
            other => panic!("hasher {other:?}"),
        })
        .collect();
    let value = types.of(&text(&item["value"])).into();
    let ty = match item["key"].as_str() {
        None => StorageEntryType::Plain(value),
        Some(key) => StorageEntryType::Map {
            hashers,
            key: types.of(key).into(),
            value,
        },
    };
    let optional = item["kind"] == "Optional";
    let default = text(&item["default"]);
    StorageEntryMetadata {
        name: text(&item["name"]),
        modifier: if optional {
            StorageEntryModifier::Optional
        } else {
            StorageEntryModifier::Default
        },
        ty,
        default: if default.contains('…') {
            vec![]
        } else {
            unhex(&default)
        },
        docs: vec![],
    }
}
