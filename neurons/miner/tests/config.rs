//! The configuration file that ships.

use axoneme_neuron::config::Command;
use miner::{MinerConfig, program};

/// The file in `config/` is what `--default-config` prints: it names every setting, with its default of today.
#[test]
fn the_shipped_file_holds_every_setting_and_changes_nothing() {
    let shipped = include_str!("../../../config/miner.toml");
    let Ok(Command::Print(printed)) = program().resolve::<MinerConfig>(["--default-config".into()], []) else {
        panic!("expected a file")
    };
    assert_eq!(shipped, printed, "renew it: miner --default-config > config/miner.toml");
    let set = |line: &str| line.contains(" = ") && !line.ends_with("(not set)");
    let uncommented: String = printed
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| set(line)).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    toml::from_str::<MinerConfig>(&uncommented).expect("every line is valid once its comment sign is gone");
}
