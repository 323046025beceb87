//! Both forms of the blocks give the same numbers.

use std::path::PathBuf;

use candle_core::Device;

use super::*;
use crate::Pooling;
use crate::blocks::Place;

const MEAN: Head = Head::Embed {
    pooling: Pooling::Mean,
    normalise: false,
    windows: false,
};

fn sequences() -> Vec<Encoded> {
    let sequence = |length: usize| Encoded {
        tokens: (0..length).map(|index| (index * 7 % 90 + 10) as u32).collect(),
        types: (0..length).map(|index| u32::from(index > 9)).collect(),
    };
    [3, 17, 1, 40, 17].map(sequence).into()
}

/// A GPU runs tensor operations; on a CPU they can be tested without one.
#[test]
fn tensor_operations_give_what_the_kernels_give() {
    for (name, head) in [
        ("bert-sequence-classification", Head::Classify),
        ("bert-mean-pooling", MEAN),
        ("roberta-sequence-classification", Head::Classify),
        ("mpnet-mean-pooling", MEAN),
        ("distilbert-sequence-classification", Head::Classify),
        ("deberta-v2-sequence-classification", Head::Classify),
        ("modernbert-sequence-classification", Head::Classify),
        ("gptj-value-head", Head::Values),
        ("gptj-sequence-classification", Head::Classify),
        ("gpt-neo-last-token", MEAN),
        ("qwen3-sequence-classification", Head::Classify),
        ("llama-logprob", MEAN),
    ] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/models")
            .join(name);
        let config = open_config(&folder).unwrap();
        let run = |place: &Place| {
            let weights = Weights::open(&folder, place).unwrap();
            let net = Net::load(&config, &weights, head).unwrap();
            let mut sequences = sequences();
            if name.starts_with("roberta") || name.starts_with("gptj") {
                // One kind of segment, or none.
                sequences.iter_mut().for_each(|sequence| sequence.types.fill(0));
            }
            net.run(&sequences.iter().collect::<Vec<_>>()).unwrap()
        };
        let host = run(&Place::HOST);
        let tensors = run(&Place {
            device: Device::Cpu,
            tensors: true,
        });
        assert_eq!(host.len(), tensors.len());
        for (host, tensors) in host.iter().flatten().zip(tensors.iter().flatten()) {
            assert!((host - tensors).abs() < 2e-5, "{name}: {host}, {tensors}");
        }
    }
}
