use axoneme_protocol::body_hash::{body_hash, hash_values, hashed_values, matches};
use axoneme_protocol::python::{PyValue, capture, py_float};
use axoneme_protocol::{Dummy, Ping, Prompting, Synapse, UnicodeVersion};
use indexmap::IndexMap;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{cases, text, vectors};

/// JSON of no declared type, with order and number kinds kept, as pydantic's `Any`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Any {
    Null(()),
    Bool(bool),
    Number(serde_json::Number),
    Str(String),
    List(Vec<Any>),
    Dict(IndexMap<String, Any>),
}

/// The Python value of a JSON text declared as the given Python type.
fn typed(json: &str, declared: &str) -> PyValue {
    fn floats(json: &str) -> Vec<f64> {
        let number = |text: &str| match text.trim() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            text => text.parse().expect("float"),
        };
        json.trim_matches(['[', ']']).split(',').map(number).collect()
    }
    let unquoted = json.trim_matches('"');
    match declared {
        "<class 'int'>" => match unquoted.parse::<i128>() {
            Ok(int) => PyValue::Int(int),
            Err(_) => PyValue::Int(unquoted.parse::<f64>().expect("whole float") as i128),
        },
        "<class 'float'>" => PyValue::Float(unquoted.parse().expect("float")),
        "Optional[float]" if json == "null" => PyValue::None,
        "Optional[float]" => PyValue::Float(unquoted.parse().expect("float")),
        "<class 'bool'>" => PyValue::Bool(unquoted == "true"),
        "<class 'str'>" => capture(&serde_json::from_str::<String>(json).expect("text")).expect("text"),
        "List[float]" => PyValue::List(floats(json).into_iter().map(PyValue::Float).collect()),
        "Tuple[int, ...]" => match capture(&serde_json::from_str::<Any>(json).expect("json")).expect("list") {
            PyValue::List(items) => PyValue::Tuple(items),
            other => panic!("not a list: {other:?}"),
        },
        _ => capture(&serde_json::from_str::<Any>(json).expect("json")).expect("value"),
    }
}

/// Splits the text of a JSON object into the texts of its members, keeping every digit.
fn members(json: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let mut rest = json.trim().strip_prefix('{').expect("object").trim_start();
    while !rest.starts_with('}') {
        let mut depth = 0;
        let mut quoted = false;
        let mut escaped = false;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => quoted = !quoted,
                    '[' | '{' if !quoted => depth += 1,
                    ']' | '}' if !quoted && depth > 0 => depth -= 1,
                    ',' | '}' if !quoted && depth == 0 => return true,
                    _ => {}
                }
                false
            })
            .expect("an end")
            .0;
        let (name, value) = rest[..end].split_once(':').expect("name and value");
        members.push((name.trim().trim_matches('"').to_owned(), value.trim().to_owned()));
        rest = rest[end..].trim_start_matches(',').trim_start();
    }
    members
}

/// What Python fills in for fields that the JSON leaves out, in the vectors' classes.
fn default_of(id: &str, field: &str) -> PyValue {
    match (id, field) {
        ("O01" | "O02", "a") => PyValue::Str("ay".into()),
        ("O01" | "O02", "b") => PyValue::Str("bee".into()),
        (_, "b") => PyValue::Bool(false),
        (_, "m") => PyValue::Dict(Vec::new()),
        (_, "n") => PyValue::List(Vec::new()),
        (_, "t") => PyValue::Tuple(Vec::new()),
        _ => PyValue::None,
    }
}

#[test]
fn every_recorded_body_hashes_as_in_python() {
    let file = vectors("body_hash");
    let mut checked = 0;
    for case in cases(&file, "cases") {
        let id = text(&case, "id");
        if id == "P24" {
            continue; // a lone surrogate; see `a_lone_surrogate_is_refused_by_the_parser`
        }
        let given = members(text(&case, "json_fields"));
        let value_of = |field: &Value| {
            let field = field.as_str().expect("field");
            if id == "M01" {
                #[derive(Serialize, Deserialize)]
                struct Item {
                    name: String,
                    #[serde(default)]
                    score: Option<f64>,
                }
                let items: Vec<Item> = serde_json::from_str(&given[0].1).expect("items");
                return capture(&items).expect("items");
            }
            match given.iter().find(|(name, _)| name == field) {
                Some((_, json)) => typed(json, case["field_types"][field].as_str().expect("type")),
                None => default_of(id, field),
            }
        };
        let values: Vec<PyValue> = case["hash_fields_in_order"]
            .as_array()
            .expect("fields")
            .iter()
            .map(value_of)
            .collect();
        let texts: Vec<String> = values.iter().map(|value| value.str(UnicodeVersion::V14_0)).collect();
        let expected: Vec<&str> = case["python_str"]
            .as_array()
            .expect("texts")
            .iter()
            .map(|t| t.as_str().expect("text"))
            .collect();
        assert_eq!(texts, expected, "{id}");
        assert_eq!(
            hash_values(&values, UnicodeVersion::V14_0),
            text(&case, "body_hash"),
            "{id}"
        );
        assert!(matches(&values, text(&case, "body_hash")), "{id}");
        checked += 1;
    }
    assert!(checked >= 42, "only {checked} cases");
}

#[test]
fn the_prompting_type_hashes_as_the_python_class() {
    let file = vectors("body_hash");
    let mut checked = 0;
    for case in cases(&file, "cases") {
        if text(&case, "synapse") != "Prompting" || text(&case, "id") == "P24" {
            continue;
        }
        let synapse: Prompting = serde_json::from_str(text(&case, "json_fields")).expect("prompting");
        let values = hashed_values(&synapse).expect("hashable");
        assert!(matches(&values, text(&case, "body_hash")), "{}", text(&case, "id"));
        checked += 1;
    }
    assert!(checked >= 20, "only {checked} cases");
}

#[test]
fn without_hash_fields_the_hash_is_that_of_nothing() {
    let empty = text(&vectors("body_hash"), "empty_body_hash").to_owned();
    assert_eq!(body_hash(&Ping {}).expect("ping"), empty);
    assert_eq!(
        body_hash(&Dummy {
            dummy_input: 7,
            dummy_output: None
        })
        .expect("dummy"),
        empty
    );
}

#[test]
fn a_hash_made_by_any_python_release_is_accepted() {
    // U+1FAE8 was assigned in Unicode 15.0: 3.11 escapes it, 3.12 prints it.
    let values = hashed_values(&Prompting::ask("\u{1fae8}")).expect("hashable");
    let [old, new] = [UnicodeVersion::V14_0, UnicodeVersion::V15_0].map(|version| hash_values(&values, version));
    assert_ne!(old, new);
    assert!(matches(&values, &old) && matches(&values, &new));
    assert!(!matches(
        &hashed_values(&Prompting::ask("\u{1fae9}")).expect("hashable"),
        &new
    ));
}

#[test]
fn a_lone_surrogate_is_refused_by_the_parser() {
    assert!(serde_json::from_str::<Prompting>(r#"{"roles": ["user"], "messages": ["\ud800"]}"#).is_err());
}

#[test]
fn texts_and_floats_print_as_recorded() {
    let file = vectors("py_repr");
    for case in cases(&file, "strings") {
        let Ok(value) = serde_json::from_str::<String>(text(&case, "json")) else {
            continue; // lone surrogates
        };
        assert_eq!(PyValue::Str(value).repr(UnicodeVersion::V14_0), text(&case, "repr"));
    }
    for case in cases(&file, "floats") {
        let bits = u64::from_str_radix(text(&case, "bits_hex"), 16).expect("hex");
        assert_eq!(py_float(f64::from_bits(bits)), text(&case, "repr"));
    }
    for case in cases(&file, "other") {
        let value: Any = serde_json::from_str(text(&case, "value")).expect("json");
        assert_eq!(
            capture(&value).expect("value").repr(UnicodeVersion::V14_0),
            text(&case, "repr")
        );
    }
}

/// Two texts of this length are equally near; Python takes the even one.
#[test]
fn floats_between_two_shortest_texts_print_as_in_python() {
    for (value, printed) in [
        (3_346_628_463_284_569.0 / 4.0, "836657115821142.2"),
        (-3_346_628_463_284_571.0 / 4.0, "-836657115821142.8"),
        (4_503_599_627_370_497.5, "4503599627370498.0"),
        (1_125_899_906_842_624.125, "1125899906842624.0"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (0.000_012_34, "1.234e-05"),
        (0.0001, "0.0001"),
        (-100.0, "-100.0"),
        (-0.0, "-0.0"),
    ] {
        assert_eq!(py_float(value), printed);
    }
}

#[test]
fn single_precision_numbers_hash_as_their_decimal_digits() {
    // The JSON of 0.1f32 is `0.1`, which Python reads as the double 0.1.
    assert_eq!(capture(&0.1_f32).expect("float"), PyValue::Float(0.1));
}

#[test]
fn a_missing_hash_field_is_an_error_and_not_a_different_hash() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Broken {}
    impl Synapse for Broken {
        const NAME: &'static str = "Broken";
        const HASH_FIELDS: &'static [&'static str] = &["text"];
        const REQUIRED_FIELDS: &'static [(&'static str, axoneme_protocol::EmptyValue)] = &[];
        fn take_answer(&mut self, _answer: Self) {}
    }
    let error = body_hash(&Broken {}).expect_err("no such field").to_string();
    assert!(error.contains("`text` in HASH_FIELDS"), "{error}");
}

proptest! {
    #[test]
    fn any_text_prints_as_one_quoted_line_of_printable_characters(words in any::<String>()) {
        let printed = PyValue::Str(words).repr(UnicodeVersion::OURS);
        prop_assert!(printed.len() >= 2);
        prop_assert!(printed.chars().all(|c| UnicodeVersion::OURS.is_printable(c)));
    }

    #[test]
    fn any_float_reads_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let printed = py_float(value);
        prop_assert_eq!(printed.parse::<f64>().expect("a float").to_bits(), value.to_bits());
        prop_assert!(printed.contains(['.', 'e']));
    }

    #[test]
    fn different_messages_have_different_hashes(a in any::<Vec<String>>(), b in any::<Vec<String>>()) {
        let hash = |messages: &[String]| {
            body_hash(&Prompting { roles: vec![], messages: messages.to_vec(), completion: String::new() }).expect("hash")
        };
        prop_assert_eq!(hash(&a) == hash(&b), a == b);
    }
}
