use axoneme_wallet::{KeySource, KeySpec, Password};

use super::*;

fn config(folder: &tempfile::TempDir) -> WalletConfig {
    WalletConfig {
        path: folder.path().to_string_lossy().into_owned(),
        ..WalletConfig::default()
    }
}

fn network(name: &str) -> SubtensorConfig {
    SubtensorConfig {
        network: name.into(),
        chain_endpoint: None,
    }
}

#[test]
fn an_unencrypted_coldkey_stops_a_neuron_of_a_public_chain() {
    let folder = tempfile::tempdir().unwrap();
    let mut wallet = config(&folder);
    let public = [
        "finney",
        "test",
        "archive",
        "wss://entrypoint.example:443",
        "ws://10.1.2.3:9944",
    ];
    let local = ["local", "ws://127.0.0.1:9944", "ws://localhost:9944", "ws://[::1]:9944"];
    for name in public {
        guard_coldkey(&wallet, &network(name)).expect("no coldkey, no danger");
    }
    wallet
        .wallet()
        .create(&KeySource::Random, &KeySource::Random, false)
        .unwrap();
    for name in public {
        let failure = guard_coldkey(&wallet, &network(name)).expect_err(name);
        assert_eq!(failure.code, ExitCode::Wallet);
        assert!(
            failure.message.contains("--wallet.allow_unencrypted_coldkey"),
            "{failure}"
        );
        assert!(failure.message.contains("default/coldkey"), "{failure}");
    }
    for name in local {
        guard_coldkey(&wallet, &network(name)).expect(name);
    }
    wallet.allow_unencrypted_coldkey = true;
    for name in public {
        guard_coldkey(&wallet, &network(name)).expect("told to");
    }
}

#[test]
fn an_encrypted_coldkey_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let wallet = config(&folder);
    wallet
        .wallet()
        .create(&KeySource::Random, &KeySource::Random, false)
        .unwrap();
    std::fs::write(wallet.wallet().coldkey_file(), b"$NACL and so on").unwrap();
    guard_coldkey(&wallet, &network("finney")).expect("encrypted");
}

#[tokio::test]
async fn an_encrypted_hotkey_opens_with_the_password_of_a_file_or_a_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    let mut wallet = config(&folder);
    let spec = KeySpec::new(KeySource::Random).password(Password::new("correct horse"));
    let made = wallet.wallet().write_hotkey(&spec, false).unwrap();

    let failure = open_hotkey(&wallet).await.expect_err("no password");
    assert_eq!(failure.code, ExitCode::Wallet);
    assert!(failure.message.contains("--wallet.password_file"), "{failure}");

    let file = folder.path().join("password");
    std::fs::write(&file, "wrong horse\n").unwrap();
    wallet.password_file = Some(file.to_string_lossy().into_owned());
    let failure = open_hotkey(&wallet).await.expect_err("wrong password");
    assert_eq!(failure.code, ExitCode::Wallet);
    assert!(
        failure.message.contains("wrong password") && !failure.message.contains("horse"),
        "{failure}"
    );

    // The descriptor wins over the file.
    std::fs::write(folder.path().join("right"), "correct horse\n").unwrap();
    let open = std::fs::File::open(folder.path().join("right")).unwrap();
    wallet.password_fd = Some(u32::try_from(std::os::fd::AsRawFd::as_raw_fd(&open)).unwrap());
    let pair = open_hotkey(&wallet).await.expect("opens");
    assert_eq!(pair.account_id(), made.public.account);
}
