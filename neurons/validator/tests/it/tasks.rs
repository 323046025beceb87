use std::collections::BTreeMap;

use axoneme_reward::Task;
use rand_chacha::ChaCha8Rng;
use validator::tasks::{answer, compose_prompt, question, summary};

use crate::support::{list, number, rng, text, vectors};

/// Share of each set of criteria and the range of the length drawn, over many draws.
fn draws(draw: impl Fn(&mut ChaCha8Rng) -> Task) -> BTreeMap<String, (f64, usize, usize)> {
    const DRAWS: usize = 8000;
    let mut rng = rng(11);
    let mut found: BTreeMap<String, (f64, usize, usize)> = BTreeMap::new();
    for _ in 0..DRAWS {
        let task = draw(&mut rng);
        let mut labels: Vec<String> = task
            .criteria
            .iter()
            .map(|c| format!("{}@{}", c.label(), c.max_penalty()))
            .collect();
        labels.sort();
        let target = task
            .criteria
            .iter()
            .find_map(|criterion| criterion.target())
            .expect("every task has a length");
        let entry = found.entry(labels.join(" + ")).or_insert((0.0, usize::MAX, 0));
        *entry = (entry.0 + 1.0 / DRAWS as f64, entry.1.min(target), entry.2.max(target));
    }
    found
}

/// The vector file's name for a set of criteria, in our labels.
fn ours(theirs: &str) -> String {
    let mut parts: Vec<String> = theirs
        .split(" + ")
        .map(|part| {
            let (name, penalty) = part.split_once('@').unwrap();
            let name = match name {
                "layout:none allowed" => "layout:plain",
                "layout:unordered list" => "layout:bullets",
                "layout:numbered list" => "layout:numbers",
                name if name.starts_with("content:") => "content",
                name => name,
            };
            format!("{name}@{penalty}")
        })
        .collect();
    parts.sort();
    parts.join(" + ")
}

#[test]
fn criteria_are_drawn_as_in_the_network() {
    let file = vectors("tasks");
    type Draw = fn(&mut ChaCha8Rng) -> Task;
    let kinds: [(&str, Draw); 3] = [
        ("summarization", |rng| summary("text", rng)),
        ("question_generation", |rng| question("text", 0, rng)),
        ("question_answer", |rng| answer("text", 0, rng)),
    ];
    for (kind, draw) in kinds {
        let found = draws(draw);
        let expected = list(&file["draws"][kind]);
        assert_eq!(found.len(), expected.len(), "{kind}: {found:?}");
        for case in expected {
            let (share, least, most) = found[&ours(text(&case["criteria"]))];
            assert!((share - number(&case["share"])).abs() < 0.035, "{case}: {share}");
            assert_eq!(
                (least, most),
                (
                    number(&case["min_target"]) as usize,
                    number(&case["max_target"]) as usize
                )
            );
        }
    }
}

#[test]
fn prompts_have_the_shape_of_the_network_and_keep_braces() {
    let mut rng = rng(1);
    let base = "a {text} with {} braces";
    let prompts = [
        summary(base, &mut rng),
        question(base, 2, &mut rng),
        answer(base, 1, &mut rng),
    ];
    for (task, case) in prompts.iter().zip(list(&vectors("tasks")["prompts"])) {
        let prompt = compose_prompt(task);
        assert_eq!(task.name, text(&case["task_name"]));
        assert_eq!(task.kind.type_name(), text(&case["task_type"]));
        assert_eq!(task.criteria.len() as u64, case["criteria_count"].as_u64().unwrap());
        assert_eq!(
            prompt.lines().count() as u64,
            case["prompt_lines"].as_u64().unwrap(),
            "{prompt}"
        );
        assert_eq!(
            prompt.lines().filter(|line| line.starts_with("- ")).count() as u64,
            case["bullets"].as_u64().unwrap()
        );
        assert!(prompt.ends_with('\n'));
        assert!(prompt.contains(&format!("'''{base}'''\n\n")), "{prompt}");
    }
}

#[test]
fn a_prompt_costs_few_words_beyond_its_text() {
    let mut rng = rng(2);
    for _ in 0..100 {
        for task in [
            summary("", &mut rng),
            question("", 0, &mut rng),
            answer("", 0, &mut rng),
        ] {
            assert!(
                compose_prompt(&task).split_whitespace().count() < 75,
                "{}",
                compose_prompt(&task)
            );
        }
    }
}
