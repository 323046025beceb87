//! One bucket for each hotkey, wherever it asks from.

use std::sync::Arc;

use super::shared::Shared;
use super::stage::{Asked, Check};
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct HotkeyRate(pub(crate) Arc<Shared>);

impl Check for HotkeyRate {
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let Some(limiter) = &self.0.per_hotkey else {
            return Ok(());
        };
        limiter
            .take(*asked.head()?.hotkey())
            .map_err(|retry_after| Refusal::HotkeyRate { retry_after })
    }
}
