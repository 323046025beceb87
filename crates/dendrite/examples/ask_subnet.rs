//! Asks a subnet as an application does: `ask_subnet QUESTION AXON...`, each axon as `ADDRESS=HOTKEY=STAKE`.
//!
//! A program would take the axons from a metagraph. The three with the highest stake that answer a ping are asked; what
//! most of them say is the reply.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axoneme_dendrite::{Answer, AxonPool, AxonTarget, Candidate, Dendrite, DendriteConfig, Selection, SubnetApi};
use axoneme_protocol::Prompting;
use axoneme_wallet::Keypair;

/// What most axons say, and how many of how many say it.
struct Majority;

impl SubnetApi for Majority {
    type Question = str;
    type Synapse = Prompting;
    type Reply = Option<(String, usize, usize)>;

    fn prepare(&self, question: &str) -> Prompting {
        Prompting::ask(question)
    }

    fn process(&self, answers: Vec<(AxonTarget, Answer<Prompting>)>) -> Self::Reply {
        let asked = answers.len();
        let mut votes: HashMap<String, usize> = HashMap::new();
        for (_, answer) in answers {
            if answer.is_success() {
                *votes.entry(answer.synapse.completion).or_default() += 1;
            }
        }
        let (text, count) = votes.into_iter().max_by_key(|(_, count)| *count)?;
        Some((text, count, asked))
    }
}

fn candidate(uid: usize, text: &str) -> Result<Candidate, Box<dyn std::error::Error>> {
    let parts: Vec<&str> = text.split('=').collect();
    let [address, hotkey, stake] = parts[..] else {
        return Err(format!("{text} is not ADDRESS=HOTKEY=STAKE").into());
    };
    let address: SocketAddr = address.parse()?;
    Ok(Candidate {
        uid: u16::try_from(uid)?,
        target: AxonTarget::new(hotkey.parse()?, address.ip(), address.port()),
        stake: stake.parse()?,
        validator_permit: false,
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let question = arguments
        .next()
        .ok_or("usage: ask_subnet QUESTION ADDRESS=HOTKEY=STAKE...")?;
    let candidates = arguments.enumerate().map(|(uid, text)| candidate(uid, &text));
    let pool = AxonPool::new(candidates.collect::<Result<Vec<_>, _>>()?);

    let config = DendriteConfig {
        // For axons on this machine; leave it out on a real network.
        allow_private: true,
        ..DendriteConfig::default()
    };
    let dendrite = Dendrite::new(Arc::new(Keypair::from_uri("//Alice")?), config)?;
    let best = Selection {
        at_most: 3,
        ..Selection::default()
    };
    let chosen = pool.available(&dendrite, &best, Duration::from_secs(3)).await;
    println!(
        "{} of {} axons are there and chosen",
        chosen.len(),
        pool.candidates().len()
    );
    let axons: Vec<AxonTarget> = chosen.iter().map(|candidate| candidate.target).collect();
    match dendrite
        .ask_subnet(&Majority, &question, &axons, Duration::from_secs(12))
        .await
    {
        Some((text, count, asked)) => println!("{count} of {asked} say: {text}"),
        None => return Err("nobody answered".into()),
    }
    Ok(())
}
