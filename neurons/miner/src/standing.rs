//! How this miner stands: one line in the log for every new metagraph, and with `--wandb.on` a row of a wandb run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{Metagraph, Neuron};
use axoneme_neuron::metagraph::MetagraphWatch;
use axoneme_neuron::{Duties, DutyError};
use axoneme_tracking::wandb::WandbConfig;
use axoneme_tracking::{Recorder, RecorderConfig};
use axoneme_wallet::AccountId;
use serde_json::{Map, Value, json};

use crate::config::MinerConfig;
use crate::policy::{ALLOWED, MinerPolicy};

/// rao in one TAO, and in one alpha.
const RAO: f64 = 1e9;
/// Time between two signs of life while no new metagraph comes.
const LOOK: Duration = Duration::from_secs(60);
/// Longest time without one before the duty is restarted.
const STUCK: Duration = Duration::from_secs(300);

/// What writes the rows: files in `folder` with `--wandb.on`, else nothing. Nothing is sent anywhere; `wandb sync` uploads.
pub fn recorder(config: &MinerConfig, folder: &Path, hotkey: &AccountId, netuid: u16) -> Recorder {
    if !config.wandb.on {
        return Recorder::off();
    }
    tracing::info!(
        runs = %folder.join("wandb").display(),
        "--wandb.on: runs are written here and nothing is sent; `wandb sync` uploads them"
    );
    let version = env!("CARGO_PKG_VERSION");
    let header = json!({
        "version": version,
        "hotkey": hotkey.to_string(),
        "netuid": netuid,
        "tags": [hotkey.to_string(), version, format!("netuid_{netuid}"), format!("{:?}", config.miner.kind)],
        "miner": config.miner,
    });
    let header = header.as_object().cloned().unwrap_or_default();
    Recorder::start(RecorderConfig {
        limit: 100_000_000,
        // Rows are no prompt runs; a run lasts as long as the process.
        run_steps: 0,
        wandb: Some(WandbConfig {
            folder: folder.to_owned(),
            project: config.wandb.project_name.clone(),
            entity: config.wandb.entity.clone(),
            notes: String::new(),
        }),
        ..RecorderConfig::new(folder, move || header.clone())
    })
}

/// Adds a duty that tells how the miner with `hotkey` stands in every new metagraph.
pub fn keep_told(
    duties: &mut Duties,
    metagraph: &MetagraphWatch,
    hotkey: AccountId,
    policy: &Arc<MinerPolicy>,
    recorder: Recorder,
) {
    let (metagraph, policy, recorder) = (metagraph.clone(), policy.clone(), Arc::new(recorder));
    duties.spawn("standing", STUCK, move |heart, cancel| {
        let (mut metagraph, policy, recorder) = (metagraph.clone(), policy.clone(), recorder.clone());
        async move {
            let mut told = 0;
            loop {
                heart.beat();
                let newest = metagraph.borrow_and_update().clone();
                if newest.block > told {
                    told = newest.block;
                    tell(&newest, &hotkey, policy.take_tally(), &recorder);
                }
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = metagraph.changed() => changed.map_err(DutyError::from)?,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}

fn tell(metagraph: &Metagraph, hotkey: &AccountId, callers: BTreeMap<&'static str, u64>, recorder: &Recorder) {
    let block = metagraph.block;
    let Some(own) = metagraph.find(hotkey) else {
        tracing::warn!(block, hotkey = %hotkey, "this hotkey is not registered any more; register it again to earn");
        return;
    };
    let allowed = callers.get(ALLOWED).copied().unwrap_or(0);
    let refused = callers.values().sum::<u64>() - allowed;
    tracing::info!(
        block,
        uid = own.uid,
        stake = tao(own.total_stake),
        trust = own.trust,
        consensus = own.consensus,
        incentive = own.incentive,
        emission = tao(own.emission),
        allowed,
        refused,
        "standing"
    );
    recorder.write(&row(block, own, &callers));
}

/// A row: stake and emission in TAO (alpha), the chain's shares as they are, requests since the row before.
fn row(block: u64, own: &Neuron, callers: &BTreeMap<&'static str, u64>) -> Map<String, Value> {
    let mut row = Map::from_iter(
        [
            ("name", json!("standing")),
            ("block", json!(block)),
            ("uid", json!(own.uid)),
            ("stake", json!(tao(own.total_stake))),
            ("rank", json!(own.rank)),
            ("trust", json!(own.trust)),
            ("consensus", json!(own.consensus)),
            ("incentive", json!(own.incentive)),
            ("emission", json!(tao(own.emission))),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (ground, count) in callers {
        row.insert(format!("callers_{ground}"), json!(count));
    }
    row
}

fn tao(rao: u64) -> f64 {
    rao as f64 / RAO
}

#[cfg(test)]
mod tests {
    use super::*;
    use axoneme_tracking::{FILE, Record, read};

    #[test]
    fn rows_say_how_it_stands_and_why_callers_were_refused() {
        let folder = tempfile::tempdir().unwrap();
        let hotkey = AccountId::from([7; 32]);
        let metagraph = Metagraph {
            netuid: 8,
            block: 100,
            tempo: 360,
            last_step: 0,
            neurons: vec![Neuron {
                hotkey,
                total_stake: 2_500_000_000,
                incentive: 0.25,
                emission: 500_000_000,
                ..crate::policy::blank()
            }],
        };
        let mut config = MinerConfig::default();
        let callers = || BTreeMap::from([(ALLOWED, 3), ("denied", 2)]);

        tell(
            &metagraph,
            &hotkey,
            callers(),
            &recorder(&config, folder.path(), &hotkey, 8),
        );
        assert!(
            std::fs::read_dir(folder.path()).unwrap().next().is_none(),
            "off by default"
        );

        config.wandb.on = true;
        config.wandb.project_name = "mine".into();
        let writer = recorder(&config, folder.path(), &hotkey, 8);
        tell(&metagraph, &hotkey, callers(), &writer);
        tell(&metagraph, &AccountId::from([9; 32]), callers(), &writer);
        writer.finish();
        let records: Vec<Record> = read(&folder.path().join(FILE)).unwrap().map(Result::unwrap).collect();
        let [Record::Header(header), Record::Event(row)] = &records[..] else {
            panic!("{records:?}")
        };
        assert_eq!(header["tags"][2], "netuid_8");
        let numbers = [
            "block",
            "stake",
            "incentive",
            "emission",
            "callers_allowed",
            "callers_denied",
        ];
        let numbers = numbers.map(|name| row[name].as_f64().unwrap());
        assert_eq!(numbers, [100.0, 2.5, 0.25, 0.5, 3.0, 2.0]);
        let runs = std::fs::read_dir(folder.path().join("wandb")).unwrap().count();
        assert_eq!(runs, 1);
    }
}
