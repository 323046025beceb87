//! What a chain says about itself that its runtime does not.

use serde_json::{Value, json};

/// What the chain calls itself; the main chain's name would mislead.
pub const CHAIN_NAME: &str = "Bittensor Localnet";

/// What a chain says about itself that its runtime does not.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Answer of `system_chain`.
    pub chain: String,
    /// Answer of `system_properties`: how clients write addresses and amounts.
    pub properties: Value,
}

impl Default for About {
    /// Of the chain with the runtime compiled in.
    fn default() -> Self {
        Self {
            chain: CHAIN_NAME.to_owned(),
            properties: json!({ "ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO" }),
        }
    }
}
