//! The texts that tasks are about, from what `dataset.*` names.

pub use axoneme_dataset::{Dataset, DatasetError, Position};

use crate::config::DatasetSection;

/// Opens the configured sources: where they stood, if there is a saved position, else in an order that comes from `seed`, or
/// from `dataset.seed` where that is set.
///
/// # Errors
/// For a source that cannot be understood or is not there.
pub fn open(section: &DatasetSection, seed: u64, saved: Option<&Position>) -> Result<Dataset, DatasetError> {
    let config = section.config()?;
    match saved {
        // Another seed asks for another order.
        Some(position) if section.seed.is_none_or(|seed| seed == position.seed) => Dataset::open_at(&config, position),
        _ => Dataset::open(&config, section.seed.unwrap_or(seed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(dataset: &Dataset, count: usize) -> Vec<String> {
        (0..count).map(|_| dataset.next_blocking().unwrap()).collect()
    }

    #[test]
    fn a_saved_position_goes_on_and_another_seed_starts_over() {
        let mut section = DatasetSection::default();
        let expected = take(&open(&section, 1, None).unwrap(), 12);
        let dataset = open(&section, 1, None).unwrap();
        take(&dataset, 5);
        let position = dataset.position();
        assert_eq!(take(&open(&section, 99, Some(&position)).unwrap(), 7), expected[5..]);
        section.seed = Some(1);
        assert_eq!(take(&open(&section, 99, None).unwrap(), 12), expected);
        assert_eq!(take(&open(&section, 99, Some(&position)).unwrap(), 7), expected[5..]);
        section.seed = Some(2);
        assert_ne!(take(&open(&section, 99, Some(&position)).unwrap(), 7), expected[5..]);
    }

    #[test]
    fn sources_are_a_text_with_commas_or_a_list() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let line = format!("{{\"text\":\"{name}. b. c.\"}}\n");
            std::fs::write(folder.path().join(format!("{name}.jsonl")), line).unwrap();
        }
        let path = folder.path().display();
        let text = format!("source = \"2*{path}/a.jsonl,{path}/b.jsonl\"");
        let list = format!("source = [\"2*{path}/a.jsonl\", \"{path}/b.jsonl\"]");
        let sections: Vec<DatasetSection> = [text, list].iter().map(|text| toml::from_str(text).unwrap()).collect();
        assert_eq!(sections[0], sections[1]);
        let mut texts = take(&open(&sections[0], 1, None).unwrap(), 40);
        texts.sort();
        texts.dedup();
        assert_eq!(texts, ["a. b. c.", "b. b. c."]);
    }
}
