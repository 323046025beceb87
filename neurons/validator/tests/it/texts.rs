use validator::completions::{base_text, clean, draw_cutoff};

use crate::support::{list, rng, text, vectors};

#[test]
fn completions_are_cleaned_as_in_the_network() {
    for case in list(&vectors("completions")["trimming"]) {
        let completion = text(&case["completion"]);
        assert_eq!(
            clean("followup1", completion),
            text(&case["followup_completion"]),
            "{completion:?}"
        );
        assert_eq!(
            clean("answer1", completion),
            text(&case["answer_completion"]),
            "{completion:?}"
        );
        assert_eq!(
            clean("augment", completion),
            text(&case["summary_completion"]),
            "{completion:?}"
        );
        let trimmed = axoneme_reward::text::trim(text(&case["followup_completion"]));
        assert_eq!(trimmed, text(&case["followup_best"]), "{completion:?}");
    }
}

#[test]
fn texts_are_cut_at_the_drawn_dot() {
    for case in list(&vectors("completions")["base_text"]) {
        let cutoff = case["cutoff"].as_u64().unwrap() as usize;
        assert_eq!(
            base_text(text(&case["text"]), cutoff),
            text(&case["base_text"]),
            "{case}"
        );
    }
    let mut rng = rng(5);
    let drawn: std::collections::BTreeSet<usize> = (0..2000).map(|_| draw_cutoff(&mut rng)).collect();
    assert_eq!(drawn, (15..=30).collect());
}
