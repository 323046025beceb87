//! What the machine takes for proven, observation by observation.

use axoneme_weights::{
    Action, Form, HashCommit, Kind, Ledger, Method, Settings, Stage, TimelockedCommit, Why, decide, observe, plan,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use crate::machine::{WEIGHTS, planned, send, settings, signed, view};
use crate::model::{HOTKEY, NETUID};

#[test]
fn another_commit_is_made_only_when_the_first_is_proven_dead() {
    let mut view = view(true);
    let (mut ledger, _) = planned(&settings(), &view, Kind::Hash);
    send(&mut ledger, 1053);
    view.commit_reveal = false;
    (view.block, view.epoch.block) = (1054, 1054);
    view.finalized = 1052;
    observe(&mut ledger, &settings(), &view);
    assert_eq!(ledger.intents[0].stage, Stage::Signed);
    assert_eq!(
        decide(&ledger, &settings(), &view),
        Action::Wait { until: 1055 },
        "it may still be included"
    );
    view.finalized = 1053;
    let changes = observe(&mut ledger, &settings(), &view);
    assert_eq!(
        changes[0].to,
        Stage::Abandoned {
            block: 1054,
            why: Why::NotIncluded
        }
    );
    assert_eq!(decide(&ledger, &settings(), &view), Action::Plan { kind: Kind::Plain });
}

#[test]
fn a_round_that_is_out_kills_a_commit_once_that_is_final() {
    let mut view = view(true);
    let (mut ledger, intent) = planned(&settings(), &view, Kind::Timelocked);
    send(&mut ledger, 2000);
    let Form::Timelocked { round, .. } = intent.form else {
        panic!()
    };
    view.last_round = round + 1;
    observe(&mut ledger, &settings(), &view);
    assert_eq!(ledger.intents[0].stage, Stage::Signed, "another fork may be behind");
    view.finalized = view.block;
    observe(&mut ledger, &settings(), &view);
    assert!(matches!(
        ledger.intents[0].stage,
        Stage::Abandoned { why: Why::RoundOut, .. }
    ));
    assert_eq!(
        decide(&ledger, &settings(), &view),
        Action::Plan { kind: Kind::Timelocked }
    );
}

#[test]
fn several_commits_by_hash_are_revealed_oldest_first() {
    let settings = Settings {
        method: Method::Hash,
        ..settings()
    };
    let mut view = view(true);
    view.reveal_period = 2;
    let mut ledger = Ledger::new(&[1; 32], &HOTKEY);
    for (number, epoch) in [(0u16, 7u64), (1, 8)] {
        let weights = [(0, 65535), (1, number + 1)];
        let rng = &mut ChaCha20Rng::seed_from_u64(u64::from(number));
        let mut intent = plan(&settings, &HOTKEY, &view, Kind::Hash, &weights, rng).unwrap();
        let Form::Hash { hash, .. } = intent.form else { panic!() };
        let block = 1000 + 100 * (epoch - 7) + 10;
        (intent.window, intent.planned_at, intent.stage) = (epoch, block - 1, Stage::Signed);
        intent.signed = Some(signed(5000));
        view.hash_commits.push(HashCommit { hash, epoch, block });
        view.registration.as_mut().unwrap().last_update = block;
        ledger.intents.push(intent);
    }
    (view.block, view.epoch.block, view.finalized) = (1205, 1205, 1205);
    (view.epoch.last_epoch_block, view.epoch.subnet_epoch_index) = (1200, 9);
    observe(&mut ledger, &settings, &view);
    assert_eq!(decide(&ledger, &settings, &view), Action::Reveal { at: 0 });
    view.hash_commits.remove(0);
    view.row = vec![(0, 65535), (1, 1)];
    observe(&mut ledger, &settings, &view);
    assert_eq!(ledger.intents[0].stage, Stage::Revealed { block: 1205 });
    // The second is not due before epoch 10; this window is free.
    assert_eq!(decide(&ledger, &settings, &view), Action::Plan { kind: Kind::Hash });
    (view.block, view.epoch.block, view.finalized) = (1305, 1305, 1305);
    (view.epoch.last_epoch_block, view.epoch.subnet_epoch_index) = (1300, 10);
    observe(&mut ledger, &settings, &view);
    assert_eq!(decide(&ledger, &settings, &view), Action::Reveal { at: 1 });
}

#[test]
fn a_commit_that_was_dropped_unopened_says_what_to_do() {
    let mut view = view(true);
    let (mut ledger, intent) = planned(&settings(), &view, Kind::Timelocked);
    send(&mut ledger, 1170);
    let Form::Timelocked { ciphertext, round } = intent.form else {
        panic!()
    };
    let commit = TimelockedCommit {
        ciphertext,
        round,
        epoch: 7,
        block: 1041,
    };
    view.timelocked.push(commit);
    view.registration.as_mut().unwrap().last_update = 1041;
    (view.block, view.finalized) = (1044, 1041);
    observe(&mut ledger, &settings(), &view);
    assert!(matches!(
        ledger.intents[0].stage,
        Stage::Included {
            block: 1041,
            epoch: 7,
            ..
        }
    ));
    view.timelocked.clear();
    (view.block, view.hash, view.finalized) = (1100, [1; 32], 1097);
    observe(&mut ledger, &settings(), &view);
    assert!(
        matches!(ledger.intents[0].stage, Stage::Included { .. }),
        "another fork may still have it"
    );
    (view.block, view.hash, view.finalized) = (1103, [3; 32], 1100);
    view.finals.insert(1100, [2; 32]);
    observe(&mut ledger, &settings(), &view);
    assert!(
        matches!(ledger.intents[0].stage, Stage::Included { .. }),
        "it was another fork that showed it"
    );
    (view.block, view.finalized) = (1106, 1103);
    view.finals.insert(1103, [3; 32]);
    observe(&mut ledger, &settings(), &view);
    let Stage::Expired { why, .. } = ledger.intents[0].stage else {
        panic!()
    };
    assert!(why.to_string().contains("beacon") && why.to_string().contains("permit"));
    assert_eq!(
        ledger.blocks_since_revealed(NETUID, 0, &view),
        Some(1105),
        "never: since the registration"
    );
}

#[test]
fn a_fork_takes_an_inclusion_back() {
    let mut view = view(false);
    let (mut ledger, _) = planned(&settings(), &view, Kind::Plain);
    send(&mut ledger, 1100);
    view.row = WEIGHTS.to_vec();
    view.registration.as_mut().unwrap().last_update = 1041;
    (view.block, view.finalized) = (1041, 1038);
    observe(&mut ledger, &settings(), &view);
    assert!(matches!(ledger.intents[0].stage, Stage::Included { block: 1041, .. }));
    view.row.clear();
    view.registration.as_mut().unwrap().last_update = 0;
    observe(&mut ledger, &settings(), &view);
    assert_eq!(ledger.intents[0].stage, Stage::Signed);
    assert_eq!(
        decide(&ledger, &settings(), &view),
        Action::Submit { at: 0 },
        "the same again"
    );
}

#[test]
fn a_commit_by_hash_that_was_given_up_is_revealed_when_the_owner_gives_it_more_time() {
    let settings = Settings {
        method: Method::Hash,
        ..settings()
    };
    let mut view = view(true);
    let (mut ledger, intent) = planned(&settings, &view, Kind::Hash);
    send(&mut ledger, 1053);
    let Form::Hash { hash, .. } = intent.form else { panic!() };
    let (epoch, block) = (7, 1041);
    view.hash_commits.push(HashCommit { hash, epoch, block });
    view.registration.as_mut().unwrap().last_update = block;
    (view.block, view.epoch.block, view.finalized) = (1210, 1210, 1210);
    (view.epoch.last_epoch_block, view.epoch.subnet_epoch_index) = (1200, 9);
    observe(&mut ledger, &settings, &view);
    let why = Why::NotRevealedInTime;
    assert_eq!(ledger.intents[0].stage, Stage::Expired { block: 1210, why });
    view.reveal_period = 2;
    observe(&mut ledger, &settings, &view);
    assert_eq!(ledger.intents[0].stage, Stage::Included { block, epoch });
    assert_eq!(decide(&ledger, &settings, &view), Action::Reveal { at: 0 });
}

#[test]
fn nothing_is_planned_while_the_window_may_still_move_or_is_nearly_over() {
    let action = |change: &dyn Fn(&mut axoneme_weights::View)| {
        let mut view = view(true);
        change(&mut view);
        decide(&Ledger::default(), &settings(), &view)
    };
    assert!(matches!(action(&|_| {}), Action::Plan { .. }));
    // A fork could still move the block in which the window began.
    assert_eq!(action(&|view| view.finalized = 999), Action::Wait { until: 1041 });
    let at = |block: u64| action(&|view| (view.block, view.epoch.block, view.finalized) = (block, block, block - 3));
    assert!(matches!(at(1092), Action::Plan { .. }));
    // What is signed now would have to be valid into the next window.
    assert_eq!(at(1094), Action::Wait { until: 1099 });
    assert_eq!(at(1099), Action::Wait { until: 1100 });
}

#[test]
fn weights_that_differ_by_one_are_told_apart() {
    let mut view = view(true);
    let (mut ledger, _) = planned(&settings(), &view, Kind::Timelocked);
    send(&mut ledger, 1053);
    view.registration.as_mut().unwrap().last_update = 1041;
    (view.block, view.finalized) = (1200, 1200);
    view.row = vec![(0, 65535), (1, 8)];
    observe(&mut ledger, &settings(), &view);
    assert_eq!(ledger.intents[0].stage, Stage::Signed, "not ours; a search has to tell");
    view.row = vec![(0, 65535), (1, 7)];
    observe(&mut ledger, &settings(), &view);
    assert_eq!(ledger.intents[0].stage, Stage::Revealed { block: 1200 });
}
