//! Using a subnet from an application: a question in the application's terms, an answer in the application's terms.

use std::time::Duration;

use axoneme_protocol::Synapse;

use crate::answer::Answer;
use crate::dendrite::Dendrite;
use crate::target::AxonTarget;

/// One use of one subnet: how a question becomes a synapse, and how the answers of its axons become one reply.
///
/// The Python SDK has the same idea under the name `SubnetsAPI`.
///
/// ```
/// use axoneme_dendrite::{Answer, AxonTarget, SubnetApi};
/// use axoneme_protocol::Prompting;
///
/// /// Asks a text subnet, and believes the longest answer.
/// struct Longest;
///
/// impl SubnetApi for Longest {
///     type Question = str;
///     type Synapse = Prompting;
///     type Reply = Option<String>;
///
///     fn prepare(&self, question: &str) -> Prompting {
///         Prompting::ask(question)
///     }
///
///     fn process(&self, answers: Vec<(AxonTarget, Answer<Prompting>)>) -> Option<String> {
///         let good = answers.into_iter().filter(|(_, answer)| answer.is_success());
///         good.map(|(_, answer)| answer.synapse.completion).max_by_key(String::len)
///     }
/// }
/// ```
pub trait SubnetApi: Sync {
    /// What the application asks.
    type Question: ?Sized + Sync;
    /// What goes to the axons.
    type Synapse: Synapse;
    /// What the application gets.
    type Reply;

    /// Makes the synapse that all chosen axons are asked.
    fn prepare(&self, question: &Self::Question) -> Self::Synapse;

    /// Makes the reply. Failed calls are among the answers.
    fn process(&self, answers: Vec<(AxonTarget, Answer<Self::Synapse>)>) -> Self::Reply;
}

impl Dendrite {
    /// Asks `axons`, chosen for instance by an [`AxonPool`](crate::AxonPool), a question of the application's.
    pub async fn ask_subnet<A: SubnetApi>(
        &self,
        api: &A,
        question: &A::Question,
        axons: &[AxonTarget],
        timeout: Duration,
    ) -> A::Reply {
        let answers = self.query(axons, &api.prepare(question), timeout).await;
        api.process(axons.iter().copied().zip(answers).collect())
    }
}
