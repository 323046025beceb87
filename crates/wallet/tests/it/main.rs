//! Behaviour of the wallet against vectors recorded from the Python wallets.

mod keys;
mod passwords;
mod properties;
mod wallets;

/// One of the recorded files in `tests/vectors`.
pub fn vectors(name: &str) -> serde_json::Value {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("vector file")).expect("JSON")
}
