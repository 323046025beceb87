//! What a wrong declaration is told, and what a right one becomes.

use proc_macro2::TokenStream;

use crate::expand::expand;

/// The message for a declaration that must not compile, with the source text it points at.
fn error(declaration: &str) -> String {
    let input: TokenStream = declaration.parse().expect("tokens");
    expand(input).expect_err(declaration).to_string()
}

fn expanded(declaration: &str) -> String {
    let input: TokenStream = declaration.parse().expect("tokens");
    let output = expand(input).unwrap_or_else(|error| panic!("{declaration}: {error}"));
    output.to_string().split_whitespace().collect()
}

#[test]
fn only_structs_with_named_fields_are_synapses() {
    for declaration in ["struct S;", "struct S(String);", "enum S { A }", "union S { a: u8 }"] {
        assert!(error(declaration).contains("struct with named fields"), "{declaration}");
    }
    assert!(error("struct S<T> { a: Vec<T> }").contains("cannot be generic"));
    assert!(error("struct S<'a> { a: &'a str }").contains("cannot be generic"));
}

#[test]
fn hash_fields_have_to_exist_and_to_be_known_when_the_request_is_signed() {
    let message = error(r#"#[synapse(hash_fields("b"))] struct S { a: String, c: String }"#);
    assert_eq!(message, "no field `b` to hash; there are `a`, `c`");
    for declaration in [
        r#"struct S { #[synapse(hash, output)] a: String }"#,
        r#"struct S { #[synapse(hash)] #[synapse(output)] a: String }"#,
        r#"#[synapse(hash_fields("a"))] struct S { #[synapse(output)] a: String }"#,
    ] {
        assert!(
            error(declaration).contains("cannot be under the body hash"),
            "{declaration}"
        );
    }
    assert!(error(r#"#[synapse(hash_fields("a", "a"))] struct S { a: String }"#).contains("listed twice"));
    let both = r#"#[synapse(hash_fields("a"))] struct S { #[synapse(hash)] a: String }"#;
    assert!(error(both).contains("not both"));
    for skip in ["skip", "skip_serializing_if = \"Vec::is_empty\"", "skip_serializing"] {
        let declaration = format!("struct S {{ #[synapse(hash)] #[serde(default, {skip})] a: Vec<u8> }}");
        assert!(error(&declaration).contains("must always travel"), "{declaration}");
        let declaration = format!("#[synapse(hash_fields(\"a\"))] struct S {{ #[serde(default, {skip})] a: Vec<u8> }}");
        assert!(error(&declaration).contains("does not always travel"), "{declaration}");
    }
}

#[test]
fn members_of_the_wire_are_reserved() {
    for name in [
        "name",
        "timeout",
        "total_size",
        "header_size",
        "dendrite",
        "axon",
        "computed_body_hash",
    ] {
        let message = error(&format!("struct S {{ {name}: String }}"));
        assert!(message.contains("the wire itself uses"), "{name}: {message}");
        let message = error(&format!("struct S {{ #[serde(rename = \"{name}\")] a: String }}"));
        assert!(message.contains("the wire itself uses"), "renamed to {name}: {message}");
    }
    assert!(error(r#"struct S { a: u8, #[serde(rename = "a")] b: u8 }"#).contains("two fields"));
}

#[test]
fn a_stream_grows_exactly_one_text() {
    for fields in [
        "a: String",
        "#[synapse(output)] a: Vec<String>",
        "#[synapse(output)] a: Option<u8>",
    ] {
        let declaration = format!("#[synapse(stream)] struct S {{ {fields} }}");
        assert!(error(&declaration).contains("a stream grows one text"), "{declaration}");
    }
    let two = "#[synapse(stream)] struct S { #[synapse(output)] a: String, #[synapse(output)] b: Option<String> }";
    assert!(error(two).contains("second output"));
}

#[test]
fn misspelt_and_misplaced_attributes_are_told_what_there_is() {
    assert!(error("#[synapse(steam)] struct S { a: u8 }").contains("`name`, `stream`, `hash_fields`"));
    assert!(error("struct S { #[synapse(hashed)] a: u8 }").contains("`hash`, `output` and `empty`"));
    assert!(error("#[synapse(hash)] struct S { a: u8 }").contains("belongs on a field"));
    assert!(error("struct S { #[synapse(stream)] a: u8 }").contains("belongs on the struct"));
    assert!(error("#[synapse(stream, stream)] struct S { a: u8 }").contains("given twice"));
    assert!(error(r#"#[synapse(name = "a/b")] struct S { a: u8 }"#).contains("Python class"));
    assert!(error(r#"#[synapse(name = "")] struct S { a: u8 }"#).contains("Python class"));
    assert!(error(r#"#[serde(rename_all = "camelCase")] struct S { a: u8 }"#).contains("one by one"));
    assert!(error("struct S { #[serde(flatten)] a: u8 }").contains("no flattened fields"));
    assert!(error("struct S { a: Custom }").contains("say so with #[synapse(empty"));
    assert!(error(r#"struct S { #[synapse(empty = "set")] a: Custom }"#).contains("an empty value is"));
}

#[test]
fn errors_become_compile_errors_and_not_panics() {
    let error = expand("struct S;".parse().expect("tokens")).expect_err("no fields");
    assert!(error.into_compile_error().to_string().contains("compile_error"));
    assert!(expand("fn f() {}".parse().expect("tokens")).is_err());
}

#[test]
fn a_declaration_becomes_what_one_would_write() {
    let output = expanded(
        r#"#[synapse(name = "Translate", stream)]
        struct T {
            #[synapse(hash)] text: String,
            #[serde(rename = "to")] #[synapse(hash)] target: Option<u8>,
            #[serde(default)] #[synapse(output)] translation: Option<String>,
            #[serde(skip)] cache: Custom,
        }"#,
    );
    for part in [
        r#"impl::axoneme_protocol::SynapseforT"#,
        r#"NAME:&'staticstr="Translate""#,
        r#"HASH_FIELDS:&'static[&'staticstr]=&["text","to"]"#,
        r#"=&[("text",::axoneme_protocol::EmptyValue::Str),("to",::axoneme_protocol::EmptyValue::Int)]"#,
        r#"self.translation=answer.translation;"#,
        r#"impl::axoneme_protocol::StreamingSynapseforT"#,
        r#"self.translation.get_or_insert_default().push_str(text)"#,
    ] {
        assert!(output.contains(part), "{part} in {output}");
    }
    assert_eq!(output.matches("self.").count(), 2);
}

#[test]
fn hash_order_is_that_of_the_struct_or_of_the_list() {
    let listed = expanded(r#"#[synapse(hash_fields("b", "a"))] struct S { a: bool, b: f64 }"#);
    assert!(listed.contains(r#"&["b","a"]"#));
    let marked = expanded("struct S { #[synapse(hash)] a: bool, #[synapse(hash)] b: f64 }");
    assert!(marked.contains(r#"&["a","b"]"#) && marked.contains(r#"NAME:&'staticstr="S""#));
    assert!(!marked.contains("StreamingSynapse"));
}

#[test]
fn fields_with_a_default_are_not_required() {
    let output = expanded(
        r#"#[synapse(crate = "other::protocol")]
        struct S {
            list: Vec<u8>, pair: (u8, u8), dict: HashMap<String, u8>, float: f32, flag: bool,
            #[synapse(empty = "dict")] model: Custom,
            #[serde(default = "there")] a: Custom, #[serde(default)] b: u8,
        }"#,
    );
    for (name, empty) in [
        ("list", "List"),
        ("pair", "List"),
        ("dict", "Dict"),
        ("float", "Float"),
        ("flag", "Bool"),
        ("model", "Dict"),
    ] {
        assert!(
            output.contains(&format!(r#"("{name}",other::protocol::EmptyValue::{empty})"#)),
            "{name}"
        );
    }
    assert!(!output.contains(r#""a""#) && !output.contains(r#""b""#));
    let all = expanded("#[serde(default)] struct S { a: Custom }");
    assert!(all.contains("REQUIRED_FIELDS") && !all.contains(r#""a""#));
}
