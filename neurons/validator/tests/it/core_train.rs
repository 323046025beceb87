//! The training of a core validator: prompts of its own, one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axoneme_neuron::{ExitCode, Failure};
use axoneme_reward::ModelFault;
use validator::core::judge::MessageFilter;
use validator::scores::softmax_where;
use validator::state::NeuronState;

use crate::core_world::{BASE, FOLLOW_UP, Heard, World, lines, network};
use crate::support::{all_close, hotkey, metagraph, neuron};

fn asks_for_a_question(user: &str) -> bool {
    user.ends_with(FOLLOW_UP)
}

/// Answers are the better the higher the uid; the questions are liked the other way round.
fn usual(uid: u16, user: &str) -> Option<String> {
    let question = ["3", "0.5", "-1"][usize::from(uid)];
    Some(match asks_for_a_question(user) {
        true => format!("Which question is worth {question}?"),
        false => format!("an answer worth {uid}"),
    })
}

fn follow_up(bootstrap: &str) -> String {
    format!("{bootstrap}\n\n{FOLLOW_UP}")
}

/// System and user of each question, as far as a reader needs them.
fn said(heard: &[Heard]) -> Vec<(String, String)> {
    heard.iter().map(|heard| short((&heard.system, &heard.user))).collect()
}

fn short((system, user): (&str, &str)) -> (String, String) {
    let ends = |text: &str| match text.char_indices().nth(40) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…({})…{}", &text[..end], text.len(), text.ends_with(FOLLOW_UP)),
    };
    (ends(system), ends(user))
}

#[tokio::test]
async fn each_step_asks_the_question_that_came_of_the_last_and_every_third_takes_a_new_text() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 9, usual, |_| ()).await;
    let heard = world.train().await;
    let (first, second) = (&*world.texts[0], &*world.texts[1]);
    let (liked, of_answer, of_text) = (
        "Which question is worth 0.5?",
        follow_up("an answer worth 2"),
        follow_up(second),
    );
    let expected = [
        (BASE, first),
        (BASE, &of_answer),
        (BASE, liked),
        (BASE, &of_answer),
        (BASE, liked),
        (second, &of_text),
        (second, liked),
        (second, &of_answer),
    ];
    assert_eq!(said(&heard)[..expected.len()], expected.map(short));
    for heard in heard.iter().filter(|heard| asks_for_a_question(&heard.user)) {
        assert_eq!(heard.uids, [2, 1, 0], "those that answered, the best first");
    }
    assert!(world.readiness.is_ready());
}

#[tokio::test]
async fn as_many_miners_are_asked_as_is_set_and_all_in_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 40, usual, |core| core.config.training_topk = 2).await;
    let heard = world.train().await;
    let mut asked: Vec<u16> = heard.iter().flat_map(|heard| heard.uids.clone()).collect();
    assert!(heard.iter().all(|heard| heard.uids.len() == 2));
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, [0, 1, 2]);
}

#[tokio::test]
async fn questions_may_be_asked_for_at_random() {
    let folder = tempfile::tempdir().unwrap();
    let change = |core: &mut validator::core::CoreValidator| core.config.question_random_sample_uids = true;
    let world = World::begin(folder.path(), 60, usual, change).await;
    let heard = world.train().await;
    let asked = heard.iter().filter(|heard| asks_for_a_question(&heard.user));
    let orders: std::collections::BTreeSet<Vec<u16>> = asked.map(|heard| heard.uids.clone()).collect();
    assert!(orders.len() > 1, "{orders:?}");
}

struct Word(&'static str);

#[async_trait]
impl MessageFilter for Word {
    async fn flags(&self, message: &str) -> Result<bool, ModelFault> {
        Ok(message.contains(self.0))
    }
}

#[tokio::test]
async fn without_a_judge_the_first_question_that_is_one_becomes_the_next_prompt() {
    let says = |uid: u16, user: &str| match (asks_for_a_question(user), uid) {
        (false, _) => Some(format!("a good answer of miner {uid}")),
        (true, 0) => Some("short?".into()),
        (true, 1) => Some("What is forbidden here?".into()),
        (true, _) => Some("What is the weather like?".into()),
    };
    let folder = tempfile::tempdir().unwrap();
    let change = |core: &mut validator::core::CoreValidator| {
        core.judge = None;
        core.filter = Some(Arc::new(Word("forbidden")));
    };
    let world = World::begin(folder.path(), 4, says, change).await;
    let heard = world.train().await;
    assert!(asks_for_a_question(&heard[1].user));
    assert_eq!(heard[2].user, "What is the weather like?");
}

#[tokio::test]
async fn a_judge_without_positive_numbers_still_accepts_a_question() {
    let says = |uid: u16, user: &str| {
        let kind = if asks_for_a_question(user) {
            "question"
        } else {
            "answer"
        };
        Some(format!("some {kind} worth -{}", 3 + uid))
    };
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 4, says, |_| ()).await;
    let heard = world.train().await;
    assert_eq!(heard[1].uids, [0, 1, 2]);
    assert_eq!(heard[2].user, "some question worth -3");
}

#[tokio::test]
async fn a_question_that_nobody_finds_is_given_up_after_five_tries_and_a_new_text_begins() {
    let says = |uid: u16, user: &str| match asks_for_a_question(user) {
        true => None,
        false => usual(uid, user),
    };
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 8, says, |_| ()).await;
    let heard = world.train().await;
    let texts = &world.texts;
    let tries: Vec<String> = [follow_up("an answer worth 2")]
        .into_iter()
        .chain(texts[1..5].iter().map(|text| follow_up(text)))
        .collect();
    let mut expected = vec![short((BASE, &texts[0]))];
    expected.extend(tries.iter().map(|user| short((BASE, user))));
    expected.push(short((BASE, &texts[6])));
    assert_eq!(said(&heard)[..7], expected);
    assert_eq!(heard[1].uids, [2, 1, 0]);
}

#[tokio::test]
async fn what_a_model_says_of_itself_is_not_passed_on() {
    let says = |uid: u16, user: &str| match asks_for_a_question(user) {
        true => usual(uid, user),
        false => Some(format!("As an AI language model, I know one worth {uid} of them")),
    };
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 3, says, |_| ()).await;
    let heard = world.train().await;
    assert_eq!(heard[1].user, follow_up("I know one worth 2 of them"));
}

#[tokio::test]
async fn a_step_moves_scores_and_the_gating_model_and_tells_miners_what_they_earned() {
    let says = |uid: u16, user: &str| usual(uid, user).filter(|_| uid != 1);
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 3, says, |_| ()).await;
    let before = world.core.gating.whole().unwrap();
    world.train().await;
    let state = world.core.book.state();
    assert!(state.steps >= 1);
    let shares = softmax_where(&[0.0, 0.0, 2.0], &[true, false, true]);
    let steps = i32::try_from(state.steps).unwrap();
    let expected: Vec<f64> = shares.iter().map(|share| share * (1.0 - 0.99f64.powi(steps))).collect();
    let scores = state.scores_of(&[0, 1, 2].map(hotkey));
    all_close(&scores, &expected, 1e-12, "scores");
    assert_ne!(world.core.gating.whole().unwrap(), before);
    let told = world.told.0.lock().clone();
    assert!(!told.is_empty() && told.len().is_multiple_of(2), "those that answered");
    assert!(told.iter().all(|(target, _)| target.port != 8001));
    let (target, message) = told.iter().find(|(target, _)| target.port == 8002).unwrap();
    assert_eq!(target.hotkey, hotkey(2));
    assert_eq!((&*message.completion, message.reward), ("an answer worth 2", 2.0));
    assert_eq!(message.messages, [BASE, &*world.texts[0]]);
    assert_eq!(world.core.history.lock().await.entries().len() as u64, state.steps);
}

#[tokio::test]
async fn a_validator_that_has_grown_large_loses_its_score_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 2, usual, |_| ()).await;
    let mut state = world.core.book.state();
    for number in [1, 2] {
        let scored = NeuronState {
            score: 0.5,
            ..NeuronState::default()
        };
        state.neurons.insert(hotkey(number), scored);
    }
    world.core.book.take_over(state);
    let neurons = [(0, false, 0), (1, true, 5000), (2, true, 1024)];
    let neurons = neurons.map(|(uid, permit, stake)| neuron(uid, true, permit, stake));
    world.network.send_replace(Arc::new(metagraph(neurons.to_vec())));
    let heard = world.train().await;
    assert_eq!(heard[0].uids.len(), 2, "it is not asked either: {heard:?}");
    let scores = world.core.book.state().scores_of(&[1, 2].map(hotkey));
    assert_eq!(scores[0], 0.0);
    assert!(scores[1] > 0.4);
    let lines = lines(folder.path());
    assert_eq!(lines[1]["zeroed"], serde_json::json!([hotkey(1).to_string()]));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_it_waits_longer_each_time_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 7, |_, _| None, |_| ()).await;
    let heard = world.train().await;
    // On the test's own clock.
    let pauses: Vec<u64> = heard
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_secs())
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 12, 12]);
    let asked: Vec<&str> = heard.iter().map(|heard| &*heard.user).collect();
    assert_eq!(asked, world.texts[..7], "perhaps the prompt was the reason");
    let reasons = world.readiness.reasons();
    assert!(reasons[0].contains("none gave an answer"), "{reasons:?}");
    assert_eq!(world.core.book.state().steps, 0);
}

#[tokio::test]
async fn a_validator_that_is_not_registered_any_more_ends() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), usize::MAX, usual, |_| ()).await;
    let gone = || Err(Failure::message(ExitCode::NotRegistered, "gone"));
    let failure = world.train_while(gone).await.unwrap_err();
    assert_eq!(failure.code, ExitCode::NotRegistered);
}

#[tokio::test]
async fn a_miner_that_is_replaced_while_it_trains_starts_from_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::begin(folder.path(), 12, usual, |_| ()).await;
    let (sender, steps) = (world.network.clone(), AtomicUsize::new(0));
    let replace = move || {
        if steps.fetch_add(1, Ordering::Relaxed) == 2 {
            sender.send_replace(network(&[0, 1, 50]));
        }
        Ok(())
    };
    world.train_while(replace).await.unwrap();
    let state = world.core.book.state();
    assert!(!state.neurons.contains_key(&hotkey(2)));
    assert!(state.neurons[&hotkey(50)].score > 0.0);
}
