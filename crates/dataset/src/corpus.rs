//! The articles that ship: written for this project, on subjects that have nothing to do with each other.

macro_rules! articles {
    ($($name:literal,)+) => {
        /// One text per article, in the order of their names.
        pub const ARTICLES: &[&str] = &[$(include_str!(concat!("../data/", $name, ".txt")),)+];

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name,)+];
    };
}

articles![
    "alphabets",
    "anaesthesia",
    "balloons",
    "bees",
    "bicycles",
    "bread",
    "bridges",
    "canals",
    "cards",
    "cheese",
    "chess",
    "chocolate",
    "ciphers",
    "cities",
    "clocks",
    "clouds",
    "coffee",
    "comets",
    "compasses",
    "compilers",
    "coral",
    "currents",
    "deserts",
    "domes",
    "forests",
    "gardens",
    "glaciers",
    "glass",
    "habits",
    "insurance",
    "juries",
    "knots",
    "libraries",
    "lighthouses",
    "lightning",
    "maps",
    "marathon",
    "memory",
    "migration",
    "money",
    "monsoons",
    "moon",
    "numbers",
    "octopuses",
    "paper",
    "patents",
    "pencils",
    "perspective",
    "potatoes",
    "pottery",
    "primes",
    "printing",
    "probability",
    "railways",
    "rice",
    "rivers",
    "salt",
    "silk",
    "sleep",
    "snow",
    "soil",
    "spices",
    "spiders",
    "stars",
    "tea",
    "theatre",
    "tides",
    "translation",
    "vaccines",
    "violins",
    "volcanoes",
    "whales",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn articles() -> impl Iterator<Item = (&'static str, &'static str)> {
        NAMES.iter().copied().zip(ARTICLES.iter().copied())
    }

    #[test]
    fn there_are_enough_articles_and_every_file_is_listed_once() {
        assert!(ARTICLES.len() >= 60, "{}", ARTICLES.len());
        assert!(NAMES.is_sorted_by(|a, b| a < b), "sorted, and no name twice");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
            .collect();
        files.sort();
        assert_eq!(files, NAMES);
    }

    #[test]
    fn every_article_is_long_enough_and_plain_text() {
        for (name, text) in articles() {
            let words = text.split_whitespace().count();
            assert!((600..=900).contains(&words), "{name}: {words} words");
            assert!(text.matches(". ").count() >= 20, "{name}");
            assert!(text.trim().split("\n\n").count() >= 4, "{name}: paragraphs");
            let odd = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(odd, None, "{name}");
        }
    }

    #[test]
    fn no_two_articles_share_a_sentence() {
        let mut seen = HashMap::new();
        for (name, text) in articles() {
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for sentence in line
                .split(['.', '?', '!'])
                .map(|sentence| sentence.trim().to_lowercase())
            {
                if sentence.is_empty() {
                    continue;
                }
                let first = *seen.entry(sentence.clone()).or_insert(name);
                assert_eq!(first, name, "{sentence}");
            }
        }
    }
}
