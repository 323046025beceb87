//! From messages to tokens and back.

mod gguf;
mod stream;
mod template;

use std::path::Path;

use candle_core::quantized::gguf_file;
use serde_json::Value;
use tokenizers::Tokenizer;

pub(crate) use gguf::integer;
pub(crate) use stream::TextStream;
pub(crate) use template::ChatTemplate;

use crate::{EngineError, ModelError};

/// Tokens that end an answer in one of the common chat formats, whatever the file calls its end token.
const END_TOKENS: [&str; 6] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "</s>",
];

/// The tokenizer of a language model, and what goes with it: which tokens end an answer, how a chat is written.
pub struct TextTokenizer {
    inner: Tokenizer,
    ends: Vec<u32>,
    specials: Vec<String>,
    template: Option<ChatTemplate>,
    /// The tokens around a whole text, for templates.
    begin: Option<String>,
    end: Option<String>,
}

/// What a model file says about its special tokens and chat format.
#[derive(Default)]
struct Hints {
    begin: Option<String>,
    end: Option<String>,
    end_ids: Vec<u32>,
    template: Option<String>,
}

impl TextTokenizer {
    /// From the files beside safetensors weights: `tokenizer.json`, and what `tokenizer_config.json` and
    /// `chat_template.jinja` say, where they are there.
    ///
    /// # Errors
    /// For files that are missing or damaged, and a chat template that does not work.
    pub fn from_folder(folder: &Path) -> Result<Self, ModelError> {
        let inner = read_tokenizer(&folder.join("tokenizer.json"))?;
        let mut hints = Hints::default();
        hints.read_folder(folder)?;
        Self::assemble(inner, hints, folder)
    }

    /// From a GGUF file, unless better files lie beside it.
    pub(crate) fn from_gguf(path: &Path, content: &gguf_file::Content) -> Result<Self, ModelError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let beside = folder.join("tokenizer.json");
        let inner = match beside.exists() {
            true => read_tokenizer(&beside)?,
            false => gguf::build(content).map_err(|reason| ModelError::tokenizer(path, reason))?,
        };
        let mut hints = gguf::hints(content);
        hints.read_folder(folder)?;
        Self::assemble(inner, hints, path)
    }

    fn assemble(mut inner: Tokenizer, hints: Hints, path: &Path) -> Result<Self, ModelError> {
        // Files sometimes carry the padding and truncation of their training run.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| ModelError::tokenizer(path, error))?;
        let mut specials: Vec<String> = inner
            .get_added_tokens_decoder()
            .into_values()
            .filter(|token| token.special && !token.content.is_empty())
            .map(|token| token.content)
            .collect();
        // Longest first, so that removing one never leaves a part of another.
        specials.sort_by_key(|content| std::cmp::Reverse(content.len()));
        let named = END_TOKENS.iter().copied().chain(hints.end.as_deref());
        let mut ends: Vec<u32> = named
            .filter_map(|token| inner.token_to_id(token))
            .chain(hints.end_ids)
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let mut tokenizer = Self {
            inner,
            ends,
            specials,
            template: None,
            begin: hints.begin,
            end: hints.end,
        };
        if let Some(source) = &hints.template {
            tokenizer.write_chats_by(source, path)?;
        }
        Ok(tokenizer)
    }

    /// Writes chats by this template from now on; `path` is the model's, for messages.
    pub(crate) fn write_chats_by(&mut self, source: &str, path: &Path) -> Result<(), ModelError> {
        let compiled = ChatTemplate::compile(source.to_owned(), self.begin.clone(), self.end.clone());
        self.template = Some(compiled.map_err(|reason| ModelError::Template {
            path: path.to_owned(),
            reason,
        })?);
        Ok(())
    }

    /// The tokenizer itself.
    pub fn inner(&self) -> &Tokenizer {
        &self.inner
    }

    /// How many tokens there are, special ones included.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The tokens of a text, with the start token if the model wants one.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        self.encode_with(text, true)
    }

    /// The text of these tokens, special ones left out.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, EngineError> {
        self.inner
            .decode(tokens, true)
            .map_err(|error| EngineError::Tokenize(error.to_string()))
    }

    /// Whether this token ends an answer.
    pub fn is_end(&self, token: u32) -> bool {
        self.ends.binary_search(&token).is_ok()
    }

    /// Whether the model came with a way to write chats.
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// The tokens of a chat that is over, as a model that judges chats reads it. Special tokens written out in a message
    /// are removed, as in a prompt.
    ///
    /// # Errors
    /// When the model has no chat template, or that refuses these messages.
    pub fn encode_finished_chat(&self, messages: &[crate::Message]) -> Result<Vec<u32>, EngineError> {
        self.encode_messages(messages, false)
    }

    /// The prompt for a chat that the model should continue.
    ///
    /// Special tokens written out in a message are removed: a caller must not be able to close its own turn and speak
    /// as the system.
    pub(crate) fn encode_chat(&self, messages: &[crate::Message]) -> Result<Vec<u32>, EngineError> {
        self.encode_messages(messages, true)
    }

    fn encode_messages(&self, messages: &[crate::Message], due: bool) -> Result<Vec<u32>, EngineError> {
        let template = self.template.as_ref().ok_or(EngineError::NoTemplate)?;
        let clean: Vec<crate::Message> = messages
            .iter()
            .map(|message| crate::Message {
                role: self.without_specials(&message.role),
                content: self.without_specials(&message.content),
            })
            .collect();
        let text = template.render(&clean, due).map_err(EngineError::Template)?;
        self.encode_with(&text, false)
    }

    fn encode_with(&self, text: &str, add_special: bool) -> Result<Vec<u32>, EngineError> {
        let encoding = self.inner.encode_fast(text, add_special);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|error| EngineError::Tokenize(error.to_string()))
    }

    fn without_specials(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Again after a removal, since what stood left and right of it may form a special token now.
        while let Some(special) = self.specials.iter().find(|special| text.contains(special.as_str())) {
            text = text.replace(special.as_str(), "");
        }
        text
    }
}

impl Hints {
    /// Reads what stands in the usual files of a hub model; they win over what the weights say.
    fn read_folder(&mut self, folder: &Path) -> Result<(), ModelError> {
        for file in ["config.json", "generation_config.json"] {
            match read_json(&folder.join(file))?.get("eos_token_id") {
                Some(Value::Array(ids)) => self.end_ids.extend(ids.iter().filter_map(to_id)),
                Some(id) => self.end_ids.extend(to_id(id)),
                None => {}
            }
        }
        let config = read_json(&folder.join("tokenizer_config.json"))?;
        self.begin = token_text(&config, "bos_token").or(self.begin.take());
        self.end = token_text(&config, "eos_token").or(self.end.take());
        let from_config = match config.get("chat_template") {
            Some(Value::String(template)) => Some(template.clone()),
            Some(Value::Array(named)) => named
                .iter()
                .find(|entry| entry["name"] == "default")
                .and_then(|entry| entry["template"].as_str())
                .map(str::to_owned),
            _ => None,
        };
        let file = folder.join("chat_template.jinja");
        let from_file = match file.exists() {
            true => Some(std::fs::read_to_string(&file).map_err(|source| ModelError::io(&file, source))?),
            false => None,
        };
        self.template = from_file.or(from_config).or(self.template.take());
        Ok(())
    }
}

fn to_id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// Special tokens are written as text or as an object with the text inside.
fn token_text(config: &Value, key: &str) -> Option<String> {
    let value = config.get(key)?;
    value
        .as_str()
        .or_else(|| value.get("content")?.as_str())
        .map(str::to_owned)
}

fn read_tokenizer(path: &Path) -> Result<Tokenizer, ModelError> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ModelError::tokenizer(path, "the file does not exist"),
        _ => ModelError::io(path, error),
    })?;
    Tokenizer::from_bytes(bytes).map_err(|error| ModelError::corrupt(path, error))
}

/// A JSON file, or null when there is none.
pub(crate) fn read_json(path: &Path) -> Result<Value, ModelError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| ModelError::corrupt(path, error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(ModelError::io(path, error)),
    }
}

#[cfg(test)]
mod tests;
