//! Choosing axons and using a subnet from an application.

use std::time::Duration;

use axoneme_dendrite::{Answer, AxonPool, AxonTarget, Candidate, DendriteConfig, Outcome, Selection, SubnetApi, Wire};
use axoneme_protocol::Prompting;

use crate::scripted::{Act, Server, alice, bob, good, signed, target};

const TIMEOUT: Duration = Duration::from_millis(1500);

fn pong() -> Vec<u8> {
    good("ignored by a ping")
}

fn candidate(uid: u16, target: AxonTarget, stake: u64) -> Candidate {
    Candidate {
        uid,
        target,
        stake,
        validator_permit: false,
    }
}

#[tokio::test]
async fn a_ping_tells_who_is_there_and_how_far_away() {
    let near = Server::start(|_| Act::Say(pong())).await;
    let far = Server::start(|_| Act::Drip(Duration::from_millis(300), vec![pong()])).await;
    let silent = Server::start(|_| Act::Hang).await;
    let signing = Server::answering(|_, asked| Act::Say(signed(asked, &bob(), 200, "{}"))).await;
    let nobody = target("127.0.0.1:1".parse().expect("address"));
    let targets = [
        near.target(),
        far.target(),
        silent.target(),
        nobody,
        signing.target().over(Wire::Btauth),
    ];
    let pongs = alice(DendriteConfig::default()).ping(&targets, TIMEOUT).await;
    let outcomes: Vec<Outcome> = pongs.iter().map(|pong| pong.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Answered,
            Outcome::Answered,
            Outcome::TimedOut,
            Outcome::Unreachable,
            Outcome::Answered
        ]
    );
    let there: Vec<bool> = pongs.iter().map(|pong| pong.is_available()).collect();
    assert_eq!(there, [true, true, false, false, true]);
    assert!(pongs[0].latency < pongs[1].latency && pongs[1].latency >= Some(Duration::from_millis(300)));
    assert_eq!(pongs[3].target, nobody);
    assert_eq!(near.asked.lock()[0].line, "POST /Synapse HTTP/1.1");
}

/// How many said what most said.
struct Count;

impl SubnetApi for Count {
    type Question = str;
    type Synapse = Prompting;
    type Reply = Vec<(u16, String)>;

    fn prepare(&self, question: &str) -> Prompting {
        Prompting::ask(format!("please: {question}"))
    }

    fn process(&self, answers: Vec<(AxonTarget, Answer<Prompting>)>) -> Self::Reply {
        let good = answers.into_iter().filter(|(_, answer)| answer.is_success());
        good.map(|(axon, answer)| (axon.port, answer.synapse.completion))
            .collect()
    }
}

#[tokio::test]
async fn an_application_asks_the_best_axons_that_are_there() {
    let mut servers = Vec::new();
    for index in 0..4 {
        servers.push(Server::start(move |_| Act::Say(good(&format!("answer {index}")))).await);
    }
    let silent = Server::start(|_| Act::Hang).await;
    let mut candidates = vec![candidate(9, silent.target(), 1_000_000)];
    for (uid, server) in servers.iter().enumerate() {
        candidates.push(candidate(uid as u16, server.target(), 100 + uid as u64));
    }
    let pool = AxonPool::new(candidates);
    let selection = Selection {
        min_stake: 101,
        at_most: 2,
        ..Selection::default()
    };
    let dendrite = alice(DendriteConfig::default());
    let chosen = pool.available(&dendrite, &selection, Duration::from_millis(400)).await;
    let uids: Vec<u16> = chosen.iter().map(|candidate| candidate.uid).collect();
    assert_eq!(uids, [3, 2], "the one with the most stake does not answer");

    let axons: Vec<AxonTarget> = chosen.iter().map(|candidate| candidate.target).collect();
    let reply = dendrite.ask_subnet(&Count, "count", &axons, TIMEOUT).await;
    assert_eq!(
        reply,
        [
            (servers[3].addr.port(), "answer 3".to_owned()),
            (servers[2].addr.port(), "answer 2".to_owned())
        ]
    );
    let body: serde_json::Value = serde_json::from_slice(&servers[3].asked.lock()[1].body).expect("json");
    assert_eq!(body["messages"][0], "please: count");
}
