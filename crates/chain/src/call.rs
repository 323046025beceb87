//! A call before it is signed: its name, its arguments by name, and what its submission waits for.

use crate::at::{account, number};
use crate::error::ChainError;
use crate::items::calls;
use axoneme_wallet::AccountId;
use subxt::dynamic::Value;
use subxt::ext::scale_value::Composite;
use subxt::metadata::Metadata;
use subxt::tx::DynamicPayload;

/// A call by name with its arguments by name.
pub(crate) type Payload = DynamicPayload<Composite<()>>;

/// What a submission waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// A block of the best chain. For calls that are repeated anyway.
    Inclusion,
    /// A final block. For calls that spend.
    Finality,
}

/// A call that can be signed and submitted, put into a batch, or made through a proxy.
///
/// Building one needs no connection: names and types are checked against the running chain's metadata when it is
/// signed. A runtime without the call, or with an argument that is not known here, gives an error that names it.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) what: &'static str,
    /// The same call as newer and older runtimes know it; the first that the running one has is used.
    forms: Vec<Payload>,
    pub(crate) wait: WaitFor,
}

impl Call {
    /// A call that waits for a block.
    pub(crate) fn quick(what: &'static str, payload: Payload) -> Call {
        Call {
            what,
            forms: vec![payload],
            wait: WaitFor::Inclusion,
        }
    }

    /// A call that waits for a final block.
    pub(crate) fn spending(what: &'static str, payload: Payload) -> Call {
        Call {
            wait: WaitFor::Finality,
            ..Call::quick(what, payload)
        }
    }

    /// Adds the form that is used where the runtime has none of those before it.
    pub(crate) fn or(mut self, payload: Payload) -> Call {
        self.forms.push(payload);
        self
    }

    /// Any call, by the names of the runtime.
    pub fn named<'a>(pallet: &str, name: &str, args: impl IntoIterator<Item = (&'a str, Value)>) -> Call {
        Call::quick("call", subxt::dynamic::tx(pallet, name, Composite::named(args)))
    }

    /// The same call with another idea of when it is done.
    #[must_use]
    pub fn waiting_for(mut self, wait: WaitFor) -> Call {
        self.wait = wait;
        self
    }

    /// Name of the call in metrics, logs and errors.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The form that this runtime has, with arguments as it wants them.
    ///
    /// # Errors
    /// [`ChainError::Missing`] when the runtime has no form of the call, [`ChainError::Encode`] when it wants other
    /// arguments; both name what is in the way.
    pub(crate) fn payload(&self, metadata: &Metadata) -> Result<Payload, ChainError> {
        let known = self
            .forms
            .iter()
            .find(|form| has_call(metadata, form.pallet_name(), form.call_name()));
        let Some(form) = known.or(self.forms.first()) else {
            return Err(ChainError::missing(format!("call {}", self.what)));
        };
        check(metadata, form)?;
        Ok(form.clone())
    }

    /// The bytes of the call, without signature.
    ///
    /// # Errors
    /// As when it is signed.
    #[cfg(test)]
    pub(crate) fn encoded(&self, metadata: &Metadata) -> Result<Vec<u8>, ChainError> {
        encode(metadata, &self.payload(metadata)?)
    }

    /// All calls in one transaction, which stops at the first that fails and keeps what came before.
    pub fn batch(items: Vec<Call>) -> Batch {
        Batch(BatchKind::UntilFailure, items)
    }

    /// All calls in one transaction, which fails as a whole when one of them does.
    pub fn batch_all(items: Vec<Call>) -> Batch {
        Batch(BatchKind::AllOrNothing, items)
    }

    /// All calls in one transaction, each with an outcome of its own.
    pub fn force_batch(items: Vec<Call>) -> Batch {
        Batch(BatchKind::Each, items)
    }

    /// The call made by `sudo`, as root.
    pub fn as_root(self) -> Wrapped {
        Wrapped(Wrapper::Sudo, self)
    }

    /// The call made for `real` by one of its proxies; `kind` names the proxy type if one is to be enforced.
    pub fn as_proxy_of(self, real: &AccountId, kind: Option<&str>) -> Wrapped {
        Wrapped(Wrapper::Proxy(*real, kind.map(str::to_owned)), self)
    }
}

/// Calls inside one transaction; see [`Call::batch`].
#[derive(Debug, Clone)]
pub struct Batch(BatchKind, Vec<Call>);

#[derive(Debug, Clone, Copy)]
enum BatchKind {
    UntilFailure,
    AllOrNothing,
    Each,
}

impl Batch {
    /// Number of calls inside.
    pub fn len(&self) -> usize {
        self.1.len()
    }

    /// Whether there is nothing inside.
    pub fn is_empty(&self) -> bool {
        self.1.is_empty()
    }
}

/// A call inside a call; see [`Call::as_root`] and [`Call::as_proxy_of`].
#[derive(Debug, Clone)]
pub struct Wrapped(Wrapper, Call);

#[derive(Debug, Clone)]
enum Wrapper {
    Sudo,
    Proxy(AccountId, Option<String>),
}

/// What can be signed: a [`Call`], a [`Batch`] of them, or a [`Wrapped`] one.
pub trait Submittable: Send + Sync {
    /// Name in metrics, logs and errors.
    fn label(&self) -> &'static str;
    /// What the submission waits for.
    fn wait(&self) -> WaitFor;
    /// As this runtime wants it.
    #[doc(hidden)]
    fn build(&self, metadata: &Metadata) -> Result<BuiltCall, ChainError>;
}

/// A call that was checked against metadata.
#[doc(hidden)]
pub struct BuiltCall(pub(crate) Payload);

impl Submittable for Call {
    fn label(&self) -> &'static str {
        self.what
    }

    fn wait(&self) -> WaitFor {
        self.wait
    }

    fn build(&self, metadata: &Metadata) -> Result<BuiltCall, ChainError> {
        self.payload(metadata).map(BuiltCall)
    }
}

impl Submittable for Batch {
    fn label(&self) -> &'static str {
        "batch"
    }

    fn wait(&self) -> WaitFor {
        match self.1.iter().any(|call| call.wait == WaitFor::Finality) {
            true => WaitFor::Finality,
            false => WaitFor::Inclusion,
        }
    }

    fn build(&self, metadata: &Metadata) -> Result<BuiltCall, ChainError> {
        let inner = self.1.iter().map(|call| Ok(call.payload(metadata)?.into_value()));
        let list = Value::unnamed_composite(inner.collect::<Result<Vec<_>, ChainError>>()?);
        let outer = match self.0 {
            BatchKind::UntilFailure => calls::BATCH.with([list]),
            BatchKind::AllOrNothing => calls::BATCH_ALL.with([list]),
            BatchKind::Each => calls::FORCE_BATCH.with([list]),
        };
        check(metadata, &outer)?;
        Ok(BuiltCall(outer))
    }
}

impl Submittable for Wrapped {
    fn label(&self) -> &'static str {
        self.1.what
    }

    fn wait(&self) -> WaitFor {
        self.1.wait
    }

    fn build(&self, metadata: &Metadata) -> Result<BuiltCall, ChainError> {
        let inner = self.1.payload(metadata)?.into_value();
        let outer = match &self.0 {
            Wrapper::Sudo => calls::SUDO.with([inner]),
            Wrapper::Proxy(real, kind) => {
                let kind = kind.as_deref().map(|kind| Value::unnamed_variant(kind, []));
                calls::PROXY.with([address(real), option(kind), inner])
            }
        };
        check(metadata, &outer)?;
        Ok(BuiltCall(outer))
    }
}

/// Whether the runtime has this call.
pub(crate) fn has_call(metadata: &Metadata, pallet: &str, call: &str) -> bool {
    let pallet = metadata.pallet_by_name(pallet);
    pallet.is_some_and(|pallet| pallet.call_variant_by_name(call).is_some())
}

/// Whether the runtime has this call with exactly these arguments. Arguments by position are taken as they are.
fn check(metadata: &Metadata, payload: &Payload) -> Result<(), ChainError> {
    let (pallet, call) = (payload.pallet_name(), payload.call_name());
    let missing = || ChainError::missing(format!("call {pallet}.{call}"));
    let found = metadata.pallet_by_name(pallet).ok_or_else(missing)?;
    let variant = found.call_variant_by_name(call).ok_or_else(missing)?;
    let wrong = |detail| ChainError::Encode {
        what: format!("{pallet}.{call}"),
        detail,
    };
    let Composite::Named(given) = payload.call_data() else {
        return match payload.call_data().len() == variant.fields.len() {
            true => Ok(()),
            false => Err(wrong(format!("it has {} arguments", variant.fields.len()))),
        };
    };
    let wanted: Vec<&str> = variant
        .fields
        .iter()
        .filter_map(|field| field.name.as_deref())
        .collect();
    if let Some(added) = wanted
        .iter()
        .find(|name| !given.iter().any(|(given, _)| given == *name))
    {
        return Err(wrong(format!("the runtime wants the argument `{added}` too")));
    }
    if let Some((gone, _)) = given.iter().find(|(given, _)| !wanted.contains(&given.as_str())) {
        return Err(wrong(format!("the runtime does not know the argument `{gone}`")));
    }
    Ok(())
}

/// The bytes of a call.
#[cfg(test)]
pub(crate) fn encode(metadata: &Metadata, payload: &Payload) -> Result<Vec<u8>, ChainError> {
    use subxt::ext::scale_encode::EncodeAsType;
    let wrong = |detail: String| ChainError::Encode {
        what: payload.call_name().to_owned(),
        detail,
    };
    let call = metadata.outer_enums().call_enum_ty();
    let value = payload.clone().into_value();
    value
        .encode_as_type(call, metadata.types())
        .map_err(|error| wrong(error.to_string()))
}

/// An account where an address is wanted.
pub(crate) fn address(id: &AccountId) -> Value {
    Value::unnamed_variant("Id", [account(id)])
}

/// A value that may be absent.
pub(crate) fn option(value: Option<Value>) -> Value {
    match value {
        Some(value) => Value::unnamed_variant("Some", [value]),
        None => Value::unnamed_variant("None", []),
    }
}

/// A list of numbers.
pub(crate) fn numbers<T: Into<u128>>(values: impl IntoIterator<Item = T>) -> Value {
    Value::unnamed_composite(values.into_iter().map(number))
}
