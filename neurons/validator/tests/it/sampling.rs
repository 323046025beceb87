use std::collections::BTreeSet;

use validator::sampling::{available, choose};

use crate::support::{hotkey, list, metagraph, neuron, numbers, rng, text, uids, vectors};

#[test]
fn who_can_be_asked_and_who_is_drawn_follow_the_network() {
    let mut rng = rng(1);
    for case in list(&vectors("uid_sampling")["cases"]) {
        let name = text(&case["name"]);
        let stakes = numbers(&case["stake"]);
        let neurons = list(&case["serving"])
            .iter()
            .zip(list(&case["validator_permit"]))
            .zip(stakes)
            .zip(0..);
        let neurons = neurons
            .map(|(((serving, permit), stake), uid)| {
                neuron(uid, serving.as_bool().unwrap(), permit.as_bool().unwrap(), stake as u64)
            })
            .collect();
        let can_be_asked = available(&metagraph(neurons), &hotkey(999), case["limit"].as_u64().unwrap());
        assert_eq!(can_be_asked, uids(&case["available"]), "{name}");

        let count = case["k"].as_u64().unwrap() as usize;
        let exclude: BTreeSet<u16> = case["exclude"]
            .as_array()
            .map(|_| uids(&case["exclude"]))
            .unwrap_or_default()
            .into_iter()
            .collect();
        let mut seen = BTreeSet::new();
        for _ in 0..300 {
            let drawn = choose(&can_be_asked, &exclude, count, &mut rng);
            let distinct: BTreeSet<u16> = drawn.iter().copied().collect();
            assert_eq!(distinct.len(), drawn.len(), "{name}: nobody twice");
            if case["error"].is_string() {
                // The network's validator ended here; asking fewer is the rule of the template.
                assert_eq!(drawn.len(), can_be_asked.len(), "{name}");
                continue;
            }
            assert_eq!(drawn.len(), case["size"].as_u64().unwrap() as usize, "{name}");
            assert!(
                uids(&case["in_every_draw"]).iter().all(|uid| distinct.contains(uid)),
                "{name}: {drawn:?}"
            );
            seen.extend(distinct);
        }
        if case["error"].is_null() {
            assert_eq!(seen, uids(&case["in_some_draw"]).into_iter().collect(), "{name}");
        }
    }
}

#[test]
fn a_validator_does_not_ask_itself() {
    let graph = metagraph(vec![neuron(0, true, false, 0), neuron(1, true, false, 0)]);
    assert_eq!(available(&graph, &hotkey(0), 4096), [1]);
}

#[test]
fn the_seed_decides_who_is_drawn_and_in_which_order() {
    let all: Vec<u16> = (0..50).collect();
    let draw = |seed| choose(&all, &BTreeSet::new(), 10, &mut rng(seed));
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
}
