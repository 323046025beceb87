//! A node of the model chain behind a bad connection.

use async_trait::async_trait;
use axoneme_chain::{ChainError, Class};
use axoneme_weights::{Call, Signed, View, WeightsChain};
use rand::Rng;
use std::time::Duration;

use crate::model::{Event, FINALITY, key_of};
use crate::world::{MORTALITY, Pending, Shared, Weather, World};

fn disconnected() -> ChainError {
    ChainError::Disconnected {
        what: "a model chain",
        reason: "the weather".into(),
    }
}

#[async_trait]
impl WeightsChain for Shared {
    async fn view(&self) -> Result<View, ChainError> {
        self.killed().await;
        let mut world = self.lock();
        if world.down_for > 0 {
            return Err(disconnected());
        }
        let lag = world.weather.lag;
        let behind = match world.rng.random_bool(lag) {
            true => world.rng.random_range(1..4).min(world.states.len() - 1),
            false => 0,
        };
        if behind > 0 {
            world.fault();
        }
        let state = &world.states[world.states.len() - 1 - behind];
        Ok(state.view(state.block().saturating_sub(FINALITY)))
    }

    async fn sign(&self, call: &Call, until: u64) -> Result<Signed, ChainError> {
        self.killed().await;
        let mut world = self.lock();
        if world.down_for > 0 {
            return Err(disconnected());
        }
        world.signed += 1;
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&world.signed.to_be_bytes());
        world.calls.insert(hash, call.clone());
        let from_block = world.finalized();
        // An era is a power of two.
        let blocks = until.saturating_add(1).saturating_sub(from_block).clamp(4, MORTALITY);
        Ok(Signed {
            hash,
            from_block,
            valid_until: from_block + (1 << blocks.ilog2()),
            spent: false,
            failed: false,
            transaction: serde_json::Value::Null,
        })
    }

    async fn submit(&self, call: &Call, signed: &Signed) -> Result<u64, ChainError> {
        self.killed().await;
        let (answer, dies) = {
            let mut world = self.lock();
            let answer = world.take(call, signed);
            let kill = world.weather.kill;
            let dies = world.rng.random_bool(kill);
            if dies {
                world.fault();
            }
            (answer, dies)
        };
        if dies {
            std::future::pending::<()>().await;
        }
        answer
    }

    async fn find(&self, signed: &Signed, to: u64) -> Result<Option<(u64, bool)>, ChainError> {
        let world = self.lock();
        if world.down_for > 0 {
            return Err(disconnected());
        }
        let found = world.included.get(&signed.hash).map(|(block, ok, _)| (*block, *ok));
        Ok(found.filter(|(block, _)| *block <= to))
    }

    async fn revealed(&self, call: &Call, block: u64, to: u64) -> Result<bool, ChainError> {
        let world = self.lock();
        if world.down_for > 0 {
            return Err(disconnected());
        }
        let key = key_of(call).expect("a commit");
        let is_its = |event: &Event| match event {
            Event::Revealed { key: of, block: at } => *of == key && (block + 1..=to).contains(at),
            _ => false,
        };
        Ok(world.events.iter().any(is_its))
    }

    async fn block_hash(&self, number: u64) -> Result<Option<[u8; 32]>, ChainError> {
        let world = self.lock();
        match world.down_for {
            0 => Ok(world.hashes.get(&number).copied()),
            _ => Err(disconnected()),
        }
    }
}

impl World {
    fn pool_error(&self, call: &Call, until: u64) -> Option<&'static str> {
        let head = self.head();
        if until <= head.block() + 1 {
            return Some("AncientBirthBlock");
        }
        match call {
            Call::CommitTimelocked { round, .. } if *round < head.last_round => Some("InvalidRevealRound"),
            _ => None,
        }
    }

    /// A node takes a transaction, or not, and the caller waits for a while.
    fn take(&mut self, call: &Call, signed: &Signed) -> Result<u64, ChainError> {
        const CALL: &str = "weights";
        assert_eq!(self.calls[&signed.hash], *call, "a transaction says what was signed");
        let Weather { lose, slow, .. } = self.weather;
        if self.down_for > 0 {
            return Err(disconnected());
        }
        if let Some(name) = self.pool_error(call, signed.valid_until) {
            return Err(ChainError::Pool {
                call: CALL,
                code: 1010,
                name,
                message: String::new(),
                advice: "",
                class: Class::Transient,
            });
        }
        self.check_rivals(call);
        let lost = self.rng.random_bool(lose);
        let delay = match self.rng.random_bool(slow) {
            true => self.rng.random_range(1..14),
            false => 0,
        };
        if lost || delay > 0 {
            self.fault();
        }
        let known = self.included.contains_key(&signed.hash) || self.pool.iter().any(|tx| tx.hash == signed.hash);
        if !lost && !known {
            self.pool.push(Pending {
                hash: signed.hash,
                call: call.clone(),
                until: signed.valid_until,
                delay,
            });
        }
        if lost && self.rng.random_bool(0.5) {
            let reason = "the weather".into();
            return Err(ChainError::Dropped { call: CALL, reason });
        }
        for _ in 0..self.rng.random_range(1..5) {
            self.next_block();
            if let Some((block, ok, _)) = self.included.get(&signed.hash) {
                return match ok {
                    true => Ok(*block),
                    false => Err(ChainError::Dispatch {
                        call: CALL,
                        pallet: "SubtensorModule".into(),
                        name: self.refusal(call),
                        advice: "",
                        class: Class::Transient,
                    }),
                };
            }
        }
        Err(ChainError::Unconfirmed {
            call: CALL,
            nonce: 0,
            after: Duration::ZERO,
            valid_until: signed.valid_until,
        })
    }

    /// The name of the error that a call would get now.
    fn refusal(&self, call: &Call) -> String {
        let outcome = self.head().clone().dispatch(call, &mut Vec::new());
        outcome.err().unwrap_or("SettingWeightsTooFast").into()
    }

    /// No other commit may still be on its way.
    fn check_rivals(&mut self, call: &Call) {
        let Some(key) = key_of(call) else { return };
        let block = self.head().block();
        let rival = self
            .pool
            .iter()
            .find(|tx| tx.until > block && key_of(&tx.call).is_some_and(|other| other != key));
        // A timelocked commit whose round is out is taken by no block.
        let dead = rival.is_some_and(|tx| match tx.call {
            Call::CommitTimelocked { round, .. } => round < self.head().last_round,
            _ => false,
        });
        if let Some(rival) = rival.filter(|_| !dead) {
            let text = format!("block {block}: {call:?} was sent while {:?} was on its way", rival.call);
            self.violations.push(text);
        }
    }
}
