//! The outage drill, as the tests of a connection use it.

use std::net::SocketAddr;

use axoneme_drill::{Drill, DrillConfig, Fault};

/// What the relay does with traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Passes it on.
    Open,
    /// Swallows it without closing anything, as a dead peer behind a firewall does.
    Frozen,
    /// Closes all connections and refuses new ones.
    Cut,
    /// Passes on what the client sends and closes at the first byte of the answer: the request arrived, and
    /// the client cannot know.
    CutAnswers,
}

/// A relay on a port of its own.
pub struct Proxy(Drill);

impl Proxy {
    pub async fn before(target: SocketAddr) -> Proxy {
        let config = DrillConfig::before(&format!("ws://{target}")).expect("an endpoint");
        Proxy(Drill::start(config).await.expect("a free port"))
    }

    pub fn url(&self) -> String {
        self.0.url()
    }

    pub fn set(&self, mode: Mode) {
        match mode {
            Mode::Open => self.0.clear(),
            Mode::Frozen => self.0.inject(Fault::HalfOpen),
            Mode::Cut => self.0.inject(Fault::Cut),
            Mode::CutAnswers => self.0.inject(Fault::CutAnswers),
        }
    }
}
