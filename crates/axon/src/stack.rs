//! What happens to a request, from head to answer: the list is [`stack`], each line of it a file in this directory.

mod address_rate;
mod answer;
mod arrive;
mod caller_rules;
mod form;
mod handle;
mod hotkey_rate;
mod identify;
mod parse;
mod rescue;
mod route;
mod shared;
mod stage;
mod turn;
mod verify;

pub(crate) use handle::Gone;
pub(crate) use shared::Shared;
pub(crate) use stage::{Asked, Reply};

use std::convert::Infallible;
use std::sync::Arc;

use tower::{Service, ServiceBuilder};

use crate::answer::Answer;
use stage::{Checking, Stepping};

/// The way of a request. Read from the top: what stands higher is asked first and pays for less.
///
/// Three orders matter. Whatever is cheap and remembers nothing comes before the signature; nothing is remembered
/// about a caller before its signature holds; and the nonce is claimed together with the signature, before anything
/// that takes time, so that of two copies one passes.
///
/// Above this list, outside HTTP, the connection has its own limits and deadlines: how many there are and to whom
/// they belong (`peers.rs`), how long a head may take, an idle connection may be kept and a write may stall
/// (`connection.rs`).
pub(crate) fn stack(
    shared: &Arc<Shared>,
) -> impl Service<Box<Asked>, Response = Answer, Error = Infallible, Future: Send + Unpin + 'static>
+ Clone
+ Send
+ Sync
+ 'static {
    let shared = || shared.clone();
    ServiceBuilder::new()
        // A panic anywhere below costs one 500.
        .layer(rescue::Rescue(shared()))
        // The last step of every request: what comes back up is written for the caller's wire, and signed where that
        // wire has signatures. Sees everything below, so refusals are answered here and nowhere else.
        .layer(answer::Answering(shared()))
        // 429: one address, one bucket. Callers known at this address have buckets of their own.
        .layer(Checking(address_rate::AddressRate(shared())))
        // 400: framing that could be read in two ways.
        .layer(Checking(form::Form))
        // 404, 405, 413 by the declared length.
        .layer(Checking(route::FindRoute(shared())))
        // 400, 401: which wire, who claims to ask, fresh or not. Nothing is remembered and nothing computed.
        .layer(Checking(identify::Identify(shared())))
        // 408, 413: the body, within its deadline and within what strangers may take of the memory.
        .layer(Stepping(arrive::Arrive(shared())))
        // 401: signature and nonce. 503 when strangers ask for more signature checks than they are given.
        .layer(Stepping(verify::Verify(shared())))
        // 403: deny list, allow list, registered, permit, stake; 503 when the metagraph is too old to tell.
        .layer(Checking(caller_rules::CallerRules(shared())))
        // 429: one hotkey, one bucket.
        .layer(Checking(hotkey_rate::HotkeyRate(shared())))
        // 503: so many run, so many wait, highest stake first.
        .layer(Stepping(turn::Turn(shared())))
        // 400, 422: the body is the synapse, and the one that was signed.
        .layer(Checking(parse::Parse))
        // 500, 504: the handler.
        .service(handle::Handle(shared()))
}
