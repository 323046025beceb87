//! The functions on the models that ship. These tests say so and pass when the models were never fetched: `axoneme
//! models` fetches them.

use std::sync::Arc;

use axoneme_llm::{
    DeviceChoice, Embedder, Engine, EngineConfig, MINILM_L6, ModelRef, ModelStore, NoProgress, SMOLLM2_135M, Shipped,
};
use axoneme_reward::functions::dpo::{Dpo, FLOOR};
use axoneme_reward::llm::word_pieces;
use axoneme_reward::masks::{Diversity, DiversityConfig, NgramBlacklist, NgramConfig, Relevance};
use axoneme_reward::models::EmbeddingCache;
use axoneme_reward::{Mask, Pipeline, RepeatPenalty, Response, RewardFunction, SentenceEmbedder, Task};

use crate::support::{list, numbers, text, texts, vectors};

/// Where a default model is, if it is on this machine already.
fn on_disk(model: &'static Shipped) -> Option<std::path::PathBuf> {
    let store = ModelStore::new(None);
    if !store.folder_of(model).exists() {
        eprintln!("skipped: {} is not on this machine", model.name);
        return None;
    }
    store.ensure_blocking(&ModelRef::Default, model, &NoProgress).ok()
}

fn embedder() -> Option<Embedder> {
    Some(Embedder::load(&on_disk(&MINILM_L6)?, DeviceChoice::Cpu).expect("the embedding model loads"))
}

fn engine() -> Option<Engine> {
    let path = on_disk(&SMOLLM2_135M)?;
    Some(Engine::load(&path, DeviceChoice::Cpu, EngineConfig::default()).expect("the language model loads"))
}

#[tokio::test]
async fn related_texts_pass_and_near_copies_do_not() {
    let Some(embedder) = embedder() else { return };
    let embedder: Arc<dyn SentenceEmbedder> = Arc::new(EmbeddingCache::new(Arc::new(embedder), 64));
    let file = vectors("minilm_real");
    let texts = texts(&file["texts"]);
    let task = Task::new("augment", texts[0].clone(), vec![]);

    let relevance = Relevance::new(embedder.clone(), Relevance::DEFAULT_BOUND)
        .judge(&task, &texts)
        .await
        .unwrap();
    let cosines = numbers(&file["cosine"][0]);
    for (got, expected) in relevance.extras[0].values.iter().zip(&cosines) {
        assert!((got.as_f64().unwrap() - expected.abs()).abs() < 2e-4);
    }
    let related: Vec<f64> = cosines
        .iter()
        .map(|cosine| if *cosine >= 0.3 { 1.0 } else { 0.0 })
        .collect();
    assert_eq!(relevance.factor, related);

    let diversity = Diversity::new(embedder, DiversityConfig::default())
        .judge(&task, &texts)
        .await
        .unwrap();
    assert_eq!(diversity.factor, numbers(&file["diversity_mask"]));
}

#[tokio::test]
async fn the_filters_tokenizer_counts_texts_longer_than_the_embedding_model_reads() {
    let Some(embedder) = embedder() else { return };
    let pieces = word_pieces(&embedder).unwrap();
    assert_eq!(pieces.ids(&"word ".repeat(1500)).unwrap().len(), 1500);
    let ids = pieces.ids("the quick brown foxes jumped").unwrap();
    assert_eq!(pieces.decode(&ids).unwrap(), "the quick brown foxes jumped");
}

#[tokio::test]
async fn a_fitting_continuation_is_likelier_than_a_jumble_of_its_words() {
    let Some(engine) = engine() else { return };
    let dpo = Dpo::new(Arc::new(engine), RepeatPenalty::Reference);
    let task = Task::new(
        "answer0",
        "The Danube rises in the Black Forest and flows into the Black Sea. ",
        vec![],
    );
    let completions = [
        "The river crosses ten countries on its way to the sea.",
        "sea way The to crosses river its the countries on ten.",
        "short",
    ];
    let raw = dpo.score(&task, &completions.map(String::from)).await.unwrap().raw;
    assert!(raw[0] > raw[1] + 0.5, "{raw:?}");
    assert!(raw[1] > FLOOR && raw[2] == FLOOR, "{raw:?}");
}

#[tokio::test]
async fn the_whole_pipeline_pays_an_honest_summary_and_nothing_else() {
    let (Some(embedder), Some(engine)) = (embedder(), engine()) else {
        return;
    };
    let file = vectors("minilm_real");
    let base = text(&list(&file["texts"])[0]);
    let pieces = word_pieces(&embedder).unwrap();
    let embedder: Arc<dyn SentenceEmbedder> = Arc::new(EmbeddingCache::new(Arc::new(embedder), 64));
    let mut pipeline = Pipeline::builder()
        .reward(1.0, Dpo::new(Arc::new(engine), RepeatPenalty::Reference))
        .mask(NgramBlacklist::new(pieces, NgramConfig::default()).unwrap())
        .mask(Relevance::new(embedder.clone(), Relevance::DEFAULT_BOUND))
        .mask(Diversity::new(embedder, DiversityConfig::default()))
        .build()
        .unwrap();
    let answers = [
        (
            200,
            "The Danube starts in the Black Forest, crosses ten countries and has long served trade.",
        ),
        (200, base),
        (
            200,
            "Bananas are rich in potassium and taste best when they are yellow.",
        ),
        (408, ""),
    ];
    let answers = answers.map(|(status, completion)| Response {
        status,
        completion: completion.to_owned(),
    });
    let outcome = pipeline
        .judge(&Task::new("augment", base, vec![]), &answers)
        .await
        .unwrap();
    assert!(outcome.rewards[0] > 0.0, "{outcome:?}");
    assert_eq!(outcome.rewards[1..], [0.0; 3], "a copy, something else, silence");
}
