//! The settings of a dendrite.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::twresp::sse::StreamLimits;
use axoneme_protocol::{Clock, SystemClock};
use axoneme_wallet::AccountId;

use crate::tls::TlsPolicy;

/// Settings of a [`Dendrite`](crate::Dendrite).
#[derive(Clone)]
pub struct DendriteConfig {
    /// This machine's public address, told to axons and used to notice that an axon is on this machine. None: not told.
    ///
    /// An axon that publishes this address is asked over loopback, at whatever port it published: set it only where
    /// nothing on loopback minds being sent a POST.
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
    /// What applies to axons of the btauth wire only.
    pub btauth: BtauthConfig,
    /// Whether btauth traffic is encrypted; plain HTTP.
    pub tls: TlsPolicy,
}

/// Settings for axons of the btauth wire.
#[derive(Debug, Clone)]
pub struct BtauthConfig {
    /// Whether an answer that the miner did not sign is a failure; true. Streams always have to be signed. A signature
    /// that is there and wrong is a failure whatever this says.
    pub require_signature: bool,
    /// Whether an axon that turns out to speak v10 only is asked again that way; false. Who sits between could make any
    /// axon look so: the question then goes out over the weaker wire, to be answered by anybody. Never done for a miner
    /// that once signed an answer, nor where TLS is asked for.
    pub fall_back_to_v10: bool,
    /// Miners known to sign, from an earlier run (see [`Dendrite::signers`](crate::Dendrite::signers)).
    pub known_signers: Vec<AccountId>,
    /// Attempts per call, 1. With 2, one that could not connect, or was answered by 502, 503 or 504, is made again,
    /// freshly signed.
    pub attempts: u32,
    /// How long an attempt that can be repeated waits for the head of its answer; none: as long as the call. Set it only
    /// where asking twice does no harm: the axon may have begun to answer.
    pub attempt_timeout: Option<Duration>,
    /// Limits of signed streams: 4 MiB, 60 s, 10 s between events.
    pub stream: StreamLimits,
}

impl Default for BtauthConfig {
    fn default() -> Self {
        Self {
            require_signature: true,
            fall_back_to_v10: false,
            known_signers: Vec::new(),
            attempts: 1,
            attempt_timeout: None,
            stream: StreamLimits::default(),
        }
    }
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
            btauth: BtauthConfig::default(),
            tls: TlsPolicy::default(),
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
            .field("btauth", &self.btauth)
            .field("tls", &self.tls)
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
    /// No btauth call could be made.
    #[error("btauth.attempts is 0, so no btauth axon could ever be asked; use at least 1")]
    NoAttempts,
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
        if self.btauth.attempts == 0 {
            return Err(DendriteError::NoAttempts);
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
