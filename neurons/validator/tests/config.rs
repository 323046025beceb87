//! The configuration file that ships.

use axoneme_neuron::config::Command;
use validator::{ValidatorConfig, program};

/// The file in `config/` is what `--default-config` prints: it names every setting, with its default of today.
#[test]
fn the_shipped_file_holds_every_setting_and_changes_nothing() {
    let shipped = include_str!("../../../config/validator.toml");
    let Ok(Command::Print(printed)) = program().resolve::<ValidatorConfig>(["--default-config".into()], []) else {
        panic!("expected a file")
    };
    assert_eq!(
        shipped, printed,
        "renew it: validator --default-config > config/validator.toml"
    );
    let set = |line: &str| line.contains(" = ") && !line.ends_with("(not set)");
    let uncommented: String = printed
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| set(line)).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    toml::from_str::<ValidatorConfig>(&uncommented).expect("every line is valid once its comment sign is gone");
}
