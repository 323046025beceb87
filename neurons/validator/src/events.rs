//! Event records: what the settings say about them, and the header of each file.

pub use axoneme_tracking::{FILE, Recorder, RecorderConfig, StepEvent, parse_size};

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use axoneme_tracking::wandb::WandbConfig;
use axoneme_wallet::AccountId;
use serde_json::{Map, Value, json};

use crate::config::ValidatorConfig;

/// What the header of an event file says beside the settings.
pub struct RunFacts {
    /// This validator.
    pub hotkey: AccountId,
    /// The subnet.
    pub netuid: u16,
    /// Seed of what is drawn.
    pub seed: u64,
    /// Version key sent with the weights.
    pub version_key: u64,
    /// Reward functions, masks and penalties that are switched on.
    pub judges: Vec<String>,
}

/// The recorder that `config` describes. `more` is asked for further fields of the header whenever a file is begun.
pub fn recorder(
    config: &ValidatorConfig,
    folder: &Path,
    facts: RunFacts,
    more: impl Fn() -> Map<String, Value> + Send + Sync + 'static,
) -> Recorder {
    notice(config, folder);
    if config.neuron.dont_save_events {
        return Recorder::off();
    }
    let settings = settings(config, &facts);
    let header = move || {
        let mut header = settings.clone();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |age| age.as_secs_f64());
        header.insert("started".into(), json!(now));
        header.extend(more());
        header
    };
    let wandb = config.wandb.writes_runs().then(|| WandbConfig {
        folder: folder.to_owned(),
        project: config.wandb.project_name.clone(),
        entity: config.wandb.entity.clone(),
        notes: config.wandb.notes.clone(),
    });
    Recorder::start(RecorderConfig {
        // Checked with the other settings; the default stands in.
        limit: parse_size(&config.neuron.events_retention_size).unwrap_or(2_000_000_000),
        run_steps: config.wandb.run_step_length,
        keep_files: config.record.keep_files,
        pack: config.record.zstd,
        parquet: config.record.parquet,
        wandb,
        ..RecorderConfig::new(folder, header)
    })
}

/// The settings as a header shows them, without keys and the data directory.
fn settings(config: &ValidatorConfig, facts: &RunFacts) -> Map<String, Value> {
    let neuron = &config.neuron;
    let mut tags = vec![
        facts.hotkey.to_string(),
        env!("CARGO_PKG_VERSION").to_owned(),
        facts.version_key.to_string(),
        format!("netuid_{}", facts.netuid),
    ];
    tags.extend(facts.judges.iter().cloned());
    let switches = [
        ("disable_set_weights", neuron.disable_set_weights),
        ("disable_log_rewards", neuron.disable_log_rewards),
    ];
    tags.extend(
        switches
            .into_iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| name.to_owned()),
    );
    let fields = [
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("version_key", json!(facts.version_key)),
        ("hotkey", json!(facts.hotkey.to_string())),
        ("netuid", json!(facts.netuid)),
        ("seed", json!(facts.seed)),
        ("tags", json!(tags)),
        ("neuron", json!(neuron)),
        ("reward", json!(config.reward)),
        ("dataset", json!(config.dataset)),
        ("wandb", json!(config.wandb)),
    ];
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// Says once what becomes of flags that mean a service elsewhere.
fn notice(config: &ValidatorConfig, folder: &Path) {
    let wandb = &config.wandb;
    if *wandb == Default::default() {
        return;
    }
    if wandb.writes_runs() && !config.neuron.dont_save_events {
        let runs = folder.join("wandb");
        tracing::info!(runs = %runs.display(), "--wandb.offline: runs are written here and nothing is sent; `wandb sync` uploads them");
    } else {
        tracing::info!(
            "--wandb.*: nothing is sent anywhere and no runs are written; --wandb.offline writes them for `wandb sync`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axoneme_tracking::{Record, read};

    fn facts() -> RunFacts {
        RunFacts {
            hotkey: AccountId::from([1; 32]),
            netuid: 8,
            seed: 3,
            version_key: 216,
            judges: vec!["dpo_reward_model".into()],
        }
    }

    #[test]
    fn the_header_has_settings_tags_versions_and_what_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ValidatorConfig::default();
        config.neuron.disable_set_weights = true;
        let more = || Map::from_iter([("memory".to_owned(), json!("memory.3"))]);
        let recorder = recorder(&config, folder.path(), facts(), more);
        recorder.write(&Map::from_iter([("name".to_owned(), json!("forward"))]));
        let Record::Header(header) = read(&folder.path().join(FILE)).unwrap().next().unwrap().unwrap() else {
            panic!("no header")
        };
        let tags: Vec<&str> = header["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap())
            .collect();
        assert_eq!(
            tags[1..],
            [
                env!("CARGO_PKG_VERSION"),
                "216",
                "netuid_8",
                "dpo_reward_model",
                "disable_set_weights"
            ]
        );
        assert_eq!(header["memory"], "memory.3");
        assert_eq!(header["reward"]["dpo_weight"], json!(1.0));
        assert!(header["started"].as_f64().unwrap() > 1e9);
        assert!(!folder.path().join("wandb").exists(), "no run without --wandb.offline");
    }

    #[test]
    fn wandb_runs_are_written_offline_and_rolled_by_their_length() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ValidatorConfig::default();
        config.wandb.offline = true;
        config.wandb.run_step_length = 2;
        let runs = |config: &ValidatorConfig| {
            let folder = tempfile::tempdir_in(folder.path()).unwrap();
            let recorder = recorder(config, folder.path(), facts(), Map::new);
            let step = StepEvent {
                name: "augment".into(),
                ..StepEvent::default()
            };
            for _ in 0..5 {
                recorder.write(&step.fields());
            }
            std::fs::read_dir(folder.path().join("wandb")).map_or(0, Iterator::count)
        };
        assert_eq!(runs(&config), 3);
        config.wandb.off = true;
        assert_eq!(runs(&config), 0);
    }
}
