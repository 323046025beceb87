//! Behaviour of the wire against vectors recorded from real Python peers.

mod answers;
mod btauth;
mod derived;
mod hashes;
mod headers;
mod nonces;
mod signatures;
mod twresp;

use serde_json::Value;

/// One of the recorded files in `tests/vectors`.
pub fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("vector file")).expect("JSON")
}

/// The cases of a member.
pub fn cases(file: &Value, member: &str) -> Vec<Value> {
    file[member].as_array().expect("an array of cases").clone()
}

/// A text member of a case.
pub fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name} in {case}"))
}

/// Header pairs of a case.
pub fn header_pairs(case: &Value) -> Vec<(String, String)> {
    let pair = |pair: &Value| {
        (
            pair[0].as_str().expect("name").into(),
            pair[1].as_str().expect("value").into(),
        )
    };
    case["headers"].as_array().expect("headers").iter().map(pair).collect()
}

/// A member that is a number, as such or as text.
pub fn number(case: &Value, name: &str) -> u64 {
    let value = &case[name];
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.unwrap_or_else(|| panic!("no number {name} in {case}"))
}

/// What a future answers that never waits.
pub fn answer_at_once<T>(mut future: std::pin::Pin<Box<dyn Future<Output = T> + Send + '_>>) -> T {
    match future
        .as_mut()
        .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("made somebody wait"),
    }
}
