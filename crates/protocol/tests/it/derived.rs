use std::collections::BTreeMap;

use axoneme_protocol::body_hash::body_hash;
use axoneme_protocol::{Dummy, EmptyValue, Ping, Prompting, StreamPrompting, StreamingSynapse, Synapse, lax};
use serde::{Deserialize, Serialize};

/// Everything a declaration can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Synapse)]
#[synapse(name = "Classify_2", stream, hash_fields("labels", "text"))]
struct Classify {
    text: String,
    labels: Vec<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(deserialize_with = "lax::float")]
    threshold: f64,
    #[synapse(empty = "dict")]
    options: Options,
    #[serde(default)]
    hints: BTreeMap<String, i64>,
    #[serde(default)]
    #[synapse(output)]
    scores: Vec<f64>,
    #[serde(default)]
    #[synapse(output)]
    reasoning: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Options {
    top: u8,
}

fn asked() -> Classify {
    Classify {
        text: "it's".into(),
        labels: vec!["a".into(), "b".into()],
        kind: None,
        threshold: 0.5,
        options: Options { top: 1 },
        hints: BTreeMap::new(),
        scores: vec![],
        reasoning: String::new(),
    }
}

#[test]
fn a_declaration_says_name_hash_and_required_fields() {
    assert_eq!(Classify::NAME, "Classify_2");
    assert_eq!(Classify::HASH_FIELDS, ["labels", "text"]);
    assert_eq!(
        Classify::REQUIRED_FIELDS,
        [
            ("text", EmptyValue::Str),
            ("labels", EmptyValue::List),
            ("type", EmptyValue::Str),
            ("threshold", EmptyValue::Float),
            ("options", EmptyValue::Dict),
        ]
    );
}

#[test]
fn only_outputs_are_taken_from_an_answer() {
    let mut synapse = asked();
    synapse.take_answer(Classify {
        text: "another question".into(),
        threshold: 0.0,
        hints: [("x".into(), 1)].into(),
        scores: vec![0.25, 0.75],
        reasoning: "because".into(),
        ..asked()
    });
    let expected = Classify {
        scores: vec![0.25, 0.75],
        reasoning: "because".into(),
        ..asked()
    };
    assert_eq!(synapse, expected);
    synapse.push(" it is so");
    assert_eq!(synapse.reasoning, "because it is so");
}

#[test]
fn the_hash_follows_the_declared_fields_and_no_others() {
    let hash = body_hash(&asked()).expect("hash");
    let hash_of = |change: fn(&mut Classify)| {
        let mut synapse = asked();
        change(&mut synapse);
        body_hash(&synapse).expect("hash")
    };
    assert_eq!(hash_of(|s| s.reasoning.push('x')), hash);
    assert_eq!(hash_of(|s| s.threshold = 1.0), hash);
    assert_ne!(hash_of(|s| s.text.push('x')), hash);
    assert_ne!(hash_of(|s| s.labels.swap(0, 1)), hash);
}

#[test]
fn the_synapses_here_are_declared_as_their_python_classes() {
    for (name, hash, required) in [
        (Prompting::NAME, Prompting::HASH_FIELDS, Prompting::REQUIRED_FIELDS),
        (
            StreamPrompting::NAME,
            StreamPrompting::HASH_FIELDS,
            StreamPrompting::REQUIRED_FIELDS,
        ),
    ] {
        assert!(name.ends_with("Prompting"));
        assert_eq!(hash, ["messages"]);
        assert_eq!(required, [("roles", EmptyValue::List), ("messages", EmptyValue::List)]);
    }
    assert_eq!(
        (Prompting::NAME, StreamPrompting::NAME),
        ("Prompting", "StreamPrompting")
    );
    assert_eq!((Dummy::NAME, Ping::NAME), ("Dummy", "Synapse"));
    assert_eq!(Dummy::REQUIRED_FIELDS, [("dummy_input", EmptyValue::Int)]);
    assert!(Dummy::HASH_FIELDS.is_empty() && Ping::HASH_FIELDS.is_empty() && Ping::REQUIRED_FIELDS.is_empty());

    let mut streamed = StreamPrompting::from(Prompting::ask("hello"));
    streamed.push("a\n");
    streamed.push("b");
    assert_eq!(Prompting::from(streamed).completion, "a\nb");
}
