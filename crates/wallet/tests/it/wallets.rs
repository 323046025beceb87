use std::fs;
use std::os::unix::fs::PermissionsExt;

use axoneme_wallet::{
    KeySource, KeySpec, Keypair, Password, PasswordSources, PublicKey, Scheme, Wallet, WalletError, Warning,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::vectors;

/// A wallet folder whose hotkey file holds `text`.
fn with_hotkey(text: &str) -> (tempfile::TempDir, Wallet) {
    let folder = tempfile::tempdir().expect("temp folder");
    let wallet = Wallet::new(folder.path(), "cold", "hot");
    fs::create_dir_all(wallet.hotkey_file().parent().expect("parent")).expect("folder");
    fs::write(wallet.hotkey_file(), text).expect("file");
    (folder, wallet)
}

/// The address that a keyfile names.
fn written_address(text: &str) -> Option<String> {
    let json = serde_json::from_str::<serde_json::Value>(text).ok()?;
    Some(json.get("ss58Address")?.as_str()?.to_owned())
}

fn scheme(case: &serde_json::Value) -> Scheme {
    match case["crypto_type"].as_i64() {
        Some(0) => Scheme::Ed25519,
        Some(1) => Scheme::Sr25519,
        other => panic!("crypto type {other:?}"),
    }
}

#[test]
fn plain_files_of_both_python_wallets_open() {
    for name in ["keyfiles_wallet_4_1_0", "keyfiles_v11"] {
        for case in vectors(name)["plain"].as_array().expect("cases") {
            let (_folder, wallet) = with_hotkey(case["file_text"].as_str().expect("text"));
            let note = case["note"].as_str().expect("note");
            let loaded = wallet.load_hotkey();
            if note.starts_with("public only") {
                assert!(matches!(loaded, Err(WalletError::Corrupt { .. })), "{note}: {loaded:?}");
                fs::rename(wallet.hotkey_file(), wallet.hotkeypub_file()).expect("renamed");
                let public = wallet.hotkeypub().expect("public");
                assert_eq!(public.account.to_string(), case["ss58"].as_str().expect("ss58"));
                assert_eq!(public.scheme, scheme(case));
            } else {
                let pair = loaded.unwrap_or_else(|e| panic!("{note}: {e}"));
                assert_eq!(
                    pair.account_id().to_string(),
                    case["ss58"].as_str().expect("ss58"),
                    "{note}"
                );
                assert_eq!(pair.scheme(), scheme(case), "{note}");
            }
        }
    }
}

#[test]
fn reading_rules_are_those_of_both_python_wallets_with_the_address_checked() {
    for name in ["keyfiles_wallet_4_1_0", "keyfiles_v11"] {
        for case in vectors(name)["reads"].as_array().expect("cases") {
            let note = case["note"].as_str().expect("note");
            let text = case["file_text"].as_str().expect("text");
            let (_folder, wallet) = with_hotkey(text);
            let loaded = wallet.load_hotkey();
            let written = written_address(text);
            if note.contains("unusable secretSeed") {
                // Neither Python wallet reads the files that 4.1.0 writes for hex seeds; we do.
                let pair = loaded.unwrap_or_else(|e| panic!("{note}: {e}"));
                if let Some(written) = written {
                    assert_eq!(pair.account_id().to_string(), written);
                }
            } else if note.starts_with("raw ") {
                // 4.1.0 refuses bare secrets, 11 reads them.
                let address = loaded
                    .unwrap_or_else(|e| panic!("{note}: {e}"))
                    .account_id()
                    .to_string();
                if case["can_sign"] == true {
                    assert_eq!(address, case["ss58"]);
                }
            } else if note.starts_with("address that does not belong") {
                assert!(
                    matches!(loaded, Err(WalletError::WrongAddress { .. })),
                    "{note}: {loaded:?}"
                );
            } else if case["can_sign"] != true {
                assert!(matches!(loaded, Err(WalletError::Corrupt { .. })), "{note}: {loaded:?}");
                if case["can_sign"] == false {
                    fs::rename(wallet.hotkey_file(), wallet.hotkeypub_file()).expect("renamed");
                    assert_eq!(
                        wallet.hotkeypub().expect("public").account.to_string(),
                        case["ss58"],
                        "{note}"
                    );
                }
            } else if written.is_some() && written.as_deref() != case["ss58"].as_str() {
                // 4.1.0 does not compare; 11 does.
                assert!(
                    matches!(loaded, Err(WalletError::WrongAddress { .. })),
                    "{note}: {loaded:?}"
                );
            } else {
                let pair = loaded.unwrap_or_else(|e| panic!("{note}: {e}"));
                assert_eq!(pair.account_id().to_string(), case["ss58"]);
                assert_eq!(pair.scheme(), scheme(case));
            }
        }
    }
}

#[test]
fn the_wallet_folders_of_both_python_wallets_are_understood() {
    for name in ["keyfiles_wallet_4_1_0", "keyfiles_v11"] {
        let file = vectors(name);
        let recorded = &file["wallet_directory"];
        let folder = tempfile::tempdir().expect("temp folder");
        for entry in recorded["files"].as_array().expect("files") {
            let path = folder.path().join(entry["path"].as_str().expect("path"));
            match entry["base64"].as_str() {
                None => fs::create_dir(path).expect("folder"),
                Some(text) => fs::write(path, BASE64_STANDARD.decode(text).expect("base64")).expect("file"),
            }
        }
        let wallet = Wallet::new(folder.path(), "cold", "hot");
        let (cold, hot) = (&recorded["coldkey_ss58"], &recorded["hotkey_ss58"]);
        assert_eq!(wallet.coldkeypub().expect("coldkeypub").to_string(), *cold);
        assert_eq!(wallet.load_hotkey().expect("hotkey").account_id().to_string(), *hot);
        assert_eq!(wallet.hotkeypub().expect("hotkeypub").account.to_string(), *hot);
        assert_eq!(wallet.hotkeys().expect("listed"), ["hot"]);
        assert!(!wallet.has_unencrypted_coldkey());
        assert!(matches!(wallet.load_dev_coldkey(), Err(WalletError::Encrypted { .. })));
    }
}

#[test]
fn an_encrypted_hotkey_is_written_and_opens_with_its_password_only() {
    let folder = tempfile::tempdir().expect("temp folder");
    let wallet = Wallet::new(folder.path(), "cold", "hot");
    let spec = KeySpec::new(KeySource::Random)
        .scheme(Scheme::Ed25519)
        .password(Password::new("päss 🔑"));
    let made = wallet.write_hotkey(&spec, false).expect("written");
    assert!(fs::read(wallet.hotkey_file()).expect("file").starts_with(b"$NACL"));
    let error = wallet.load_hotkey().expect_err("no password");
    assert!(matches!(error, WalletError::Encrypted { .. }));
    assert!(error.to_string().contains("--wallet.password_fd"), "{error}");
    let with = |password: &str| wallet.open_hotkey(&PasswordSources::none().given(Password::new(password)));
    assert!(matches!(with("pass"), Err(WalletError::WrongPassword { .. })));
    let pair = with("päss 🔑").expect("opens");
    assert_eq!(
        (pair.account_id(), pair.scheme()),
        (made.public.account, Scheme::Ed25519)
    );
    assert_eq!(wallet.hotkeypub().expect("public"), made.public);
}

#[test]
fn encrypted_files_without_a_sound_shape_are_corrupt() {
    for start in ["$NACL\u{1}\u{2}", "$ANSIBLE_VAULT;1.1;AES256\n33", "gAAAAABk"] {
        let (_folder, wallet) = with_hotkey(start);
        assert!(matches!(wallet.load_hotkey(), Err(WalletError::Corrupt { .. })));
    }
}

#[test]
fn hotkeys_are_listed_without_their_companions() {
    let (_folder, wallet) = with_hotkey("{}");
    let hotkeys = wallet.hotkey_file().parent().expect("parent").to_owned();
    for name in ["hotpub.txt", "b", "a.lock", ".tmpxyz", "a.tmp", "second.key"] {
        fs::write(hotkeys.join(name), "").expect("file");
    }
    fs::create_dir(hotkeys.join("folder")).expect("folder");
    assert_eq!(wallet.hotkeys().expect("listed"), ["b", "hot", "second.key"]);
    let other = Wallet::new(&wallet.path, "other", "hot");
    assert!(other.hotkeys().expect("no folder is no hotkeys").is_empty());
}

#[test]
fn a_secret_that_others_can_read_is_pointed_out() {
    let (_folder, wallet) = with_hotkey("{}");
    let set = |mode| fs::set_permissions(wallet.hotkey_file(), fs::Permissions::from_mode(mode)).expect("mode");
    set(0o600);
    assert!(wallet.warnings().is_empty());
    for mode in [0o640, 0o604, 0o660, 0o777] {
        set(mode);
        let warnings = wallet.warnings();
        assert_eq!(
            warnings,
            [Warning::LooseSecret {
                path: wallet.hotkey_file(),
                mode
            }]
        );
        assert!(warnings[0].to_string().contains("chmod 600"));
    }
}

#[test]
fn a_folder_that_others_can_write_is_pointed_out() {
    let (_folder, wallet) = with_hotkey("{}");
    fs::set_permissions(wallet.hotkey_file(), fs::Permissions::from_mode(0o600)).expect("mode");
    let hotkeys = wallet.hotkey_file().parent().expect("parent").to_owned();
    let set = |mode| fs::set_permissions(&hotkeys, fs::Permissions::from_mode(mode)).expect("mode");
    for mode in [0o700, 0o755] {
        set(mode);
        assert!(wallet.warnings().is_empty());
    }
    set(0o775);
    let warnings = wallet.warnings();
    assert_eq!(
        warnings,
        [Warning::LooseFolder {
            path: hotkeys.clone(),
            mode: 0o775
        }]
    );
    assert!(warnings[0].to_string().contains("chmod 700"));
}

#[test]
fn a_coldkey_counts_as_unencrypted_unless_it_says_otherwise() {
    let (_folder, wallet) = with_hotkey("{}");
    assert!(!wallet.has_unencrypted_coldkey());
    for (text, unencrypted) in [
        (&b"$NACLxxxx"[..], false),
        (b"$ANSIBLE_VAULT;1.1;AES256\n", false),
        (b"gAAAAABrAV", false),
        (b"", false),
        (br#"{"secretSeed":"0x"}"#, true),
        (b"bottom drive obey", true),
        (b"$NACK", true),
    ] {
        fs::write(wallet.coldkey_file(), text).expect("file");
        assert_eq!(wallet.has_unencrypted_coldkey(), unencrypted, "{text:?}");
    }
}

#[test]
fn only_the_public_half_of_a_coldkey_can_be_written() {
    let folder = tempfile::tempdir().expect("temp folder");
    let wallet = Wallet::new(folder.path(), "cold", "hot");
    let account = Keypair::from_uri("//Alice").expect("uri").account_id();
    let key = PublicKey {
        account,
        scheme: Scheme::Sr25519,
    };
    wallet.write_coldkeypub(key, false).expect("written");
    assert_eq!(wallet.coldkeypub().expect("read"), account);
    assert!(!wallet.coldkey_file().exists());
    assert!(matches!(
        wallet.write_coldkeypub(key, false),
        Err(WalletError::Exists { .. })
    ));
}

#[test]
fn a_folder_or_pipe_in_the_place_of_a_key_is_an_error() {
    let (_folder, wallet) = with_hotkey("{}");
    fs::remove_file(wallet.hotkey_file()).expect("removed");
    fs::create_dir(wallet.hotkey_file()).expect("folder");
    assert!(matches!(wallet.load_hotkey(), Err(WalletError::Io { .. })));
    fs::create_dir(wallet.coldkey_file()).expect("folder");
    assert!(!wallet.has_unencrypted_coldkey());
    // A pipe without a writer: opening it would wait for ever.
    fs::remove_dir(wallet.hotkey_file()).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(wallet.hotkey_file()).status();
    assert!(made.expect("mkfifo").success());
    assert!(matches!(wallet.load_hotkey(), Err(WalletError::Io { .. })));
}

#[test]
fn a_missing_hotkey_names_the_command_that_makes_it() {
    let folder = tempfile::tempdir().expect("temp folder");
    let error = Wallet::new(folder.path(), "miner", "default")
        .load_hotkey()
        .expect_err("nothing there");
    let text = error.to_string();
    assert!(matches!(error, WalletError::NotFound { .. }));
    assert!(text.contains("btcli wallet new-hotkey"), "{text}");
    assert!(text.contains("--wallet.name miner --wallet.hotkey default"), "{text}");
}

#[test]
fn a_created_wallet_reads_back_and_is_private() {
    let folder = tempfile::tempdir().expect("temp folder");
    let wallet = Wallet::new(folder.path(), "owner", "default");
    let made = wallet
        .create(&KeySource::Random, &KeySource::Uri("//Bob".into()), false)
        .expect("created");
    assert_eq!(wallet.load_hotkey().expect("hotkey").account_id(), made.hotkey);
    assert_eq!(wallet.coldkeypub().expect("coldkeypub"), made.coldkey);
    assert_eq!(wallet.load_dev_coldkey().expect("coldkey").account_id(), made.coldkey);
    assert!(wallet.has_unencrypted_coldkey());
    assert!(made.coldkey_mnemonic.is_some() && made.hotkey_mnemonic.is_none());
    for path in [
        wallet.hotkey_file().parent().expect("parent"),
        &wallet.path.join("owner"),
    ] {
        assert_eq!(fs::metadata(path).expect("folder").permissions().mode() & 0o777, 0o700);
    }
    for file in [
        wallet.coldkey_file(),
        wallet.coldkeypub_file(),
        wallet.hotkey_file(),
        wallet.hotkeypub_file(),
    ] {
        assert_eq!(
            fs::metadata(&file).expect("file").permissions().mode() & 0o777,
            0o600,
            "{}",
            file.display()
        );
    }
}

#[test]
fn a_written_file_holds_every_member_that_the_python_wallets_write() {
    for case in vectors("keys")["keys"].as_array().expect("cases") {
        let source = case["source"].as_str().expect("source").to_owned();
        let kind = case["kind"].as_str().expect("kind");
        let key = match kind {
            "uri" => KeySource::Uri(source.clone()),
            "mnemonic" => KeySource::Mnemonic(Zeroizing::new(source.replace(' ', "  "))),
            "seed" => KeySource::Seed(Zeroizing::new([0x11; 32])),
            other => panic!("unknown kind {other}"),
        };
        let folder = tempfile::tempdir().expect("temp folder");
        let wallet = Wallet::new(folder.path(), "cold", "hot");
        wallet
            .write_hotkey(&KeySpec::new(key).scheme(scheme(case)), false)
            .expect("written");
        let read = |path| serde_json::from_str(&fs::read_to_string(path).expect("file")).expect("JSON");
        let mut expected = serde_json::json!({
            "accountId": case["public_key"],
            "publicKey": case["public_key"],
            "ss58Address": case["ss58"],
            "cryptoType": case["crypto_type"],
        });
        let public: serde_json::Value = read(wallet.hotkeypub_file());
        assert_eq!(public, expected);
        expected["privateKey"] = case["private_key"].clone();
        if !case["secret_seed"].is_null() {
            expected["secretSeed"] = case["secret_seed"].clone();
        }
        if kind == "mnemonic" {
            expected["secretPhrase"] = case["source"].clone();
        }
        let mut secret: serde_json::Value = read(wallet.hotkey_file());
        if source.contains("/soft") {
            // The second half of a softly derived key, the seed of its nonces, is random.
            let half = |json: &serde_json::Value| json["privateKey"].as_str().expect("text")[..2 + 64].to_owned();
            secret["privateKey"] = half(&secret).into();
            expected["privateKey"] = half(&expected).into();
        }
        assert_eq!(secret, expected);
    }
}

#[test]
fn a_reader_never_sees_half_a_file() {
    let (_folder, wallet) = with_hotkey("{}");
    let spec = KeySpec::new(KeySource::Random);
    wallet.write_hotkey(&spec, true).expect("written");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..40 {
                wallet.write_hotkey(&spec, true).expect("written");
            }
        });
        while !writer.is_finished() {
            wallet.load_hotkey().expect("whole");
            wallet.hotkeypub().expect("whole");
        }
    });
    assert_eq!(wallet.hotkeys().expect("listed"), ["hot"]);
    // Nothing is left behind.
    assert_eq!(
        fs::read_dir(wallet.hotkey_file().parent().expect("parent"))
            .expect("folder")
            .count(),
        2
    );
}

#[test]
fn an_existing_wallet_is_kept_unless_asked() {
    let folder = tempfile::tempdir().expect("temp folder");
    let wallet = Wallet::new(folder.path(), "owner", "default");
    let first = wallet
        .create(&KeySource::Random, &KeySource::Random, false)
        .expect("created");
    let second = wallet.create(&KeySource::Random, &KeySource::Random, false);
    assert!(matches!(second, Err(WalletError::Exists { .. })));
    assert_eq!(wallet.load_hotkey().expect("hotkey").account_id(), first.hotkey);
    let third = wallet
        .create(&KeySource::Random, &KeySource::Random, true)
        .expect("overwritten");
    assert_eq!(wallet.load_hotkey().expect("hotkey").account_id(), third.hotkey);
}

#[test]
fn names_cannot_leave_the_wallet_folder() {
    for name in ["../x", "a/b", "", ".."] {
        let wallet = Wallet::new("/nowhere", name, "default");
        assert!(matches!(wallet.load_hotkey(), Err(WalletError::Name { .. })), "{name}");
        let wallet = Wallet::new("/nowhere", "default", name);
        assert!(matches!(wallet.load_hotkey(), Err(WalletError::Name { .. })), "{name}");
    }
}

#[test]
fn reading_the_hotkey_needs_no_coldkey() {
    let folder = tempfile::tempdir().expect("temp folder");
    let wallet = Wallet::new(folder.path(), "owner", "default");
    wallet
        .create(&KeySource::Random, &KeySource::Random, false)
        .expect("created");
    fs::remove_file(wallet.coldkey_file()).expect("removed");
    assert!(wallet.load_hotkey().is_ok());
    assert!(!wallet.has_unencrypted_coldkey());
}

#[test]
fn a_huge_file_is_not_read() {
    let (_folder, wallet) = with_hotkey(&" ".repeat(200_000));
    assert!(matches!(wallet.load_hotkey(), Err(WalletError::Io { .. })));
}
