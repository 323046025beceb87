//! Weights as a state machine: due → planned → stored → signed → included → revealed, or expired.
//!
//! The machine itself does nothing but think. [`observe`] takes in what the chain shows, [`decide`] names the one thing
//! to do next; both are pure functions over a [`Ledger`] (what we meant to do, on disk) and a [`View`] (what the chain
//! holds at one block). [`Worker`] is the thin loop around them: read, write down, act.
//!
//! The rules it keeps:
//! * **One commit per window.** A window is an epoch of the subnet. It is planned for once its first block is final, and
//!   what is signed for it dies with it. There is one live transaction per intent, on disk before it is sent; whatever
//!   happens (a crash, a lost answer, a fork) the same bytes are handed over again. Another one is signed only once it is
//!   proven that the first cannot be included any more: see [`observe`].
//! * **The chain has the last word.** A state is what the chain shows, at a final block where it matters; nothing is
//!   taken for done because a call returned without an error.
//! * **No clock.** Time is the chain's own; this machine's clock may jump as it likes.

mod chain;
mod decide;
mod driver;
mod error;
mod fate;
mod intent;
mod ledger;
mod meters;
mod observe;
mod on_chain;
mod plan;
mod reaction;
mod read;
mod settings;
mod stage;
mod view;

pub use chain::{Call, WeightsChain};
pub use decide::{Action, decide};
pub use driver::{LedgerStore, Tick, WeightsSource, Worker};
pub use error::{Obstacle, WeightsError};
pub use intent::{Doubt, Form, Intent, Kind, Signed};
pub use ledger::Ledger;
pub use observe::{Change, observe};
pub use on_chain::OnChain;
pub use plan::plan;
pub use reaction::{Reaction, TABLE, reaction};
pub use settings::{Method, Settings};
pub use stage::{Stage, Why};
pub use view::{HashCommit, Registration, TimelockedCommit, View};
