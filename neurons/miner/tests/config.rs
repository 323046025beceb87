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

#[test]
fn blocks_per_epoch_is_a_number_wherever_it_is_set() {
    let load = |args: &[&str]| {
        let args = args.iter().map(Into::into);
        match program().resolve::<MinerConfig>(args, []) {
            Ok(Command::Run(loaded)) => Ok(loaded.config.miner.blocks_per_epoch),
            other => Err(format!("{other:?}")),
        }
    };
    assert_eq!(load(&["--miner.blocks_per_epoch", "7"]), Ok(7));
    assert_eq!(load(&[]), Ok(100));
    let file = std::env::temp_dir().join(format!("miner-epoch-{}.toml", std::process::id()));
    std::fs::write(&file, "[miner]\nblocks_per_epoch = 9\n").unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(load(&["--config", path]), Ok(9));
    assert_eq!(load(&["--config", path, "--miner.blocks_per_epoch=11"]), Ok(11));
    assert!(load(&["--miner.blocks_per_epoch", "often"]).is_err());
    std::fs::remove_file(file).unwrap();
}

#[test]
fn flags_without_a_meaning_say_so() {
    assert_eq!(MinerConfig::default().notices(), Vec::<String>::new());
    let mut config = MinerConfig::default();
    config.miner.root = "/somewhere".into();
    config.miner.mock_subtensor = true;
    let notices = config.notices();
    for flag in ["miner.root", "miner.mock_subtensor"] {
        assert!(
            notices.iter().any(|notice| notice.contains(flag)),
            "{flag}: {notices:?}"
        );
    }
}
