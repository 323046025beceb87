//! The flags that start scripts of other validators pass.

use axoneme_neuron::config::Command;
use serde_json::Value;
use validator::{ValidatorConfig, program};

use crate::support::{list, text, vectors};

/// Flags of groups a validator does not speak for: none of these is a validator's.
const GROUPS: [&str; 5] = [
    "text-prompting validator",
    "core validator 5.2.1",
    "subnet template common",
    "subnet template validator",
    "library",
];
/// Taken by name only to be refused: what they ask for would not happen.
const REFUSED: [&str; 4] = [
    "--mock",
    "--subtensor._mock",
    "--neuron.mock_reward_models",
    "--neuron.mock_dendrite_pool",
];

fn resolve(args: &[String]) -> Result<Command<ValidatorConfig>, String> {
    let args = ["--strict".to_owned()].into_iter().chain(args.iter().cloned());
    program()
        .resolve(args.map(Into::into), [])
        .map_err(|error| error.to_string())
}

/// The flag with a value of its type: its default where that can be typed.
fn typed(name: &str, flag: &Value) -> Vec<String> {
    let value = match (name, text(&flag["type"])) {
        (_, "flag" | "bool") => return vec![name.to_owned()],
        ("--axon.ip", _) => "0.0.0.0".to_owned(),
        ("--axon.external_ip", _) => "1.2.3.4".to_owned(),
        ("--neuron.device", _) => "cpu".to_owned(),
        ("--gating.model_name", _) => "default".to_owned(),
        (_, "int") => flag["default"].as_i64().unwrap_or(3).to_string(),
        (_, "float") => flag["default"].as_f64().unwrap_or(0.5).to_string(),
        _ => match &flag["default"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => "x".to_owned(),
        },
    };
    vec![name.to_owned(), value]
}

#[test]
fn every_flag_of_the_validators_and_the_library_is_taken() {
    let file = vectors("flags");
    let mut taken = 0;
    let tracked = program()
        .settings
        .iter()
        .any(|setting| setting.key.starts_with("wandb."));
    for group in GROUPS {
        for flag in list(&file["groups"][group]) {
            for name in list(&flag["names"]).iter().map(text) {
                // The tracking service's flags come with its section.
                let without = name.starts_with("--wandb.") && !tracked;
                if ["--config", "--strict"].contains(&name) || without {
                    continue;
                }
                let args = typed(name, flag);
                let refused = match resolve(&args) {
                    Ok(Command::Run(loaded)) => loaded.config.check().is_err() && REFUSED.contains(&name),
                    Ok(Command::Usage(why)) => {
                        assert!(REFUSED.contains(&name), "{group} {args:?}: {why}");
                        true
                    }
                    Ok(Command::Print(_)) => panic!("{group} {args:?} runs"),
                    Err(error) => panic!("{group} {args:?}: {error}"),
                };
                assert_eq!(refused, REFUSED.contains(&name), "{group} {name}");
                taken += 1;
            }
        }
    }
    assert!(taken > 80, "{taken}");
}

#[test]
fn a_start_line_of_the_network_works_unchanged_and_says_what_means_something_else() {
    let line = "--netuid 8 --subtensor.network test --wallet.name v --wallet.hotkey default --logging.debug --axon.port 8899 \
                --neuron.followup_sample_size 2 --neuron.reward_path /x --neuron.task_validator_off --no_prompt \
                --neuron.epoch_length_override -1 --reward.something_new 5";
    let args = line.split_whitespace().map(Into::into);
    let Ok(Command::Run(loaded)) = program().resolve::<ValidatorConfig>(args, []) else {
        panic!("it starts")
    };
    assert_eq!(loaded.config.neuron.followup_sample_size, 2);
    assert_eq!(loaded.config.neuron.epoch_length(), 100);
    let notices = loaded.notices.join("\n");
    for told in [
        "neuron.reward_path",
        "neuron.task_validator_off",
        "--reward.something_new",
    ] {
        assert!(notices.contains(told), "{told} in {notices}");
    }
    assert_eq!(loaded.notices.len(), 3, "{notices}");
}

#[test]
fn names_of_the_template_set_what_they_stand_for() {
    let args = [
        "--neuron.sample_size",
        "7",
        "--neuron.timeout=3",
        "--neuron.epoch-length",
        "50",
        "--axon_off",
    ];
    let Ok(Command::Run(loaded)) = program().resolve::<ValidatorConfig>(args.map(Into::into), []) else {
        panic!("it starts")
    };
    let neuron = &loaded.config.neuron;
    assert_eq!(
        (
            neuron.sample_size,
            neuron.timeout,
            neuron.epoch_length(),
            neuron.axon_off
        ),
        (Some(7), Some(3.0), 50, true)
    );
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
}
