//! Answers that nobody has to think about: for trying out a subnet, and as the smallest examples of a [`Generator`].

use async_trait::async_trait;
use axoneme_llm::{Event, FinishReason, GenerateError, Generation, Generator, Request, Usage};

/// Words of one piece where the answer is streamed in groups.
const GROUP: usize = 3;

/// An answer without a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canned {
    /// Always this.
    Fixed(String),
    /// The last message, word by word.
    Echo,
    /// The first message, some words at a time.
    EchoFirst,
}

impl Canned {
    fn pieces(&self, request: &Request) -> Vec<String> {
        let content = |message: Option<&axoneme_llm::Message>| message.map_or("", |it| it.content.as_str()).to_owned();
        let (text, group) = match self {
            Self::Fixed(text) => return vec![text.clone()],
            Self::Echo => (content(request.messages.last()), 1),
            Self::EchoFirst => (content(request.messages.first()), GROUP),
        };
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        words.chunks(group).map(|words| words.concat()).collect()
    }
}

#[async_trait]
impl Generator for Canned {
    async fn generate(&self, request: Request) -> Result<Generation, GenerateError> {
        let pieces = self.pieces(&request);
        let (sender, generation) = Generation::channel(pieces.len() + 1);
        let usage = Usage {
            completion_tokens: pieces.len(),
            ..Usage::default()
        };
        // There is room for all of them.
        for piece in pieces {
            let _ = sender.try_send(Event::Token(piece));
        }
        let reason = FinishReason::Stop;
        let _ = sender.try_send(Event::Done { reason, usage });
        Ok(generation)
    }

    fn describe(&self) -> String {
        match self {
            Self::Fixed(_) => "one fixed answer",
            Self::Echo => "an echo of the last message",
            Self::EchoFirst => "an echo of the first message",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use axoneme_llm::Message;

    use super::*;

    async fn pieces(canned: Canned, messages: &[&str]) -> Vec<String> {
        let messages = messages.iter().map(|text| Message::user(*text)).collect();
        let mut answer = canned.generate(Request::new(messages, 1)).await.expect("never refuses");
        let mut pieces = Vec::new();
        while let Some(Event::Token(piece)) = answer.next().await {
            pieces.push(piece);
        }
        pieces
    }

    #[tokio::test]
    async fn each_kind_says_its_own_and_ends() {
        assert_eq!(pieces(Canned::Fixed("hello".into()), &["a b"]).await, ["hello"]);
        assert_eq!(pieces(Canned::Echo, &["a", "b c"]).await, ["b ", "c"]);
        let grouped = pieces(Canned::EchoFirst, &["one two three four", "no"]).await;
        assert_eq!(grouped, ["one two three ", "four"]);
        // Nothing left over: the end comes all the same.
        assert_eq!(pieces(Canned::EchoFirst, &["one two three"]).await, ["one two three"]);
        assert_eq!(pieces(Canned::Echo, &[""]).await, Vec::<String>::new());
    }
}
