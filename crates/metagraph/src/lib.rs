//! Metagraphs kept fresh.
//!
//! * [`MetagraphSyncer`] fetches the metagraph of each subnet in its own time. One fetch serves all readers: they
//!   borrow an immutable [`Snapshot`] from a watch, listeners are called after each fetch, and what changed goes out as
//!   [`Change`]s.
//! * [`Stages`] say how old is too old. [`SnapshotFile`] keeps the last good snapshot on disk, so that a start without
//!   the chain has something to go by.
//! * [`MinerIterator`] walks over uids in fair rounds while the metagraph changes under it.
//!
//! ```
//! use axoneme_metagraph::MinerIterator;
//!
//! let miners = MinerIterator::starting_at([2, 5, 1, 0], 0);
//! assert_eq!((miners.next_uid(), miners.next_uid()), (Some(0), Some(1)));
//! miners.set_uids([5, 7]);
//! assert_eq!((miners.next_uid(), miners.next_uid(), miners.next_uid()), (Some(5), Some(7), Some(5)));
//! ```

mod changes;
mod cycle;
mod disk;
mod snapshot;
mod source;
mod syncer;

pub use changes::{Change, changes};
pub use cycle::{MinerIterator, UidCycle};
pub use disk::{SnapshotError, SnapshotFile};
pub use snapshot::{Snapshot, Stage, Stages};
pub use source::{FetchError, Source};
pub use syncer::{MetagraphSyncer, Pace, SyncError, SyncerConfig};
