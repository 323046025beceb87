use std::sync::Arc;

use axoneme_reward::masks::ngram::{Haystack, NgramCounter, partial_ratio};
use axoneme_reward::masks::{NgramBlacklist, NgramConfig};
use axoneme_reward::{Mask, Task, WordPieces};
use serde_json::{Value, json};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

use crate::support::{close, list, number, numbers, text, texts, vectors};

/// The WordPiece tokenizer of the vector file.
pub fn tokenizer() -> Arc<dyn WordPieces> {
    let path = format!("{}/tests/vectors/ngram_vocab.txt", env!("CARGO_MANIFEST_DIR"));
    let model = WordPiece::from_file(&path).unk_token("[UNK]".into()).build().unwrap();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_decoder(Some(tokenizers::decoders::wordpiece::WordPiece::default()));
    Arc::new(tokenizer)
}

fn config(options: &Value) -> NgramConfig {
    let mut options = options.clone();
    if options.get("preprocess") == Some(&Value::Null) {
        options["preprocess"] = json!("");
    }
    serde_json::from_value(options).unwrap()
}

fn counter(options: &Value) -> NgramCounter {
    NgramCounter::new(tokenizer(), config(options)).unwrap()
}

#[test]
fn partial_ratios_are_those_of_all_windows() {
    for case in list(&vectors("ngram_blacklist")["partial_ratio"]) {
        let (a, b) = (text(&case["a"]), text(&case["b"]));
        let expected = case["best_of_all_windows"].as_u64().unwrap() as u32;
        assert_eq!(partial_ratio(a, b), expected, "{a:?} in {b:?}");
        assert_eq!(
            Haystack::new(b).matches(a, 90),
            case["partial_ratio"].as_u64().unwrap() > 90,
            "{a:?} in {b:?}"
        );
    }
}

#[test]
fn texts_are_prepared_tokenised_and_cut_as_in_the_network() {
    for case in list(&vectors("ngram_blacklist")["extract"]) {
        let counter = counter(&case["options"]);
        let ids = counter.pieces(text(&case["text"])).unwrap();
        let expected: Vec<u32> = numbers(&case["token_ids"]).into_iter().map(|id| id as u32).collect();
        let limit = case["options"]["word_limit"]
            .as_u64()
            .map_or(expected.len(), |limit| limit as usize);
        assert_eq!(ids, expected[..limit], "{}", case["text"]);
        let ngrams: Vec<&[u32]> = counter.ngrams(&ids).collect();
        assert_eq!(
            ngrams.len() as u64,
            case["ngram_count"].as_u64().unwrap(),
            "{}",
            case["text"]
        );
        for (got, expected) in ngrams.iter().zip(list(&case["ngrams"])) {
            assert_eq!(json!(got), *expected, "{}", case["text"]);
        }
        if let Some(decoded) = case["decoded_first"].as_str() {
            assert_eq!(tokenizer().decode(ngrams[0]).unwrap(), decoded);
        }
    }
}

/// The completions of a run: given, or described in words.
fn completions(run: &Value, all: &[Value]) -> Vec<String> {
    let given = || texts(&all.iter().find(|run| run["adds"].is_array()).unwrap()["adds"]);
    match &run["adds"] {
        Value::Array(_) => texts(&run["adds"]),
        Value::String(words) if words.contains("14 texts") => (0..20).flat_map(|_| given()).collect(),
        Value::String(_) => (0..1005u64).map(numbered).collect(),
        _ => vec![],
    }
}

fn numbered(i: u64) -> String {
    if i.is_multiple_of(3) {
        return "the quick brown fox jumps over".to_owned();
    }
    let letter = |k: u32| char::from(b'a' + (i / 26u64.pow(k) % 26) as u8);
    format!("word{}", (0..4).map(|k| format!("{} ", letter(k))).collect::<String>())
}

fn check_step(counter: &NgramCounter, step: &Value) {
    let [completions, ngrams, current, last_update] = counter.totals();
    assert_eq!(json!(completions), step["num_completion"], "{step}");
    assert_eq!(json!(ngrams), step["num_ngram"], "{step}");
    assert_eq!(json!(current), step["w_current"], "{step}");
    assert_eq!(json!(last_update), step["last_update"], "{step}");
    let mut entries: Vec<Value> = counter.entries().map(|(ids, f, e)| json!([ids, f, e])).collect();
    entries.sort_by_key(|entry| numbers(&entry[0]).iter().map(|id| *id as u32).collect::<Vec<_>>());
    match step.get("counter") {
        Some(expected) => assert_eq!(json!(entries), *expected, "{step}"),
        None => assert_eq!(json!(entries.len()), step["counter_size"], "{step}"),
    }
}

fn check_table(got: &[axoneme_reward::masks::ngram::Significant], expected: &Value) {
    assert_eq!(got.len(), list(expected).len(), "{expected}");
    for (got, expected) in got.iter().zip(list(expected)) {
        assert_eq!(got.text, text(&expected[0]));
        close(got.score, number(&expected[1]), &got.text);
    }
}

#[tokio::test]
async fn counting_significance_and_masking_follow_the_network() {
    let file = vectors("ngram_blacklist");
    let runs = list(&file["runs"]);
    for run in runs {
        let mut counter = counter(&run["options"]);
        let mask = NgramBlacklist::new(tokenizer(), config(&run["options"])).unwrap();
        let added = completions(run, runs);
        for text in &added {
            counter.add(text).unwrap();
        }
        mask.observe(&added).await.unwrap();
        for step in list(&run["steps"]) {
            if added.is_empty() {
                counter.add(text(&step["add"])).unwrap();
            }
            check_step(&counter, step);
        }
        check_table(&counter.fresh_significance().unwrap(), &run["fresh_significance"]);
        if !list(&run["rewards"]).is_empty() {
            // Other runs never asked for the table that is kept.
            check_table(counter.significance().unwrap(), &run["significance"]);
        }
        for case in list(&run["rewards"]) {
            let task = Task::new("answer0", text(&case["prompt"]), vec![]);
            let judged = mask
                .judge(&task, &[text(&case["completion"]).to_owned()])
                .await
                .unwrap();
            close(judged.factor[0], number(&case["reward"]), &case.to_string());
            assert_eq!(judged.extras[0].values[0], case["matched_ngram"], "{case}");
            match &case["significance_score"] {
                Value::Null => assert!(judged.extras[1].values[0].is_null()),
                score => close(number(&judged.extras[1].values[0]), number(score), "score"),
            }
            assert_eq!(json!(counter.totals()[3]), case["last_update"]);
        }
    }
}

#[test]
fn senseless_settings_are_refused() {
    for options in [
        json!({"n_min": 6, "n_max": 5}),
        json!({"error": 0.0}),
        json!({"preprocess": "("}),
    ] {
        assert!(NgramCounter::new(tokenizer(), config(&options)).is_err(), "{options}");
    }
}

proptest::proptest! {
    /// The quick search must decide exactly as the full ratio does.
    #[test]
    fn the_quick_search_agrees_with_the_ratio(
        words in proptest::collection::vec("[ab]{1,3}", 1..12),
        noise in "[ab ]{0,20}",
        bound in 60u32..100,
    ) {
        let phrase = words.join(" ");
        let mut changed = phrase.clone();
        changed.retain(|c| c != 'b' || noise.len() % 3 != 0);
        let text = format!("{noise}{changed}{noise}");
        proptest::prop_assert_eq!(Haystack::new(&text).matches(&phrase, bound), partial_ratio(&phrase, &text) > bound);
    }
}
