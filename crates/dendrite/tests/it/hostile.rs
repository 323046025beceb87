//! Whatever an axon says, the call ends in time with an answer that says what happened.

use std::sync::Arc;
use std::time::Duration;

use axoneme_dendrite::{Answer, DendriteConfig, Wire};
use axoneme_protocol::{Prompting, StreamPrompting};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use crate::scripted::{Act, Server, alice, bob, signed};

const TIMEOUT: Duration = Duration::from_secs(2);
const MUTATIONS: usize = 1200;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// Changes, removes, repeats or cuts off a few bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let until = (at + 1 + self.below(12)).min(bytes.len());
            match self.below(6) {
                _ if bytes.is_empty() => return,
                0 => bytes[at] = self.below(256) as u8,
                1 => drop(bytes.drain(at..until)),
                2 => drop(bytes.splice(at..at, [b'9'; 20])),
                3 => bytes.extend_from_within(at..),
                4 => drop(bytes.splice(at..at, *b"\r\n")),
                _ => bytes.truncate(at),
            }
        }
    }
}

fn recorded() -> Vec<Vec<u8>> {
    let path = format!("{}/tests/vectors/dendrite_outcomes.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("json");
    let cases = file["cases"].as_array().expect("cases").iter();
    let says = cases.filter_map(|case| Some(case["server_sends"].as_str()?.as_bytes().to_vec()));
    says.filter(|bytes| bytes.len() < 2000).collect()
}

fn check<S: std::fmt::Debug>(answer: &Answer<S>, completion: &str, says: &[u8]) {
    let says = String::from_utf8_lossy(says);
    assert_eq!(answer.is_success(), answer.status == 200, "{answer:?} to {says}");
    assert!(answer.is_success() || completion.is_empty(), "{answer:?} to {says}");
    assert!(!answer.message.contains("panicked"), "{answer:?} to {says}");
    assert!(
        answer.message.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{answer:?}"
    );
}

#[tokio::test]
async fn mangled_answers_end_in_time_and_never_in_a_panic() {
    let (recorded, mut numbers) = (recorded(), Numbers(0x9e37_79b9_7f4a_7c15));
    let says: Arc<Mutex<Vec<u8>>> = Arc::default();
    let said = says.clone();
    let server = Server::start(move |_| Act::SayAndClose(said.lock().clone())).await;
    let dendrite = alice(DendriteConfig::default());
    let (mut answered, began) = (0, Instant::now());
    for index in 0..MUTATIONS {
        let mut bytes = recorded[index % recorded.len()].clone();
        numbers.mutate(&mut bytes);
        says.lock().clone_from(&bytes);
        let wire = if index % 3 == 0 { Wire::Btauth } else { Wire::V10 };
        let target = server.target().over(wire);
        if index % 2 == 0 {
            let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
            check(&answer, &answer.synapse.completion, &bytes);
            assert!(wire == Wire::V10 || !answer.is_success(), "nobody signed this");
            answered += usize::from(answer.is_success());
        } else {
            let question = StreamPrompting::from(Prompting::ask("hello"));
            let answer = dendrite.stream(&target, question, TIMEOUT).finish().await;
            check(&answer, &answer.synapse.completion, &bytes);
            assert!(wire == Wire::V10 || !answer.is_success(), "nobody signed this");
            answered += usize::from(answer.is_success());
        }
    }
    // Some changes do no harm; the run is worth something only if both kinds were seen.
    assert!(answered > 0 && answered < MUTATIONS / 2, "{answered}");
    assert!(began.elapsed() < TIMEOUT * MUTATIONS as u32);
}

#[tokio::test]
async fn no_change_to_a_signed_answer_goes_unnoticed() {
    const BODY: &str = r#"{"roles":["user"],"messages":["hello"],"completion":"hi"}"#;
    let at: Arc<Mutex<usize>> = Arc::default();
    let place = at.clone();
    let server = Server::answering(move |_, asked| {
        let mut answer = signed(asked, &bob(), 200, BODY);
        let start = answer.len() - BODY.len();
        let at = start + *place.lock();
        // The body keeps its length and stays text.
        answer[at] = if answer[at] == b'x' { b'y' } else { b'x' };
        Act::Say(answer)
    })
    .await;
    let dendrite = alice(DendriteConfig::default());
    let target = server.target().over(Wire::Btauth);
    for place in 0..BODY.len() {
        *at.lock() = place;
        let answer = dendrite.call(&target, Prompting::ask("hello"), TIMEOUT).await;
        assert_eq!(
            answer.outcome,
            axoneme_dendrite::Outcome::BadSignature,
            "{place}: {answer:?}"
        );
    }
}
