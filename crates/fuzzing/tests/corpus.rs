//! Every stored input of every fuzz target, as plain tests.

use std::fs;
use std::path::Path;

fn replay(name: &str) {
    let (_, target) = axoneme_fuzzing::TARGETS
        .into_iter()
        .find(|(known, _)| *known == name)
        .expect("a target");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(name);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder).expect("a corpus") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("an input");
        let result = std::panic::catch_unwind(|| target(&bytes));
        assert!(result.is_ok(), "{} fails on {}", name, path.display());
        inputs += 1;
    }
    assert!(inputs >= 10, "only {inputs} stored inputs for {name}");
}

macro_rules! corpora {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_a_test_and_a_binary() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(axoneme_fuzzing::TARGETS.map(|(name, _)| name), tested);
            for name in tested {
                let file = format!("{}/../../fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                assert!(Path::new(&file).exists(), "{name}");
            }
        }
    };
}

corpora!(signed_head, btauth, body_hash, stream, keyfile);
