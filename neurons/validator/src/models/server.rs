//! A language model on a server with OpenAI's chat completions: vLLM, TGI, llama.cpp, a hosted one.

use std::io;

use axoneme_llm::{Generator, OpenAi, OpenAiConfig};
use axoneme_neuron::Failure;

use super::Role;

/// The model behind `reference`, its server's base URL and, behind a `#`, the server's name of the model. The key, if there
/// is one, is in the environment variable `key_env`.
pub(super) async fn connect(role: Role, reference: &str, key_env: &str) -> Result<OpenAi, Failure> {
    let named = reference.split_once('#').filter(|(_, model)| !model.is_empty());
    let Some((base_url, model)) = named else {
        let error = io::Error::other("say which of the server's models, as in http://host:port/v1#model");
        return Err(role.failure(reference, &error));
    };
    let server = OpenAi::new(OpenAiConfig {
        base_url: base_url.to_owned(),
        model: model.to_owned(),
        api_key: std::env::var(key_env).ok(),
        ..OpenAiConfig::default()
    });
    let server = server.map_err(|error| role.failure(reference, &error))?;
    if server.exposes_key() {
        tracing::warn!("{base_url} is not https: the key in {key_env} crosses the network in clear text");
    }
    server.check().await.map_err(|error| role.failure(reference, &error))?;
    Ok(server)
}
