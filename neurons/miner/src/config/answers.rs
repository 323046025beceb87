//! What answers.

use serde::{Deserialize, Serialize};

use super::MinerConfig;

/// `miner.type`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinerKind {
    /// The language model in this process.
    Llm,
    /// A server with the chat completions of OpenAI.
    #[serde(rename = "openai")]
    OpenAi,
    /// The language model in this process, asked in the manner of Vicuna and set up by `vicuna.*`.
    Vicuna,
    /// The language model in this process, asked in the manner of BTLM and set up by `btlm.*`.
    #[serde(alias = "bittensorLM")]
    Btlm,
    /// One fixed sentence.
    Template,
    /// Sends the last message back. Earns next to nothing; shows a validator at work.
    Echo,
    /// Sends the first message back, three words at a time.
    StreamingTemplate,
}

impl MinerKind {
    /// Whether the language model of this process answers.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Llm | Self::Vicuna | Self::Btlm)
    }
}

/// How a conversation is written for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// By the template that came with the model.
    #[default]
    Auto,
    /// `USER: … ASSISTANT:`
    Vicuna,
    /// A line `role: message` each, then `assistant: `.
    Btlm,
    /// `<|im_start|>role … <|im_end|>`
    Chatml,
    /// The messages, a line each.
    Plain,
}

impl Style {
    /// The style as a chat template, `None` for the model's own.
    pub fn template(self) -> Option<&'static str> {
        Some(match self {
            Self::Auto => return None,
            Self::Vicuna => {
                "{%- for m in messages -%}\
                 {%- if m.role == 'system' -%}{{ m.content + ' ' }}\
                 {%- elif m.role == 'assistant' -%}{{ 'ASSISTANT:' + m.content + eos_token }}\
                 {%- else -%}{{ 'USER: ' + m.content + ' ' }}{%- endif -%}\
                 {%- endfor -%}{{ 'ASSISTANT:' }}"
            }
            Self::Btlm => {
                "{%- for m in messages -%}{{ m.role + ': ' + m.content + '\\n' }}{%- endfor -%}{{ 'assistant: ' }}"
            }
            Self::Chatml => {
                "{%- for m in messages -%}\
                 {{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}\
                 {%- endfor -%}{{ '<|im_start|>assistant\\n' }}"
            }
            Self::Plain => "{%- for m in messages -%}{{ m.content + '\\n' }}{%- endfor -%}",
        })
    }
}

/// `openai.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenAiSection {
    /// Where `/chat/completions` is.
    pub base_url: String,
    /// Name of the environment variable that holds the key. Servers without keys need none.
    pub api_key_env: String,
    /// The server's name of the model.
    pub model_name: String,
    /// Longest answer, tokens.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token; 1 follows the model's own distribution.
    pub temperature: f64,
    /// Sample only from the likeliest tokens that together have this probability.
    pub top_p: f64,
    /// Answers asked for. No effect: the first is all that counts.
    pub n: u64,
    /// Makes tokens less likely that occurred already, −2 to 2.
    pub presence_penalty: f64,
    /// The same, more with every occurrence.
    pub frequency_penalty: f64,
    /// No effect: chat completions have no suffix.
    pub suffix: Option<String>,
    /// Requests under way at the same time; more are refused as busy.
    pub concurrent: usize,
}

impl Default for OpenAiSection {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".into(),
            api_key_env: "OPENAI_API_KEY".into(),
            model_name: "gpt-3.5-turbo".into(),
            max_tokens: 100,
            temperature: 0.4,
            top_p: 1.0,
            n: 1,
            presence_penalty: 0.1,
            frequency_penalty: 0.1,
            suffix: None,
            concurrent: 64,
        }
    }
}

/// `vicuna.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VicunaSection {
    /// `default`, a path to a GGUF file, or `hf:org/name[@revision]/file.gguf`.
    pub model_name: String,
    /// Where it runs; empty takes `neuron.device`.
    pub device: String,
    /// Longest answer, tokens.
    pub max_new_tokens: usize,
    /// Used where `do_sample` is on.
    pub temperature: f64,
    /// Draw tokens instead of taking the likeliest.
    pub do_sample: bool,
    /// Put `system_prompt` in the place of the caller's.
    pub do_prompt_injection: bool,
    /// Said to the model where `do_prompt_injection` is on.
    pub system_prompt: String,
}

impl Default for VicunaSection {
    fn default() -> Self {
        Self {
            model_name: "default".into(),
            device: String::new(),
            max_new_tokens: 256,
            temperature: 0.5,
            do_sample: false,
            do_prompt_injection: false,
            system_prompt: "You are a helpful assistant that gives short and correct answers.".into(),
        }
    }
}

/// `btlm.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BtlmSection {
    /// Where the model runs; empty takes `neuron.device`.
    pub device: String,
    /// Longest answer, tokens.
    pub max_length: usize,
    /// Draw tokens instead of taking the likeliest.
    pub do_sample: bool,
    /// No run of so many tokens comes twice in a conversation; 0 allows all.
    pub no_repeat_ngram_size: usize,
    /// Put `system_prompt` in the place of the caller's.
    pub do_prompt_injection: bool,
    /// Said to the model where `do_prompt_injection` is on.
    pub system_prompt: String,
    /// No effect.
    pub use_deepspeed: bool,
    /// Used where `do_sample` is on.
    pub temperature: f64,
}

impl Default for BtlmSection {
    fn default() -> Self {
        Self {
            device: String::new(),
            max_length: 100,
            do_sample: false,
            no_repeat_ngram_size: 2,
            do_prompt_injection: false,
            system_prompt: "You are a helpful assistant that gives short and correct answers.".into(),
            use_deepspeed: false,
            temperature: 0.7,
        }
    }
}

/// `wandb.*`: runs for `wandb sync`, off by default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WandbSection {
    /// Whether runs are written.
    pub on: bool,
    /// Their project.
    pub project_name: String,
    /// Team or user; empty for that of whoever uploads.
    pub entity: String,
}

/// How a model is asked, whatever kind of miner asks it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatSettings {
    /// Said before the conversation; empty leaves it out.
    pub system_prompt: String,
    /// It takes the place of the caller's own system message, if there is one.
    pub replaces: bool,
    /// Longest answer, tokens.
    pub max_tokens: usize,
    /// 0 is the likeliest token each time.
    pub temperature: f64,
    /// See [`axoneme_llm::Sampling`].
    pub top_p: f64,
    /// See [`axoneme_llm::Sampling`].
    pub repetition_penalty: f64,
    /// See [`axoneme_llm::Sampling`].
    pub no_repeat_ngram: usize,
}

impl MinerConfig {
    /// How the model of this kind of miner is asked.
    pub fn chat(&self) -> ChatSettings {
        let miner = &self.miner;
        let own = ChatSettings {
            system_prompt: miner.system_prompt.clone(),
            replaces: false,
            max_tokens: miner.max_tokens,
            temperature: miner.temperature,
            top_p: miner.top_p,
            repetition_penalty: miner.repetition_penalty,
            no_repeat_ngram: 0,
        };
        let older = |system: &str, injected: bool, max_tokens: usize, temperature: f64, sampled: bool| ChatSettings {
            system_prompt: if injected { system.to_owned() } else { String::new() },
            replaces: injected,
            max_tokens,
            temperature: if sampled { temperature } else { 0.0 },
            top_p: 1.0,
            repetition_penalty: 1.0,
            no_repeat_ngram: 0,
        };
        match miner.kind {
            MinerKind::OpenAi => ChatSettings {
                max_tokens: self.openai.max_tokens,
                temperature: self.openai.temperature,
                top_p: self.openai.top_p,
                repetition_penalty: 1.0,
                ..own
            },
            MinerKind::Vicuna => {
                let set = &self.vicuna;
                let (prompt, injected) = (&set.system_prompt, set.do_prompt_injection);
                older(prompt, injected, set.max_new_tokens, set.temperature, set.do_sample)
            }
            MinerKind::Btlm => {
                let set = &self.btlm;
                let (prompt, injected) = (&set.system_prompt, set.do_prompt_injection);
                ChatSettings {
                    no_repeat_ngram: set.no_repeat_ngram_size,
                    ..older(prompt, injected, set.max_length, set.temperature, set.do_sample)
                }
            }
            _ => own,
        }
    }

    /// The model of this kind of miner, where it runs, and how conversations are written for it.
    pub fn model(&self) -> (&str, &str, Style) {
        let or = |device: &'_ str| !device.is_empty();
        match self.miner.kind {
            MinerKind::Vicuna => {
                let device = Some(self.vicuna.device.as_str()).filter(|device| or(device));
                (
                    &self.vicuna.model_name,
                    device.unwrap_or(&self.neuron.device),
                    Style::Vicuna,
                )
            }
            MinerKind::Btlm => {
                let device = Some(self.btlm.device.as_str()).filter(|device| or(device));
                (&self.miner.model, device.unwrap_or(&self.neuron.device), Style::Btlm)
            }
            _ => (&self.miner.model, &self.neuron.device, self.miner.prompt_style),
        }
    }
}
