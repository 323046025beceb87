//! What is done next about each error that a weights call can meet.

use axoneme_chain::{ChainError, Class, advice};
use axoneme_weights::{Reaction, TABLE, reaction};

fn dispatch(name: &str) -> ChainError {
    let line = advice::for_dispatch(name);
    ChainError::Dispatch {
        call: "test",
        pallet: "SubtensorModule".into(),
        name: name.into(),
        advice: line.text,
        class: line.class,
    }
}

#[test]
fn each_error_has_one_reaction() {
    let mut names: Vec<_> = TABLE.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "each name once");
    for (name, expected) in TABLE {
        assert_eq!(reaction(&dispatch(name)), *expected, "{name}");
    }
    assert_eq!(reaction(&dispatch("WeightVecLengthIsLow")), Reaction::Replan);
    assert_eq!(reaction(&dispatch("NeuronNoValidatorPermit")), Reaction::Operator);
    assert_eq!(
        reaction(&dispatch("SomethingNobodyKnows")),
        Reaction::Operator,
        "unknown: tell the operator"
    );
    let lost = ChainError::Disconnected {
        what: "test",
        reason: String::new(),
    };
    assert_eq!(reaction(&lost), Reaction::Wait, "it may have got in");
    let full = ChainError::Pool {
        call: "test",
        code: 1016,
        name: "ImmediatelyDropped",
        message: String::new(),
        advice: "",
        class: Class::Transient,
    };
    assert!(matches!(reaction(&full), Reaction::Again { .. }));
    assert_eq!(
        reaction(&ChainError::Missing { item: "call".into() }),
        Reaction::Operator
    );
}

#[test]
fn every_error_of_a_weights_call_is_in_the_table_and_agrees_with_its_class() {
    // What the chain's own checks of set, commit and reveal can answer, by the specification's list of advice.
    let known = [
        "HotKeyNotRegisteredInSubNet",
        "HotKeyNotRegisteredInNetwork",
        "NotEnoughStakeToSetWeights",
        "NeuronNoValidatorPermit",
        "SettingWeightsTooFast",
        "CommittingWeightsTooFast",
        "IncorrectWeightVersionKey",
        "CommitRevealEnabled",
        "CommitRevealDisabled",
        "IncorrectCommitRevealVersion",
        "InvalidRevealRound",
        "TooManyUnrevealedCommits",
        "RevealTooEarly",
        "ExpiredWeightCommit",
        "NoWeightsCommitFound",
        "InvalidRevealCommitHashNotMatch",
        "WeightVecLengthIsLow",
        "WeightVecNotEqualSize",
        "DuplicateUids",
        "UidVecContainInvalidOne",
        "UidsLengthExceedUidsInSubNet",
        "MaxWeightExceeded",
        "CanNotSetRootNetworkWeights",
        "SubnetNotExists",
        "MechanismDoesNotExist",
        "CommitQueueFull",
        "CommitPayloadTooLarge",
    ];
    for name in known {
        let next = TABLE.iter().find(|(other, _)| *other == name).map(|(_, next)| *next);
        let next = next.unwrap_or_else(|| panic!("{name} is missing"));
        let class = axoneme_chain::advice::for_dispatch(name).class;
        let waits = matches!(next, Reaction::Again { .. } | Reaction::Wait);
        assert!(
            waits || class != Class::Transient,
            "{name} passes by itself, and yet: {next:?}"
        );
    }
}
