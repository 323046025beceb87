//! Steps of a core validator, taken again from their record.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use validator::core::chat::Message;
use validator::core::judge::AnswerJudge;
use validator::replay::report::Report;
use validator::replay::{Replay, ReplayError};

use crate::core_world::{RULE, World, Worth, fresh_gating, lines, network, pipeline};
use crate::support::{hotkey, judged_again};

/// Worth of no round number, other for each question; some are silent or too short.
fn says(uid: u16, user: &str) -> Option<String> {
    match (user.len() + usize::from(uid)) % 5 {
        0 => None,
        1 => Some("short".into()),
        _ => {
            let worth = (user.len() as f64).sqrt() / f64::from(uid + 3);
            Some(format!("an answer of {uid} worth {worth}"))
        }
    }
}

/// Two lives. In each a hotkey is replaced, and an application asks at the same time.
async fn live(folder: &Path, judged: bool) {
    for life in 0..2u16 {
        let world = World::begin(folder, 40, says, |core| {
            if !judged {
                core.judge = None;
            }
        })
        .await;
        let (sender, core) = (world.network.clone(), world.core.clone());
        let application = tokio::spawn(async move {
            for number in 0..6u16 {
                // Each time somebody else sits there, and the gateway is the first to know.
                sender.send_replace(network(&[0, 1, 20 + 10 * life + number % 3]));
                let chat = [Message::new("system", "Be kind."), Message::new("user", "hello there")];
                let _ = core.inference(&chat, Duration::from_secs(1)).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        world.train().await;
        application.await.unwrap();
        world.core.book.save().await.unwrap();
        assert!(world.core.book.state().steps > 5 * u64::from(life + 1));
    }
}

async fn replay(folder: &Path, lines: Vec<Map<String, Value>>, judged: bool) -> Result<Report, ReplayError> {
    let judge = judged.then(|| Arc::new(Worth) as Arc<dyn AnswerJudge>);
    let replay = Replay::new(pipeline(), Some(fresh_gating().await), RULE, false).with_answers(judge);
    judged_again(replay, folder, lines).await
}

#[tokio::test]
async fn steps_are_the_same_bit_for_bit_over_restarts_and_replaced_hotkeys() {
    for judged in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        live(folder.path(), judged).await;
        let recorded = lines(folder.path());
        let steps = recorded.iter().filter(|line| line.contains_key("all_uids")).count() as u64;
        let report = replay(folder.path(), recorded.clone(), judged).await.unwrap();
        assert!(report.agrees(), "judged {judged}: {report}");
        assert_eq!((report.steps, report.agreeing, report.missing), (steps, steps, 0));
        let changes = |line: &&Map<String, Value>| {
            ["seats", "seats_after"].iter().any(|field| {
                line.get(*field)
                    .is_some_and(|seats| seats.as_array().is_some_and(|seats| !seats.is_empty()))
            })
        };
        assert!(recorded.iter().filter(changes).count() > 1, "nobody was replaced");
        // Another judge is noticed at once.
        assert!(!replay(folder.path(), recorded, !judged).await.unwrap().agrees());
    }
}

#[tokio::test]
async fn a_step_that_was_changed_does_not_agree() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), true).await;
    let original = lines(folder.path());
    let last = original.iter().rposition(|line| line.contains_key("all_uids")).unwrap();
    let mut bit_more = original[last]["rewards"].clone();
    bit_more[0] = json!(f64::from_bits(bit_more[0].as_f64().unwrap().to_bits() + 1));
    let changes = [
        ("rewards", bit_more),
        ("completion", json!("Somebody else's")),
        ("gating_loss", json!(0.25)),
        ("scores", json!([0.0, 0.0, 0.0])),
        ("prompt", json!("something else")),
    ];
    for (field, value) in changes {
        let mut changed = original.clone();
        changed[last].insert(field.into(), value);
        let report = replay(folder.path(), changed, true).await.unwrap();
        assert!(!report.agrees());
        assert_eq!(report.differences[0].field, field, "{report}");
        assert_eq!((report.difference_count, report.agreeing + 1), (1, report.steps));
    }
    // Whom the chain had forgotten is part of what happened.
    let mut changed = original.clone();
    let first = original.iter().position(|line| line.contains_key("all_uids")).unwrap();
    changed[first].insert(
        "zeroed".into(),
        json!([0, 1, 2].map(|number| hotkey(number).to_string())),
    );
    assert!(!replay(folder.path(), changed, true).await.unwrap().agrees());
}

#[tokio::test]
async fn a_record_that_lacks_what_a_step_needs_says_what() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), true).await;
    let original = lines(folder.path());
    for (field, value, said) in [
        ("messages", Value::Null, "older validator"),
        (
            "all_completions",
            json!(["one", "two", "three", "four"]),
            "different lengths",
        ),
        ("hotkeys", json!(["nobody"]), "hotkeys"),
    ] {
        let mut changed = original.clone();
        changed[1].insert(field.into(), value);
        let error = replay(folder.path(), changed, true).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
