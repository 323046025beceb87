//! What a process has besides the chain: a disk, and weights. It may be killed wherever it uses them.

use async_trait::async_trait;
use axoneme_neuron::StateError;
use axoneme_weights::{Ledger, LedgerStore, View, WeightsSource};
use rand::Rng;
use std::sync::{Arc, Mutex};

use crate::world::Shared;

pub struct Disk(pub Shared);

impl LedgerStore for Disk {
    fn save(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        let mut world = self.0.lock();
        let kill = world.weather.kill / 3.0;
        let killed = || StateError::Io {
            action: "be killed before writing",
            path: "ledger".into(),
            source: std::io::Error::other("the weather"),
        };
        if world.rng.random_bool(kill) {
            world.fault();
            return Err(killed());
        }
        world.disk = Some(serde_json::to_vec(ledger).unwrap());
        if world.rng.random_bool(kill) {
            world.fault();
            return Err(killed());
        }
        Ok(())
    }
}

/// Weights that are never the same twice where they are set openly, which is by what the test tells them apart; committed
/// ones are often the same as before.
pub struct Counter(pub Shared, pub Arc<Mutex<u16>>);

#[async_trait]
impl WeightsSource for Counter {
    async fn weights(&self, view: &View) -> Result<Option<Vec<(u16, u16)>>, String> {
        self.0.killed().await;
        let mut count = self.1.lock().unwrap();
        let again = view.commit_reveal && *count > 0 && self.0.lock().rng.random_bool(0.25);
        if !again {
            *count = count.checked_add(1).expect("fewer plans than that");
        }
        Ok(Some(vec![(0, u16::MAX), (1, *count)]))
    }
}
