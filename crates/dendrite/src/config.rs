//! The settings of a dendrite.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::{Clock, SystemClock};

/// Settings of a [`Dendrite`](crate::Dendrite).
#[derive(Clone)]
pub struct DendriteConfig {
    /// This machine's public address, told to axons and used to notice that an axon is on this machine. None: not told.
    pub external_ip: Option<IpAddr>,
    /// Whether axons at private, loopback and other addresses that are not on the internet may be asked; false. Anybody
    /// can publish any address: set this only where all axons are known, as on a chain of this machine.
    pub allow_private: bool,
    /// Calls at once, 1024; more wait within their timeouts. The Python dendrite stops at 100, so that in a larger
    /// round the last miners look slow without being it. Each needs a file descriptor.
    pub max_in_flight: usize,
    /// Largest answer, 4 MiB; larger ones are failures.
    pub answer_bytes: usize,
    /// Largest head of an answer, 64 KiB.
    pub answer_head_bytes: usize,
    /// How long an unused connection is kept, 4 s. Python axons close theirs after 5 s; keeping them longer makes calls
    /// fail that should not.
    pub idle_timeout: Duration,
    /// Unused connections kept per axon, 8.
    pub max_idle_per_axon: usize,
    /// Where nonces come from.
    pub clock: Arc<dyn Clock>,
}

impl Default for DendriteConfig {
    fn default() -> Self {
        Self {
            external_ip: None,
            allow_private: false,
            max_in_flight: 1024,
            answer_bytes: 4 << 20,
            answer_head_bytes: 64 << 10,
            idle_timeout: Duration::from_secs(4),
            max_idle_per_axon: 8,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl std::fmt::Debug for DendriteConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DendriteConfig")
            .field("external_ip", &self.external_ip)
            .field("allow_private", &self.allow_private)
            .field("max_in_flight", &self.max_in_flight)
            .field("answer_bytes", &self.answer_bytes)
            .field("answer_head_bytes", &self.answer_head_bytes)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_idle_per_axon", &self.max_idle_per_axon)
            .finish_non_exhaustive()
    }
}

/// Why a dendrite could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DendriteError {
    /// Every call would wait for ever.
    #[error("max_in_flight is 0, so no call could ever be made; use at least 1")]
    NothingInFlight,
    /// Less than the head of any axon's answer.
    #[error("answer_head_bytes is {given}, at least {least} are needed")]
    TinyHead {
        /// What was asked for.
        given: usize,
        /// The least that works.
        least: usize,
    },
}

/// The smallest read buffer the HTTP library takes.
const LEAST_HEAD_BYTES: usize = 8192;

impl DendriteConfig {
    pub(crate) fn check(&self) -> Result<(), DendriteError> {
        if self.max_in_flight == 0 {
            return Err(DendriteError::NothingInFlight);
        }
        if self.answer_head_bytes < LEAST_HEAD_BYTES {
            return Err(DendriteError::TinyHead {
                given: self.answer_head_bytes,
                least: LEAST_HEAD_BYTES,
            });
        }
        Ok(())
    }
}
