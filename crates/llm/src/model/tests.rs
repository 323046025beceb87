//! The decoder against numbers from the reference implementations, and against itself.

use std::path::PathBuf;

use candle_core::Device;
use serde_json::Value;

use super::*;
use crate::score::{RepeatPenalty, dpo_score};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn cases(name: &str) -> (Vec<Value>, f32) {
    let text = std::fs::read_to_string(fixture(name).join("io.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    (
        json["cases"].as_array().unwrap().clone(),
        json["tolerance"].as_f64().unwrap() as f32,
    )
}

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect()
}

fn floats(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

fn all_logits(decoder: &Decoder, tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut caches = [decoder.new_cache().unwrap()];
    decoder
        .forward(
            &mut caches,
            &[Segment {
                slot: 0,
                tokens,
                wanted: Wanted::From(0),
            }],
        )
        .unwrap()
}

fn close(what: &str, left: &[f32], right: &[f32], tolerance: f32) {
    assert_eq!(left.len(), right.len(), "{what}");
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert!(
            (left - right).abs() <= tolerance,
            "{what} {index}: {left}, expected {right}"
        );
    }
}

#[test]
fn llama_and_qwen3_give_the_logits_of_the_reference() {
    for name in ["llama-logprob", "qwen3-logprob"] {
        let loaded = load(&fixture(name), &Device::Cpu, 4096).unwrap();
        let (cases, tolerance) = cases(name);
        for case in &cases {
            let (tokens, expected) = (ids(&case["input_ids"]), &case["expected"]);
            let text = format!(
                "{}{}",
                case["prompt"].as_str().unwrap(),
                case["completion"].as_str().unwrap()
            );
            assert_eq!(
                loaded.tokenizer.encode(&text).unwrap(),
                tokens,
                "{name}: tokens of {text:?}"
            );
            let logits = all_logits(&loaded.decoder, &tokens);
            close(
                name,
                logits.last().unwrap(),
                &floats(&expected["last_position_logits"]),
                tolerance,
            );
            let sums: Vec<f32> = logits
                .iter()
                .map(|row| row.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln() as f32)
                .collect();
            close(name, &sums, &floats(&expected["row_logsumexp"]), tolerance);
            let prompt_len = case["prompt_len"].as_u64().unwrap() as usize;
            let scores = [RepeatPenalty::Off, RepeatPenalty::Reference]
                .map(|penalty| dpo_score(&logits, &tokens, prompt_len, penalty));
            let wanted =
                ["mean_logprob", "mean_logprob_with_repeat_penalty"].map(|key| expected[key].as_f64().unwrap() as f32);
            close(name, &scores, &wanted, tolerance);
        }
    }
}

#[test]
fn the_way_over_tensors_that_gpus_take_gives_the_same_logits() {
    for name in ["llama-logprob", "qwen3-logprob"] {
        let mut loaded = load(&fixture(name), &Device::Cpu, 256).unwrap();
        let tokens: Vec<u32> = (3..70).collect();
        let on_host = all_logits(&loaded.decoder, &tokens);
        loaded.decoder.on_device = true;
        for (left, right) in all_logits(&loaded.decoder, &tokens).iter().zip(&on_host) {
            close(name, left, right, 1e-4);
        }
    }
}

#[test]
fn reading_in_chunks_beside_others_changes_nothing() {
    let mut loaded = load(&fixture("llama-logprob"), &Device::Cpu, 4096).unwrap();
    // On the CPU bit for bit.
    chunks_beside_others(&loaded.decoder, 0.0);
    loaded.decoder.on_device = true;
    chunks_beside_others(&loaded.decoder, 1e-4);
}

fn chunks_beside_others(decoder: &Decoder, tolerance: f32) {
    let tokens: Vec<u32> = (0..40).map(|index| (index * 7 + 3) % 250).collect();
    let other: Vec<u32> = (0..30).map(|index| (index * 11 + 5) % 250).collect();
    let whole = all_logits(decoder, &tokens);
    let mut caches = [decoder.new_cache().unwrap(), decoder.new_cache().unwrap()];
    let mut rows = Vec::new();
    for (chunk, beside) in tokens.chunks(9).zip(other.chunks(4)) {
        let segments = [
            Segment {
                slot: 1,
                tokens: beside,
                wanted: Wanted::Last,
            },
            Segment {
                slot: 0,
                tokens: chunk,
                wanted: Wanted::From(0),
            },
        ];
        let logits = decoder.forward(&mut caches, &segments).unwrap();
        assert_eq!(logits.len(), 1 + chunk.len());
        rows.extend(logits.into_iter().skip(1));
    }
    for (left, right) in rows.iter().zip(&whole) {
        close("chunked", left, right, tolerance);
    }
}

#[test]
fn a_slot_cut_back_or_copied_continues_like_a_fresh_one() {
    let mut loaded = load(&fixture("qwen3-logprob"), &Device::Cpu, 4096).unwrap();
    cut_back_and_copied(&loaded.decoder);
    loaded.decoder.on_device = true;
    cut_back_and_copied(&loaded.decoder);
}

fn cut_back_and_copied(decoder: &Decoder) {
    let tokens: Vec<u32> = (10..40).collect();
    let whole = all_logits(decoder, &tokens);
    let mut caches = [decoder.new_cache().unwrap(), decoder.new_cache().unwrap()];
    let read = |caches: &mut [SlotCache; 2], slot, tokens: &[u32]| {
        let segment = Segment {
            slot,
            tokens,
            wanted: Wanted::Last,
        };
        decoder.forward(caches, &[segment]).unwrap().remove(0)
    };
    read(&mut caches, 0, &tokens[..20]);
    read(&mut caches, 0, &[1, 2, 3]);
    caches[0].truncate(20);
    assert_eq!(caches[0].shared_prefix(&tokens), 20);
    let (first, second) = caches.split_at_mut(1);
    second[0].copy_from(&first[0], 15).unwrap();
    close("cut back", &read(&mut caches, 0, &tokens[20..]), &whole[29], 1e-4);
    close("copied", &read(&mut caches, 1, &tokens[15..]), &whole[29], 1e-4);
}

#[test]
fn a_failed_pass_leaves_the_slots_as_they_were() {
    let loaded = load(&fixture("llama-logprob"), &Device::Cpu, 20).unwrap();
    let decoder = &loaded.decoder;
    assert_eq!(decoder.context(), 20);
    let mut caches = [decoder.new_cache().unwrap()];
    let mut read = |tokens: &[u32]| {
        let result = decoder.forward(
            &mut caches,
            &[Segment {
                slot: 0,
                tokens,
                wanted: Wanted::Last,
            }],
        );
        (result.is_ok(), caches[0].len())
    };
    assert_eq!(read(&[1; 15]), (true, 15));
    assert_eq!(read(&[1; 6]), (false, 15), "more positions than the context holds");
    assert_eq!(read(&[100_000]), (false, 15), "a token outside the vocabulary");
    assert_eq!(read(&[1; 5]), (true, 20));
}

#[test]
fn damaged_files_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let bytes = std::fs::read(fixture("llama-logprob").join(name)).unwrap();
        std::fs::write(folder.path().join(name), change(bytes)).unwrap();
    };
    let restore = || {
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            copy(name, &|bytes| bytes);
        }
    };
    let error = || load(folder.path(), &Device::Cpu, 64).map(|_| ()).unwrap_err();
    restore();
    assert!(load(folder.path(), &Device::Cpu, 64).is_ok());
    copy("model.safetensors", &|bytes| bytes[..bytes.len() / 2].to_vec());
    assert!(matches!(error(), ModelError::Corrupt { .. }), "{}", error());
    restore();
    copy("config.json", &|bytes| {
        String::from_utf8(bytes)
            .unwrap()
            .replace("\"llama\"", "\"mamba\"")
            .into_bytes()
    });
    assert!(matches!(error(), ModelError::Unsupported { .. }), "{}", error());
    restore();
    // A header that contradicts the weights must not end in slices out of range.
    copy("config.json", &|bytes| {
        String::from_utf8(bytes)
            .unwrap()
            .replace("\"head_dim\": 8", "\"head_dim\": 16")
            .into_bytes()
    });
    assert!(matches!(error(), ModelError::Corrupt { .. }), "{}", error());
    restore();
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    assert!(matches!(error(), ModelError::Tokenizer { .. }), "{}", error());
    let gguf = folder.path().join("model.gguf");
    std::fs::write(&gguf, b"GGUF but not really").unwrap();
    let broken = load(&gguf, &Device::Cpu, 64).map(|_| ()).unwrap_err();
    assert!(matches!(broken, ModelError::Corrupt { .. }), "{broken}");
    let missing = load(&folder.path().join("nowhere"), &Device::Cpu, 64)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(missing, ModelError::NotFound { .. }), "{missing}");
}

#[test]
fn both_ways_of_writing_rotations_are_read() {
    let shape = serde_json::json!({
        "model_type": "llama", "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    });
    let with = |more: Value| {
        let mut config = shape.clone();
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        DecoderConfig::from_json(&config).unwrap()
    };
    let scaling = serde_json::json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    });
    let mut together = scaling.clone();
    together["rope_theta"] = 500_000.0.into();
    let old = with(serde_json::json!({"rope_theta": 500_000.0, "rope_scaling": scaling}));
    let new = with(serde_json::json!({"rope_parameters": together}));
    assert_eq!((old.rope_base, &old.rope_scaling), (new.rope_base, &new.rope_scaling));
    assert_eq!(new.rope_base, 500_000.0);
    let plain = with(serde_json::json!({"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}));
    assert_eq!((plain.rope_base, plain.rope_scaling), (1e6, config::RopeScaling::None));
}
