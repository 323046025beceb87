use std::sync::Arc;

use async_trait::async_trait;
use axoneme_chain::{Metagraph, Neuron};
use axoneme_gating::{Encoder, GatingConfig, GatingError};
use validator::gating::Gating;

use crate::support::{hotkey, metagraph, neuron};

struct Letters;

#[async_trait]
impl Encoder for Letters {
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        let count = |letter: char| text.matches(letter).count() as f32;
        Ok(vec![count('a'), count('b'), 1.0])
    }
}

async fn gating() -> Gating {
    let config = GatingConfig {
        learning_rate: 1.0,
        momentum: 0.9,
    };
    Gating::start(Arc::new(Letters), config, 7).await.unwrap()
}

fn graph(hotkeys: &[u16]) -> Metagraph {
    let at = |(uid, key): (u16, &u16)| Neuron {
        hotkey: hotkey(*key),
        ..neuron(uid, true, false, 0)
    };
    metagraph((0..).zip(hotkeys).map(at).collect())
}

#[tokio::test]
async fn it_learns_who_suits_a_prompt_and_forgets_a_miner_that_was_replaced() {
    let gating = gating().await;
    gating.follow(&graph(&[1, 2, 3]));
    let vector = gating.encode("aaa").await.unwrap();
    for _ in 0..200 {
        gating.train(&[0, 1, 2], &vector, &[0.0, 1.0, 0.0]).unwrap();
    }
    let scores = gating.scores(&vector).unwrap();
    assert!(scores[1] > scores[0] && scores[1] > scores[2], "{scores:?}");
    gating.follow(&graph(&[1, 9, 3, 4]));
    let after = gating.scores(&vector).unwrap();
    assert_eq!((after[0], after[2], after.len()), (scores[0], scores[2], 4));
    assert_ne!(after[1], scores[1]);
}

#[tokio::test]
async fn a_whole_memory_and_additions_give_the_same_head_bit_for_bit() {
    let (first, second) = (gating().await, gating().await);
    first.follow(&graph(&[1, 2, 3]));
    let vector = first.encode("ab").await.unwrap();
    first.train(&[0, 2], &vector, &[0.5, 1.0]).unwrap();
    second.restore(&first.whole().unwrap()).unwrap();
    assert_eq!(first.take_addition(), None);
    first.train(&[1, 2], &vector, &[1.0, 0.25]).unwrap();
    first.follow(&graph(&[1, 2, 8, 4]));
    first.train(&[3, 2], &vector, &[1.0, 0.25]).unwrap();
    second.relearn(&first.take_addition().unwrap()).unwrap();
    let bits = |gating: &Gating| -> Vec<u32> {
        gating
            .scores(&vector)
            .unwrap()
            .iter()
            .map(|score| score.to_bits())
            .collect()
    };
    assert_eq!(bits(&first), bits(&second));
    // The momentum, too: one more step moves both alike.
    for gating in [&first, &second] {
        gating.train(&[0, 1, 2, 3], &vector, &[0.0, 1.0, 0.0, 0.5]).unwrap();
    }
    assert_eq!(bits(&first), bits(&second));
    let bytes = first.whole().unwrap();
    for cut in 0..bytes.len() {
        assert!(second.restore(&bytes[..cut]).is_err());
    }
}
