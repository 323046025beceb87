//! Single decisions of the machine, and its record on disk.

use axoneme_neuron::{StateError, StateStore};
use axoneme_timelock::{Beacon, DevBeacon, WeightsPayload, decrypt};
use axoneme_weights::{
    Action, Form, Intent, Kind, Ledger, Method, Obstacle, Settings, Signed, Stage, View, WeightsError, decide, plan,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use std::time::Duration;

use crate::model::{HOTKEY, NETUID, Rules, State};

pub const WEIGHTS: &[(u16, u16)] = &[(0, 65535), (1, 7)];

pub fn settings() -> Settings {
    Settings {
        netuid: NETUID,
        mecid: 0,
        version_key: 10,
        every: 0,
        method: Method::Auto,
        beacon: Beacon::dev(),
    }
}

/// A chain in the middle of an epoch that began at block 1000.
pub fn view(commit_reveal: bool) -> View {
    let rules = Rules {
        tempo: 100,
        commit_reveal,
        reveal_period: 1,
        rate_limit: 5,
        version_key: 0,
        permit: true,
        pulses: true,
        block_time: Duration::from_secs(12),
    };
    let time = Duration::from_secs(Beacon::dev().genesis + 1_000_000);
    let mut state = State::new(rules, 1000, 7, time);
    state.epoch.block = 1040;
    state.epoch.blocks_since_last_step = 40;
    state.view(1037)
}

pub fn planned(settings: &Settings, view: &View, kind: Kind) -> (Ledger, Intent) {
    let mut ledger = Ledger::new(&[1; 32], &HOTKEY);
    let intent = plan(
        settings,
        &HOTKEY,
        view,
        kind,
        WEIGHTS,
        &mut ChaCha20Rng::seed_from_u64(3),
    )
    .unwrap();
    ledger.intents.push(intent.clone());
    (ledger, intent)
}

pub fn signed(valid_until: u64) -> Signed {
    Signed {
        hash: [9; 32],
        from_block: 1037,
        valid_until,
        spent: false,
        failed: false,
        transaction: serde_json::Value::Null,
    }
}

pub fn send(ledger: &mut Ledger, valid_until: u64) {
    ledger.intents[0].stage = Stage::Signed;
    ledger.intents[0].signed = Some(signed(valid_until));
}

fn kind_planned(settings: &Settings, view: &View) -> Action {
    decide(&Ledger::default(), settings, view)
}

#[test]
fn the_form_is_what_the_chain_takes() {
    let plan_of = |kind| Action::Plan { kind };
    assert_eq!(kind_planned(&settings(), &view(false)), plan_of(Kind::Plain));
    assert_eq!(kind_planned(&settings(), &view(true)), plan_of(Kind::Timelocked));
    let hash = Settings {
        method: Method::Hash,
        ..settings()
    };
    assert_eq!(kind_planned(&hash, &view(true)), plan_of(Kind::Hash));
    assert_eq!(kind_planned(&hash, &view(false)), plan_of(Kind::Plain));
    let mut newer = view(true);
    newer.commit_reveal_version = 5;
    assert_eq!(
        kind_planned(&settings(), &newer),
        plan_of(Kind::Hash),
        "no version of ours: by hash"
    );
    let strict = Settings {
        method: Method::Timelocked,
        ..settings()
    };
    let action = kind_planned(&strict, &newer);
    assert!(matches!(
        action,
        Action::Blocked {
            obstacle: Obstacle::CommitRevealVersion { chain: 5, own: 4 },
            ..
        }
    ));
}

#[test]
fn what_somebody_has_to_act_on_is_named() {
    let blocked = |change: &dyn Fn(&mut View)| {
        let mut view = view(true);
        change(&mut view);
        match kind_planned(&settings(), &view) {
            Action::Blocked { obstacle, until } => {
                assert!(until > view.block);
                obstacle.to_string()
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(blocked(&|view| view.registration = None).contains("register it"));
    assert!(blocked(&|view| view.registration.as_mut().unwrap().permit = false).contains("stake more"));
    assert!(blocked(&|view| view.stake_threshold = 11).contains("demands 11"));
    assert!(blocked(&|view| view.version_key = 11).contains("--neuron.weights_version_key 11"));
    assert!(blocked(&|view| view.epoch.tempo = 0).contains("tempo 0"));
    let message = blocked(&|view| view.beacon_key = Some(Beacon::quicknet().public_key));
    assert!(
        message.contains("83cf0f28") && message.contains("--neuron.drand_beacon"),
        "{message}"
    );
    let mut owner = view(true);
    let registration = owner.registration.as_mut().unwrap();
    (registration.owner, registration.permit, registration.stake) = (true, false, 0);
    assert!(
        matches!(kind_planned(&settings(), &owner), Action::Plan { .. }),
        "an owner needs neither"
    );
}

#[test]
fn the_rate_limit_and_the_operators_interval_are_waited_for() {
    let mut view = view(false);
    view.registration.as_mut().unwrap().last_update = 1038;
    assert_eq!(kind_planned(&settings(), &view), Action::Wait { until: 1043 });
    let rarely = Settings { every: 9, ..settings() };
    assert_eq!(kind_planned(&rarely, &view), Action::Wait { until: 1044 });
}

#[test]
fn an_intent_is_encrypted_for_the_round_after_its_reveal_block() {
    let (_, intent) = planned(&settings(), &view(true), Kind::Timelocked);
    let Form::Timelocked { ciphertext, round } = &intent.form else {
        panic!()
    };
    // Included in 1041, epoch 7, revealed where epoch 8 begins: 1100. Three blocks of safety.
    let seconds = 1_000_000 + (1100 - 1040 + 3) * 12;
    assert_eq!(*round, seconds / 3);
    let opened = decrypt(ciphertext, &DevBeacon::default().sign(*round)).unwrap();
    let payload = WeightsPayload::decode(&opened).unwrap();
    assert_eq!((payload.hotkey, payload.version_key), (HOTKEY, 10));
    assert_eq!((payload.uids, payload.values), (vec![0, 1], vec![65535, 7]));
}

#[test]
fn weights_the_chain_would_refuse_are_not_planned() {
    let refused = |weights: &[(u16, u16)], change: &dyn Fn(&mut View)| {
        let mut view = view(false);
        change(&mut view);
        let rng = &mut ChaCha20Rng::seed_from_u64(3);
        let planned = plan(&settings(), &HOTKEY, &view, Kind::Plain, weights, rng);
        matches!(planned, Err(WeightsError::Plan(_)))
    };
    assert!(refused(&[], &|_| {}));
    assert!(refused(&[(0, 0)], &|_| {}));
    assert!(refused(&[(0, 1), (0, 2)], &|_| {}));
    assert!(refused(&[(8, 1)], &|_| {}));
    assert!(refused(&[(0, 1)], &|view| view.min_allowed = 2));
    assert!(
        !refused(&[(2, 1)], &|view| view.min_allowed = 2),
        "a lone weight for oneself is allowed"
    );
    assert!(!refused(WEIGHTS, &|view| view.min_allowed = 2));
}

#[test]
fn the_record_survives_and_a_torn_foreign_or_altered_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.json");
    let (ledger, _) = planned(&settings(), &view(true), Kind::Hash);
    {
        let store = StateStore::open(&path).unwrap();
        store.save(&ledger).unwrap();
    }
    let store = StateStore::<Ledger>::open(&path).unwrap();
    assert_eq!(store.load().unwrap(), Some(ledger.clone()));
    ledger.check(&[1; 32], &HOTKEY).unwrap();
    let foreign = ledger.check(&[2; 32], &HOTKEY).unwrap_err().to_string();
    assert!(
        foreign.contains("another chain") && foreign.contains("move the file away"),
        "{foreign}"
    );
    assert!(
        ledger
            .check(&[1; 32], &[8; 32])
            .unwrap_err()
            .to_string()
            .contains("another hotkey")
    );
    let mut altered = ledger.clone();
    altered.intents[0].values[1] += 1;
    assert!(matches!(
        altered.check(&[1; 32], &HOTKEY),
        Err(WeightsError::Altered { window: 7 })
    ));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let torn = store.load().unwrap_err();
    assert!(
        matches!(torn, StateError::Corrupt { .. }) && torn.to_string().contains("backup"),
        "{torn}"
    );
}
