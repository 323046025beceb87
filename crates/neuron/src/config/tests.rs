use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Demo {
    netuid: u16,
    wallet: WalletConfig,
    subtensor: SubtensorConfig,
    logging: LoggingConfig,
    axon: AxonConfig,
}

fn program() -> Program {
    let mut settings = common_settings();
    settings.extend(axon_settings());
    Program {
        name: "demo",
        about: "a test",
        settings,
    }
}

fn resolve(args: &[&str], env: &[(&str, &str)]) -> Result<Command<Demo>, ConfigError> {
    let env = env
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect::<Vec<_>>();
    program().resolve(args.iter().map(Into::into), env)
}

fn run(args: &[&str], env: &[(&str, &str)]) -> Demo {
    match resolve(args, env) {
        Ok(Command::Run(loaded)) => loaded.config,
        other => panic!("expected a configuration, got {other:?}"),
    }
}

fn toml_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = toml_file("netuid = 5\n[wallet]\nname = 'file'\nhotkey = 'file'\n[axon]\nport = 1\n");
    let path = file.path().to_str().unwrap();
    let config = run(
        &["--config", path, "--wallet.name", "flag"],
        &[
            ("BT_WALLET_NAME", "bt"),
            ("BT_WALLET_HOTKEY", "bt"),
            ("AXONEME_AXON__PORT", "7777"),
        ],
    );
    assert_eq!(config.netuid, 5);
    assert_eq!(config.wallet.name, "flag");
    assert_eq!(config.wallet.hotkey, "bt");
    assert_eq!(config.wallet.path, WalletConfig::default().path);
    assert_eq!(config.axon.port, 7777);
}

#[test]
fn wallet_variables_set_what_they_name_and_a_misspelt_one_is_understood() {
    let config = run(&[], &[("BT_WALLET_NAME", "cold"), ("BT_AXON_MAX_WORERS", "3")]);
    assert_eq!((config.wallet.name.as_str(), config.axon.max_workers), ("cold", 3));
    assert_eq!(config.wallet.hotkey, WalletConfig::default().hotkey);
    let config = run(&[], &[("BT_WALLET_HOTKEY", "hot"), ("BT_AXON_MAX_WORKERS", "4")]);
    assert_eq!((config.wallet.hotkey.as_str(), config.axon.max_workers), ("hot", 4));
    assert_eq!(config.wallet.name, WalletConfig::default().name);
    let both = [("BT_AXON_MAX_WORERS", "3"), ("BT_AXON_MAX_WORKERS", "4")];
    assert_eq!(run(&[], &both).axon.max_workers, 4);
}

#[test]
fn both_spellings_of_a_flag_are_accepted_and_switches_take_no_value() {
    let config = run(
        &["--axon.external-port=9", "--logging.debug", "--netuid=3", "--no_prompt"],
        &[],
    );
    assert_eq!(config.axon.external_port, Some(9));
    assert!(config.logging.debug);
    assert_eq!(config.netuid, 3);
    assert!(
        !run(&["--logging.debug=false"], &[("BT_LOGGING_DEBUG", "1")])
            .logging
            .debug
    );
}

#[test]
fn an_unknown_key_in_the_file_is_refused_with_the_nearest_name() {
    let file = toml_file("[wallet]\nnmae = 'x'\n");
    let error = resolve(&["--config", file.path().to_str().unwrap()], &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("wallet.nmae") && error.contains("wallet.name"),
        "{error}"
    );
    assert!(error.contains(file.path().to_str().unwrap()), "{error}");
}

fn yaml_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn a_yaml_file_may_have_sections_and_dotted_keys_and_other_spellings() {
    let file = yaml_file(
        "# of a Python daemon\nnetuid: 8\nwallet:\n  name: 7\n  hotkey: default\nlogging.debug: yes\n\
         axon.external-port: 9\nstrict: false\nconfig: other.yaml\nsubtensor:\n  network:\n",
    );
    let path = file.path().to_str().unwrap();
    let config = run(&["--config", path, "--wallet.hotkey", "flag"], &[]);
    assert_eq!(config.netuid, 8);
    assert_eq!(config.wallet.name, "7");
    assert_eq!(config.wallet.hotkey, "flag");
    assert!(config.logging.debug);
    assert_eq!(config.axon.external_port, Some(9));

    let empty = yaml_file("# nothing yet\n");
    assert_eq!(
        run(&["--config", empty.path().to_str().unwrap()], &[]).netuid,
        Demo::default().netuid
    );
}

#[test]
fn what_is_wrong_in_a_yaml_file_is_told_with_its_place() {
    let error = |text: &str| {
        let file = yaml_file(text);
        let error = resolve(&["--config", file.path().to_str().unwrap()], &[]).unwrap_err();
        (error.to_string(), file.path().to_str().unwrap().to_owned())
    };
    let (unknown, path) = error("wallet:\n  nmae: x\n");
    assert!(
        unknown.contains("wallet.nmae") && unknown.contains("`wallet.name`") && unknown.contains(&path),
        "{unknown}"
    );
    let (value, _) = error("axon.port: 70000\n");
    assert!(value.contains("axon.port"), "{value}");
    let (syntax, _) = error("netuid: [1\n");
    assert!(syntax.contains("not valid YAML"), "{syntax}");
    let (list, _) = error("- netuid\n");
    assert!(list.contains("not valid YAML"), "{list}");
    let (twice, _) = error("axon.port: 1\naxon:\n  port: 2\n");
    assert!(twice.contains("twice"), "{twice}");
}

#[test]
fn an_unknown_environment_key_is_refused() {
    let error = resolve(&[], &[("AXONEME_WALET__NAME", "x")]).unwrap_err().to_string();
    assert!(
        error.contains("AXONEME_WALET__NAME") && error.contains("wallet.name"),
        "{error}"
    );
    assert!(resolve(&[], &[("AXONEME_CACHE", "/tmp")]).is_ok());
}

#[test]
fn a_bad_value_names_key_and_origin() {
    let error = resolve(&[], &[("BT_AXON_PORT", "70000")]).unwrap_err().to_string();
    assert!(error.contains("axon.port") && error.contains("BT_AXON_PORT"), "{error}");
    assert!(matches!(resolve(&["--axon.port", "many"], &[]), Ok(Command::Usage(_))));
    assert!(matches!(
        resolve(&["--strict", "--unknown.flag"], &[]),
        Ok(Command::Usage(_))
    ));
}

#[test]
fn unknown_flags_are_told_with_the_nearest_known_one_and_take_their_values_along() {
    let args = ["--axon.prot", "9", "--netuid", "8", "--made.up=1", "--wallet-name", "w"];
    let Ok(Command::Run(loaded)) = resolve(&args[..5], &[]) else {
        panic!("it starts")
    };
    assert_eq!(loaded.config.netuid, 8);
    let notices = &loaded.notices;
    assert!(
        notices[0].contains("--axon.prot") && notices[0].contains("`axon.port`"),
        "{notices:?}"
    );
    assert!(notices[1].contains("--made.up"), "{notices:?}");
}

#[test]
fn aliases_set_the_setting_and_notices_come_only_when_it_is_set() {
    let mut program = program();
    let port = program
        .settings
        .iter_mut()
        .find(|setting| setting.key == "axon.port")
        .unwrap();
    (port.aliases, port.notice) = (&["port"], Some("has another name now"));
    let run = |args: &[&str]| match program.resolve::<Demo>(args.iter().map(Into::into), []) {
        Ok(Command::Run(loaded)) => loaded,
        other => panic!("{other:?}"),
    };
    let loaded = run(&["--port", "77"]);
    assert_eq!(loaded.config.axon.port, 77);
    assert!(
        loaded.notices[0].contains("has another name now"),
        "{:?}",
        loaded.notices
    );
    assert!(run(&[]).notices.is_empty());
}

#[test]
fn the_dump_shows_each_origin_and_is_a_valid_file() {
    let Ok(Command::Print(dump)) = resolve(&["--dump-config", "--netuid", "8"], &[("BT_WALLET_NAME", "w")]) else {
        panic!("expected a dump")
    };
    assert!(dump.contains("netuid = 8  # flag --netuid"), "{dump}");
    assert!(
        dump.contains("wallet.name = \"w\"  # environment BT_WALLET_NAME"),
        "{dump}"
    );
    assert!(dump.contains("axon.port = 8091  # default"), "{dump}");
    toml::from_str::<toml::Table>(&dump).unwrap();
}

#[test]
fn every_setting_is_a_field_of_the_struct() {
    let value = serde_json::to_value(Demo::default()).unwrap();
    for setting in program().settings {
        let pointer = format!("/{}", setting.key.replace('.', "/"));
        assert!(value.pointer(&pointer).is_some(), "no field for {}", setting.key);
    }
}
