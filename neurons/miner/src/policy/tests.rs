use super::*;
use axoneme_chain::Neuron;

const STALE: u64 = 100;
const TOO_OLD: u64 = 1000;

pub(super) fn hotkey(n: u8) -> AccountId {
    AccountId([n; 32])
}

/// Neurons 1 (10 TAO, permit), 2 (10 TAO) and 3 (1 TAO).
fn metagraph() -> Metagraph {
    let neuron = |n: u8, stake: f64, permit: bool| Neuron {
        uid: u16::from(n),
        hotkey: hotkey(n),
        total_stake: (stake * RAO) as u64,
        validator_permit: permit,
        ..blank()
    };
    Metagraph {
        netuid: 1,
        block: 1,
        tempo: 360,
        last_step: 0,
        neurons: vec![neuron(1, 10.0, true), neuron(2, 10.0, false), neuron(3, 1.0, false)],
    }
}

pub(crate) fn blank() -> Neuron {
    Neuron {
        uid: 0,
        hotkey: hotkey(0),
        coldkey: hotkey(0),
        axon: None,
        active: true,
        validator_permit: false,
        total_stake: 0,
        alpha_stake: 0,
        tao_stake: 0,
        last_update: 0,
        block_at_registration: 0,
        emission: 0,
        incentive: 0.0,
        consensus: 0.0,
        trust: 0.0,
        validator_trust: 0.0,
        dividends: 0.0,
        rank: 0.0,
    }
}

fn policy(change: impl FnOnce(&mut BlacklistSection)) -> Arc<MinerPolicy> {
    let mut settings = BlacklistSection {
        metagraph_stale_seconds: STALE,
        metagraph_too_old_seconds: TOO_OLD,
        ..BlacklistSection::default()
    };
    change(&mut settings);
    let priority = PrioritySection {
        default: -1.0,
        ..PrioritySection::default()
    };
    MinerPolicy::new(&settings, &priority, &metagraph(), Duration::ZERO).expect("settings")
}

fn forbidden(verdict: &Verdict) -> Option<Ground> {
    match verdict {
        Verdict::Forbid(ground, _) => Some(*ground),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_lists_come_before_the_metagraph_and_the_allow_list_before_the_deny_list() {
    let policy = policy(|settings| {
        settings.whitelist = vec![hotkey(8).to_string(), hotkey(9).to_string()];
        settings.blacklist = vec![hotkey(1).to_string(), hotkey(9).to_string()];
    });
    let ask = |n| policy.blacklist(&hotkey(n), "Prompting");
    assert_eq!(forbidden(&ask(1)), Some(Ground::Denied), "registered");
    assert_eq!(ask(9), Verdict::Allow, "on both lists");
    assert_eq!(ask(8), Verdict::Allow, "not registered");
    assert_eq!(ask(2), Verdict::Allow);
    // What the operator says does not grow old.
    tokio::time::advance(Duration::from_secs(TOO_OLD)).await;
    assert_eq!(ask(8), Verdict::Allow);
    assert_eq!(forbidden(&ask(1)), Some(Ground::Denied));
}

#[tokio::test(start_paused = true)]
async fn registration_permit_and_stake_are_asked_in_this_order() {
    let strict = policy(|settings| {
        settings.force_validator_permit = true;
        settings.minimum_stake_requirement = 20.0;
        settings.allow_non_registered = true;
    });
    let ground = |policy: &MinerPolicy, n| forbidden(&policy.blacklist(&hotkey(n), "Prompting"));
    assert_eq!(ground(&strict, 7), Some(Ground::NotRegistered));
    assert_eq!(ground(&strict, 2), Some(Ground::NotValidator));
    assert_eq!(ground(&strict, 1), Some(Ground::LowStake));
    let staked = policy(|settings| settings.minimum_stake_requirement = 10.0);
    assert_eq!((ground(&staked, 2), ground(&staked, 3)), (None, Some(Ground::LowStake)));
    let open = policy(|settings| settings.allow_non_registered = true);
    assert_eq!(open.blacklist(&hotkey(7), "Prompting"), Verdict::Allow);
    assert_eq!(ground(&policy(|_| {}), 7), Some(Ground::NotRegistered));
}

#[tokio::test(start_paused = true)]
async fn an_old_metagraph_serves_those_it_served_before_and_a_very_old_one_nobody() {
    let policy = policy(|_| {});
    let ask = |n| policy.blacklist(&hotkey(n), "Prompting");
    assert_eq!(ask(1), Verdict::Allow);
    assert!(forbidden(&ask(7)).is_some());
    tokio::time::advance(Duration::from_secs(STALE)).await;
    assert_eq!(ask(1), Verdict::Allow, "served before");
    assert_eq!(
        ask(2),
        Verdict::Unknown,
        "not served before, though registered by what is known"
    );
    assert_eq!(ask(7), Verdict::Unknown, "it may have registered since");
    tokio::time::advance(Duration::from_secs(TOO_OLD - STALE)).await;
    assert_eq!(ask(1), Verdict::Unknown);
    // News end it, and who is gone is gone.
    let mut newer = metagraph();
    newer.neurons.remove(0);
    policy.update(&newer);
    assert_eq!(forbidden(&ask(1)), Some(Ground::NotRegistered));
    assert_eq!(ask(2), Verdict::Allow);
    tokio::time::advance(Duration::from_secs(STALE)).await;
    assert_eq!(ask(2), Verdict::Allow);
    assert_eq!(
        forbidden(&ask(1)),
        Some(Ground::NotRegistered),
        "served before, and known to be gone"
    );
}

#[tokio::test(start_paused = true)]
async fn a_metagraph_from_disk_is_as_old_as_it_is() {
    let settings = BlacklistSection {
        metagraph_stale_seconds: STALE,
        metagraph_too_old_seconds: TOO_OLD,
        ..BlacklistSection::default()
    };
    let aged = |seconds| {
        let age = Duration::from_secs(seconds);
        let policy = MinerPolicy::new(&settings, &PrioritySection::default(), &metagraph(), age).expect("settings");
        policy.blacklist(&hotkey(1), "Prompting")
    };
    assert_eq!(aged(STALE - 1), Verdict::Allow);
    assert_eq!(aged(STALE), Verdict::Unknown);
}

#[tokio::test(start_paused = true)]
async fn stake_orders_the_queue_and_permits_open_the_reserve() {
    let policy = policy(|settings| settings.whitelist = vec![hotkey(8).to_string()]);
    let priorities = [1, 3, 7].map(|n| policy.priority(&hotkey(n)));
    assert_eq!(priorities, [10.0, 1.0, -1.0]);
    let preferred = [1, 2, 7, 8].map(|n| policy.preferred(&hotkey(n)));
    assert_eq!(preferred, [true, false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_waits_and_who_waited_long_goes_first() {
    let policy = policy(|settings| settings.whitelist = vec![hotkey(3).to_string()]);
    let ask = |n| {
        let verdict = policy.blacklist(&hotkey(n), "Prompting");
        let priority = policy.priority(&hotkey(n));
        (verdict, priority)
    };
    for _ in 0..50 {
        assert_eq!(ask(1), (Verdict::Allow, 10.0));
        assert_eq!(ask(3), (Verdict::Allow, 1.0));
    }
    assert_eq!(forbidden(&ask(1).0), Some(Ground::Denied), "51 in no time");
    assert_eq!(ask(3).0, Verdict::Allow, "on the allow list");
    assert_eq!(ask(2).0, Verdict::Allow, "another");
    tokio::time::advance(Duration::from_secs(300)).await;
    policy.update(&metagraph());
    assert_eq!(ask(1).0, Verdict::Allow, "after five minutes");
    tokio::time::advance(Duration::from_secs(1200)).await;
    // The tenth last request is 25 minutes ago, and ten count as once the stake.
    assert_eq!(ask(1).1, 25.0);
    // Who leaves the subnet is forgotten.
    let mut newer = metagraph();
    newer.neurons.remove(0);
    policy.update(&newer);
    assert!(policy.requests.lock().of(&hotkey(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded() {
    let policy = policy(|settings| settings.allow_non_registered = true);
    for n in 0..MAX_ADMITTED as u32 + 10 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        assert_eq!(policy.blacklist(&AccountId(bytes), "Prompting"), Verdict::Allow);
    }
    assert_eq!(policy.admitted.read().len(), MAX_ADMITTED);
}
