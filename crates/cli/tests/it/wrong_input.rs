//! What an operator gets wrong: one clear message that says what to do, and a code of its own.

use std::net::TcpListener;

use crate::harness::{Subnet, run};

/// A single error message without a panic or a backtrace, containing each of `words`.
fn check(got: (i32, String, String), code: i32, words: &[&str]) {
    let (got_code, stdout, stderr) = got;
    assert_eq!(got_code, code, "{stdout}\n{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
    let errors = stderr.lines().filter(|line| line.starts_with("error:")).count();
    assert_eq!(errors, 1, "{stderr}");
    assert!(
        !stderr.contains("panicked") && !stderr.contains("backtrace"),
        "{stderr}"
    );
}

#[test]
fn a_missing_wallet_is_code_4() {
    for program in ["miner", "validator"] {
        let got = run(program, &["--wallet.path", "/nonexistent", "--wallet.name", "nobody"]);
        check(got, 4, &["/nonexistent/nobody", "btcli"]);
    }
}

#[test]
fn an_unreachable_chain_is_code_5() {
    let folder = tempfile::tempdir().unwrap();
    let wallets = folder.path().to_str().unwrap();
    run("axoneme", &["wallet", "--wallet.path", wallets]);
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("ws://127.0.0.1:{port}");
    for program in ["miner", "validator"] {
        let got = run(program, &["--wallet.path", wallets, "--subtensor.network", &endpoint]);
        check(got, 5, &[&endpoint, "--subtensor"]);
    }
}

#[test]
fn a_bad_config_key_is_code_3_and_an_unknown_strict_flag_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "[neuron]\nnmae = \"x\"\n").unwrap();
    for program in ["miner", "validator"] {
        check(
            run(program, &["--config", file.to_str().unwrap()]),
            3,
            &["neuron.nmae", "neuron.name", "bad.toml"],
        );
        check(
            run(program, &["--config", "/nonexistent.toml"]),
            3,
            &["/nonexistent.toml", "--config"],
        );
        check(
            run(program, &["--strict", "--neuron.nmae", "x"]),
            2,
            &["--neuron.nmae", "neuron.name"],
        );
    }
}

#[test]
fn an_unknown_flag_is_named_and_ignored_unless_told_otherwise() {
    for program in ["miner", "validator"] {
        let nowhere = ["--wallet.path", "/nonexistent", "--wallet.name", "nobody"];
        let (code, stdout, stderr) = run(program, &[["--neuron.nmae", "x"].as_slice(), &nowhere].concat());
        assert_eq!(code, 4, "{stdout}\n{stderr}");
        for word in ["--neuron.nmae", "neuron.name", "--strict"] {
            assert!(
                stdout.contains(word) || stderr.contains(word),
                "{word}: {stdout}\n{stderr}"
            );
        }
    }
}

#[test]
fn a_wrong_netuid_an_unregistered_hotkey_a_taken_port_and_a_corrupt_model_have_their_codes() {
    let subnet = Subnet::start();
    subnet.axoneme("wallet", "stranger", &[]);
    for program in ["miner", "validator"] {
        let got = subnet.run_daemon(program, "stranger", &["--netuid", "77"]);
        check(got, 6, &["77", "--netuid"]);
        let got = subnet.run_daemon(program, "stranger", &[]);
        check(got, 7, &["not registered", "btcli subnets register --netuid 1"]);
    }

    subnet.join("miner", "1");
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let got = subnet.run_daemon("miner", "miner", &["--miner.type", "echo", "--axon.port", &port]);
    check(got, 8, &[&port, "--axon.port"]);
    let chain_port = subnet.port.to_string();
    check(run("localnet", &["--port", &chain_port]), 8, &[&chain_port, "--port"]);
    check(
        run("axoneme", &["up", "--port", &chain_port]),
        8,
        &[&chain_port, "--port"],
    );

    let model = subnet.folder.path().join("torn.gguf");
    std::fs::write(&model, b"GGUF torn").unwrap();
    let path = model.to_str().unwrap();
    check(
        subnet.run_daemon("miner", "miner", &["--miner.model", path]),
        9,
        &[path],
    );
    check(
        subnet.run_daemon("miner", "miner", &["--miner.model", "/nonexistent.gguf"]),
        9,
        &["/nonexistent.gguf"],
    );
    assert_eq!(
        std::fs::read(&model).unwrap(),
        b"GGUF torn",
        "an operator's own file is left alone"
    );
}

#[test]
fn a_goal_that_is_not_reached_in_time_is_code_10_and_says_what_was_missing() {
    let got = run("axoneme", &["up", "--port", "0", "--until-incentive", "--timeout", "1"]);
    check(got, 10, &["no incentive within 1 s", "prompt run"]);
}

#[test]
fn a_probe_without_an_axon_is_code_5_and_a_flood_of_others_code_2() {
    let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("127.0.0.1:{port}");
    check(run("axoneme", &["probe", &nobody, "--hotkey", bob]), 5, &[&nobody]);
    let elsewhere = ["probe", "192.0.2.1:8091", "--hotkey", bob, "--flood", "100"];
    check(run("axoneme", &elsewhere), 2, &["192.0.2.1", "loopback"]);
    let wallet = [
        "probe",
        &nobody,
        "--hotkey",
        bob,
        "--wallet.name",
        "nobody",
        "--wallet.path",
        "/nonexistent",
    ];
    check(run("axoneme", &wallet), 4, &["/nonexistent/nobody"]);
}

#[test]
fn a_drill_that_makes_no_sense_says_why() {
    let upstream = ["drill", "--upstream", "ws://127.0.0.1:9"];
    let drill = |more: &[&str]| run("axoneme", &[&upstream[..], more].concat());
    check(run("axoneme", &["drill"]), 2, &["--upstream"]);
    check(
        run("axoneme", &["drill", "--upstream", "127.0.0.1:9"]),
        2,
        &["ws://host:port"],
    );
    check(drill(&["--fault", "kut"]), 2, &["kut", "half-open"]);
    check(drill(&["--cut-every", "5s", "--for", "5s"]), 2, &["leaves nothing up"]);
    check(drill(&["--listen", "0.0.0.0:0"]), 2, &["--expose"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(drill(&["--listen", &address]), 8, &[&address, "--listen"]);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("drill.toml");
    std::fs::write(&file, "[[step]]\nfault = \"cut\"\nfro = \"5s\"\n").unwrap();
    check(
        drill(&["--file", file.to_str().unwrap()]),
        3,
        &["drill.toml", "line 3", "fro"],
    );
}
