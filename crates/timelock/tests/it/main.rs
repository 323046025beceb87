//! Against ciphertexts, schedules and hashes made by other implementations.

mod hostile;
mod schedule;
mod vectors;

use serde_json::Value;

/// A file of `tests/vectors`.
fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn list(value: &Value) -> Vec<u16> {
    let values = value.as_array().unwrap();
    values.iter().map(|value| value.as_u64().unwrap() as u16).collect()
}

fn rng() -> rand_chacha::ChaCha20Rng {
    rand::SeedableRng::seed_from_u64(7)
}
