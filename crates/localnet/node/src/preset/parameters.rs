//! Hyperparameters by name: `tempo` is set with `AdminUtils.sudo_set_tempo`, whatever the runtime has of these.

use std::collections::BTreeMap;

use codec::{Compact, Decode as _, Encode};
use node_subtensor_runtime::{RuntimeCall, RuntimeOrigin};
use scale_info::{PortableRegistry, Registry, TypeDef, TypeDefPrimitive, Variant, form::PortableForm, meta_type};
use serde::Deserialize;
use sp_runtime::{DispatchError, traits::Dispatchable as _};
use toml::{Spanned, Value};

const PALLET: &str = "AdminUtils";
const PREFIX: &str = "sudo_set_";

/// Names and values as they stand in a preset.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Parameters(BTreeMap<Spanned<String>, Spanned<Value>>);

impl Parameters {
    /// Sets all of them in the order they stand, with root's rights. Needs externalities.
    ///
    /// # Errors
    /// With where the one stands that cannot be set, and why.
    pub(super) fn set(&self, netuid: Option<u16>, known: &Known) -> Result<(), (usize, String)> {
        let mut ordered: Vec<_> = self.0.iter().collect();
        ordered.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in ordered {
            let call = known
                .call(name.get_ref(), netuid, value.get_ref())
                .map_err(|why| (name.span().start, why))?;
            call.dispatch(RuntimeOrigin::root()).map_err(|failed| {
                (
                    value.span().start,
                    format!(
                        "{} cannot be {}: {}",
                        name.get_ref(),
                        value.get_ref(),
                        words(&failed.error)
                    ),
                )
            })?;
        }
        Ok(())
    }
}

/// The name of an error, as the chain's documentation has it.
pub(super) fn words(error: &DispatchError) -> String {
    match error {
        DispatchError::Module(module) => module.message.unwrap_or("an error without a name").to_owned(),
        other => format!("{other:?}"),
    }
}

/// What the runtime lets root set.
pub(super) struct Known {
    types: PortableRegistry,
    pallet_index: u8,
    calls: Vec<Variant<PortableForm>>,
}

impl Known {
    /// Looks at the runtime's own description of its calls.
    ///
    /// # Errors
    /// When the runtime has no such pallet, which is a fault of this program.
    pub(super) fn look() -> Result<Self, String> {
        let mut registry = Registry::new();
        let root = registry.register_type(&meta_type::<RuntimeCall>()).id;
        let types: PortableRegistry = registry.into();
        let variants = |id: u32| match types.resolve(id).map(|found| &found.type_def) {
            Some(TypeDef::Variant(found)) => Some(found.variants.clone()),
            _ => None,
        };
        let none = || format!("the runtime has no pallet {PALLET}");
        let pallet = variants(root)
            .into_iter()
            .flatten()
            .find(|variant| variant.name == PALLET)
            .ok_or_else(none)?;
        let calls = pallet
            .fields
            .first()
            .and_then(|field| variants(field.ty.id))
            .ok_or_else(none)?;
        Ok(Self {
            pallet_index: pallet.index,
            calls,
            types,
        })
    }

    fn call(&self, name: &str, netuid: Option<u16>, value: &Value) -> Result<RuntimeCall, String> {
        let of_subnet = |call: &Variant<PortableForm>| {
            call.fields
                .first()
                .is_some_and(|field| field.name.as_deref() == Some("netuid"))
        };
        let wanted = |call: &&Variant<PortableForm>| of_subnet(call) == netuid.is_some();
        let found = self
            .calls
            .iter()
            .filter(wanted)
            .find(|call| call.name.strip_prefix(PREFIX) == Some(name));
        let Some(call) = found else {
            let mut names: Vec<&str> = self
                .calls
                .iter()
                .filter(wanted)
                .filter_map(|call| call.name.strip_prefix(PREFIX))
                .collect();
            names.sort_unstable();
            return Err(format!("unknown parameter `{name}`; there are {}", names.join(", ")));
        };
        let mut bytes = vec![self.pallet_index, call.index];
        let mut fields = &call.fields[..];
        if let Some(netuid) = netuid {
            netuid.encode_to(&mut bytes);
            fields = &fields[1..];
        }
        let values = match value {
            Value::Array(values) if fields.len() > 1 => &values[..],
            single => std::slice::from_ref(single),
        };
        if values.len() != fields.len() {
            let names: Vec<&str> = fields.iter().filter_map(|field| field.name.as_deref()).collect();
            return Err(format!("{name} takes [{}]", names.join(", ")));
        }
        for (field, value) in fields.iter().zip(values) {
            self.encode(field.ty.id, value, &mut bytes)
                .map_err(|kind| format!("{name} has to be {kind}, not {value}"))?;
        }
        RuntimeCall::decode(&mut &bytes[..]).map_err(|error| format!("{name} cannot be set: {error}"))
    }

    /// Appends `value` as the type `id`; on error, in words, what it should have been.
    fn encode(&self, id: u32, value: &Value, bytes: &mut Vec<u8>) -> Result<(), String> {
        let whole = |max: u64| match value {
            Value::Integer(number) => u64::try_from(*number).ok().filter(|number| *number <= max),
            _ => None,
        };
        let limited = |max: u64| whole(max).ok_or_else(|| format!("a whole number from 0 to {max}"));
        match self.types.resolve(id).map(|found| &found.type_def) {
            Some(TypeDef::Primitive(TypeDefPrimitive::Bool)) => {
                value.as_bool().ok_or("true or false")?.encode_to(bytes);
            }
            Some(TypeDef::Primitive(TypeDefPrimitive::U8)) => (limited(u64::from(u8::MAX))? as u8).encode_to(bytes),
            Some(TypeDef::Primitive(TypeDefPrimitive::U16)) => (limited(u64::from(u16::MAX))? as u16).encode_to(bytes),
            Some(TypeDef::Primitive(TypeDefPrimitive::U32)) => (limited(u64::from(u32::MAX))? as u32).encode_to(bytes),
            Some(TypeDef::Primitive(TypeDefPrimitive::U64)) => limited(i64::MAX as u64)?.encode_to(bytes),
            Some(TypeDef::Primitive(TypeDefPrimitive::U128)) => u128::from(limited(i64::MAX as u64)?).encode_to(bytes),
            Some(TypeDef::Compact(_)) => Compact(limited(i64::MAX as u64)?).encode_to(bytes),
            // A number in a wrapper of one field, such as a balance type.
            Some(TypeDef::Composite(wrapper)) if wrapper.fields.len() == 1 => {
                return self.encode(wrapper.fields[0].ty.id, value, bytes);
            }
            _ => return Err("set by a transaction".to_owned()),
        }
        Ok(())
    }
}
