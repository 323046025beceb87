//! Chat templates: how a list of messages becomes the text a model was trained to continue.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

/// A template that has rendered a trial conversation.
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

const NAME: &str = "chat";
/// A template is text from a file: bound what it may do. Real ones stay far below.
const MAX_RECURSION: usize = 50;
const MAX_STEPS: u64 = 1_000_000;

impl ChatTemplate {
    /// Compiles a template and tries it, so that a broken one stops the start and not the first request.
    pub(crate) fn compile(source: String, begin: Option<String>, end: Option<String>) -> Result<Self, String> {
        let mut environment = Environment::new();
        // The whitespace rules templates are written for.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| describe(&error))?);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_recursion_limit(MAX_RECURSION);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment
            .add_template_owned(NAME, source)
            .map_err(|error| describe(&error))?;
        let template = Self {
            environment,
            begin: begin.unwrap_or_default(),
            end: end.unwrap_or_default(),
        };
        let trial = [crate::Message {
            role: "user".into(),
            content: "Hello".into(),
        }];
        let rendered = template.render(&trial, true)?;
        if !rendered.contains("Hello") {
            return Err("it drops what the user says".into());
        }
        Ok(template)
    }

    /// The text of these messages; where an answer is `due`, up to where it begins.
    pub(crate) fn render(&self, messages: &[crate::Message], due: bool) -> Result<String, String> {
        let template = self.environment.get_template(NAME).map_err(|error| describe(&error))?;
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| {
                let (role, content) = (message.role.clone(), message.content.clone());
                Value::from(BTreeMap::from([("role", role), ("content", content)]))
            })
            .collect();
        template
            .render(context! {
                messages => messages,
                add_generation_prompt => due,
                bos_token => self.begin.as_str(),
                eos_token => self.end.as_str(),
                // Models that think aloud first would spend a caller's whole time limit on it.
                enable_thinking => false,
            })
            .map_err(|error| describe(&error))
    }
}

fn describe(error: &Error) -> String {
    error.to_string()
}
