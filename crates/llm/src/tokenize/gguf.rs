//! The tokenizer inside a GGUF file.
//!
//! candle has a reader for this too; it takes unknown pre-tokenizers for GPT-2's with a space put before the text,
//! which silently spoils the prompts of the default model. Here an unknown one is refused.

use candle_core::quantized::gguf_file::{Content, Value};
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::tokenizer::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::Hints;

/// Split rules of the two pre-tokenizers that come as one expression; they differ in how many digits go together.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Token types of the format whose text is matched as a whole: control tokens and tokens added by the model's makers.
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;

/// Builds the tokenizer, or says what about it is unknown.
pub(super) fn build(content: &Content) -> Result<Tokenizer, String> {
    let model = text(content, "tokenizer.ggml.model").unwrap_or("none");
    if model != "gpt2" {
        return Err(format!(
            "the file's tokenizer is of kind {model:?}, only byte-level BPE (\"gpt2\") can be read"
        ));
    }
    let tokens = texts(content, "tokenizer.ggml.tokens")?;
    let merges: Vec<(String, String)> = texts(content, "tokenizer.ggml.merges")?
        .iter()
        .map(|merge| {
            merge
                .split_once(' ')
                .map(|(left, right)| (left.to_owned(), right.to_owned()))
        })
        .collect::<Option<_>>()
        .ok_or("a merge rule has no space in it")?;
    let vocabulary: Vec<(String, u32)> = tokens.iter().cloned().zip(0u32..).collect();
    let pre = text(content, "tokenizer.ggml.pre").unwrap_or("none");
    // Llama 3 keeps whole words of its vocabulary even where no chain of merges leads to them.
    let bpe = BPE::builder()
        .vocab_and_merges(
            vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(),
            merges,
        )
        .ignore_merges(pre == "llama-bpe" || pre == "llama3")
        .build()
        .map_err(|error| error.to_string())?;
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(pre)?));
    if pre == "qwen2" {
        tokenizer
            .with_normalizer(Some(NFC))
            .map_err(|error| error.to_string())?;
    }
    tokenizer.with_decoder(Some(ByteLevel::new(false, false, false)));
    add_marked_tokens(&mut tokenizer, content, &tokens)?;
    if flag(content, "tokenizer.ggml.add_bos_token") {
        let begin = token_named(content, "tokenizer.ggml.bos_token_id", &tokens).ok_or("the start token is missing")?;
        tokenizer.with_post_processor(Some(starting_with(&begin.0, begin.1)?));
    }
    Ok(tokenizer)
}

/// Special tokens and chat template of the file.
pub(super) fn hints(content: &Content) -> Hints {
    let tokens = texts(content, "tokenizer.ggml.tokens").unwrap_or_default();
    let begin = token_named(content, "tokenizer.ggml.bos_token_id", &tokens);
    let end = token_named(content, "tokenizer.ggml.eos_token_id", &tokens);
    Hints {
        begin: begin.map(|(token, _)| token),
        end_ids: end.iter().map(|(_, id)| *id).collect(),
        end: end.map(|(token, _)| token),
        template: text(content, "tokenizer.chat_template").map(str::to_owned),
    }
}

fn pre_tokenizer(name: &str) -> Result<PreTokenizerWrapper, String> {
    let split = |expression: &str| -> Result<PreTokenizerWrapper, String> {
        let pattern = SplitPattern::Regex(expression.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(|error| error.to_string())?;
        Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, true, false).into()]).into())
    };
    match name {
        "smollm" => Ok(Sequence::new(vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()]).into()),
        "gpt-2" | "gpt2" => Ok(ByteLevel::new(false, true, true).into()),
        "qwen2" => split(QWEN2),
        "llama-bpe" | "llama3" => split(LLAMA3),
        _ => Err(format!("the file's pre-tokenizer {name:?} is not known here")),
    }
}

fn add_marked_tokens(tokenizer: &mut Tokenizer, content: &Content, tokens: &[String]) -> Result<(), String> {
    let types = match content.metadata.get("tokenizer.ggml.token_type") {
        Some(Value::Array(types)) => types.iter().map(integer).collect(),
        _ => Vec::new(),
    };
    let marked = tokens.iter().zip(types).filter_map(|(token, kind)| match kind {
        Some(CONTROL) => Some(AddedToken::from(token.clone(), true)),
        Some(USER_DEFINED) => Some(AddedToken::from(token.clone(), false).normalized(false)),
        _ => None,
    });
    tokenizer
        .add_tokens(marked.filter(|token| !token.content.is_empty()).collect::<Vec<_>>())
        .map_err(|error| error.to_string())?;
    Ok(())
}

fn starting_with(token: &str, id: u32) -> Result<TemplateProcessing, String> {
    TemplateProcessing::builder()
        .try_single(vec![token.to_owned(), "$0".to_owned()])
        .map_err(|error| error.to_string())?
        .special_tokens(vec![(token.to_owned(), id)])
        .build()
        .map_err(|error| error.to_string())
}

fn token_named(content: &Content, key: &str, tokens: &[String]) -> Option<(String, u32)> {
    let id = u32::try_from(integer(content.metadata.get(key)?)?).ok()?;
    tokens.get(id as usize).map(|token| (token.clone(), id))
}

fn text<'a>(content: &'a Content, key: &str) -> Option<&'a str> {
    content.metadata.get(key)?.to_string().ok().map(String::as_str)
}

fn texts(content: &Content, key: &str) -> Result<Vec<String>, String> {
    let Some(Value::Array(values)) = content.metadata.get(key) else {
        return Err(format!("the file has no {key}"));
    };
    values
        .iter()
        .map(|value| value.to_string().cloned().map_err(|error| error.to_string()))
        .collect()
}

fn flag(content: &Content, key: &str) -> bool {
    matches!(content.metadata.get(key), Some(Value::Bool(true)))
}

/// Files differ in the width of their integers.
pub(crate) fn integer(value: &Value) -> Option<u64> {
    match *value {
        Value::U8(number) => Some(number.into()),
        Value::U16(number) => Some(number.into()),
        Value::U32(number) => Some(number.into()),
        Value::U64(number) => Some(number),
        Value::I8(number) => u64::try_from(number).ok(),
        Value::I16(number) => u64::try_from(number).ok(),
        Value::I32(number) => u64::try_from(number).ok(),
        Value::I64(number) => u64::try_from(number).ok(),
        _ => None,
    }
}
