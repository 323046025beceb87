//! Timelocked weights: what is encrypted to a future round of a drand beacon, anybody can read once that round is out.
//!
//! * [`Beacon`]: who signs rounds, and when; [`DevBeacon`]: one whose secret everybody knows, for a chain without network.
//! * [`encrypt`], [`decrypt`], [`verify_pulse`]: the wire of commit–reveal version 4.
//! * [`WeightsPayload`]: what is inside; [`commit_hash`]: what is committed without a beacon.
//! * [`reveal`]: in which block, and so in which round, the chain opens a commit.
//!
//! No I/O and no clock: time and randomness are parameters.
//!
//! ```
//! use axoneme_timelock::{DevBeacon, decrypt, encrypt};
//!
//! # fn example(rng: &mut impl rand::CryptoRng) -> Result<(), axoneme_timelock::TimelockError> {
//! let dev = DevBeacon::default();
//! let ciphertext = encrypt(&dev.beacon(), 42, b"weights", rng)?;
//! assert_eq!(decrypt(&ciphertext, &dev.sign(42))?, b"weights");
//! # Ok(())
//! # }
//! ```

mod beacon;
mod cipher;
mod commit;
mod curve;
mod error;
mod payload;
pub mod reveal;
mod wire;

pub use beacon::{Beacon, DevBeacon, randomness, verify_pulse};
pub use cipher::{decrypt, encrypt};
pub use commit::{MAX_MECHANISMS, commit_hash, netuid_index};
pub use error::TimelockError;
pub use payload::{COMMIT_REVEAL_VERSION, LegacyPayload, MAX_COMMIT_BYTES, WeightsPayload};
pub use wire::OVERHEAD;
