use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;

use axoneme_wallet::{Password, PasswordError, PasswordSources, Warning, password_variable, scramble};
use proptest::prelude::*;

use crate::vectors;

const KEYFILE: &str = "/w/cold/hotkeys/hot";

/// What the sources find in an environment of these variables.
fn found(sources: &PasswordSources, environment: &[(&str, &str)]) -> Result<Option<Password>, PasswordError> {
    sources.find_in(Path::new(KEYFILE), &|name| {
        let value = environment.iter().find(|(variable, _)| *variable == name)?.1;
        Some(OsString::from(value))
    })
}

fn file_with(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("temp file");
    file.write_all(text).expect("written");
    file
}

#[test]
fn the_variable_of_a_keyfile_is_the_python_wallets() {
    for case in vectors("keyfiles_wallet_4_1_0")["environment_passwords"]
        .as_array()
        .expect("cases")
    {
        let text = |name: &str| case[name].as_str().expect("text");
        let variable = password_variable(Path::new(text("keyfile_path")));
        assert_eq!(variable, text("variable"));
        let password = Password::new(text("password"));
        assert_eq!(*scramble(&variable, &password), text("value"));
        let sources = PasswordSources::environment();
        let found = sources.find_in(Path::new(text("keyfile_path")), &|name| {
            (name == variable).then(|| OsString::from(text("value")))
        });
        assert_eq!(found.expect("readable"), Some(password));
    }
}

#[test]
fn the_nearest_source_wins() {
    let file = file_with(b"of the file\n");
    let path = file.path().to_str().expect("path");
    let variable = password_variable(Path::new(KEYFILE));
    let own = scramble(&variable, &Password::new("of this keyfile"));
    let environment = [
        (variable.as_str(), own.as_str()),
        ("BT_WALLET_PASSWORD", "of all keyfiles"),
        ("BT_WALLET_PASSWORD_FILE", path),
    ];
    let named = PasswordSources::environment().file(path);
    let expect = |sources: &PasswordSources, environment: &[(&str, &str)], text: &str| {
        assert_eq!(found(sources, environment).expect("found"), Some(Password::new(text)));
    };
    expect(&named.clone().given(Password::new("given")), &environment, "given");
    expect(&named, &environment, "of the file");
    let sources = PasswordSources::environment();
    expect(&sources, &environment, "of this keyfile");
    expect(&sources, &environment[1..], "of all keyfiles");
    expect(&sources, &environment[2..], "of the file");
    assert_eq!(found(&sources, &[]).expect("nothing"), None);
    assert_eq!(found(&sources, &[("BT_WALLET_PASSWORD", "")]).expect("nothing"), None);
    assert_eq!(found(&PasswordSources::none(), &environment).expect("nothing"), None);
}

#[test]
fn a_descriptor_gives_its_first_line() {
    let file = file_with("päss word \r\nsecond line".as_bytes());
    let open = std::fs::File::open(file.path()).expect("open");
    let number = u32::try_from(open.as_raw_fd()).expect("descriptor");
    let sources = PasswordSources::environment().descriptor(number);
    let password = found(&sources, &[("BT_WALLET_PASSWORD", "other")]).expect("readable");
    assert_eq!(password, Some(Password::new("päss word ")));
}

#[test]
fn a_pipe_that_stays_open_gives_its_line() {
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    writer.write_all(b"password\n").expect("written");
    let number = u32::try_from(reader.as_raw_fd()).expect("descriptor");
    let password = found(&PasswordSources::none().descriptor(number), &[]).expect("readable");
    assert_eq!(password, Some(Password::new("password")));
}

#[test]
fn a_file_gives_one_trimmed_line() {
    for text in ["password", "password\n", "  password \r\n\n"] {
        let file = file_with(text.as_bytes());
        let password = found(&PasswordSources::none().file(file.path()), &[]).expect("readable");
        assert_eq!(password, Some(Password::new("password")), "{text:?}");
    }
}

#[test]
fn a_source_that_was_named_and_fails_is_an_error() {
    let sources = PasswordSources::environment();
    let variable = password_variable(Path::new(KEYFILE));
    let plain = found(&sources, &[(&variable, "hunter two"), ("BT_WALLET_PASSWORD", "right")]);
    let error = plain.expect_err("not base64").to_string();
    assert!(error.contains(&variable) && !error.contains("hunter"), "{error}");
    for text in [&b""[..], b"\n", b"one\ntwo", b"\xff\xfe", &[b'x'; 5000]] {
        let file = file_with(text);
        let sources = PasswordSources::environment().file(file.path());
        let found = found(&sources, &[("BT_WALLET_PASSWORD", "right")]);
        assert!(found.is_err(), "{found:?}");
    }
    let open = std::fs::File::open(file_with(&[b'x'; 5000]).path()).expect("open");
    let number = u32::try_from(open.as_raw_fd()).expect("descriptor");
    assert!(found(&PasswordSources::none().descriptor(number), &[]).is_err());
    assert!(found(&PasswordSources::none().descriptor(99_999), &[]).is_err());
    assert!(found(&PasswordSources::none().file("/nowhere/at/all"), &[]).is_err());
}

#[test]
fn passwords_are_never_shown() {
    let sources = PasswordSources::environment().given(Password::new("hunter2"));
    for shown in [format!("{sources:?}"), format!("{:?}", found(&sources, &[]))] {
        assert!(shown.contains("hidden") && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_password_file_that_others_can_read_is_pointed_out() {
    use std::os::unix::fs::PermissionsExt;
    let file = file_with(b"password");
    let sources = PasswordSources::none().file(file.path());
    assert!(sources.warnings().is_empty());
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).expect("mode");
    assert!(matches!(
        sources.warnings()[..],
        [Warning::LooseSecret { mode: 0o644, .. }]
    ));
}

proptest! {
    #[test]
    fn a_scrambled_password_is_found_again(text in "\\PC{1,200}", path in "/[a-zA-Z0-9./_ é-]{1,80}") {
        let variable = password_variable(Path::new(&path));
        let value = scramble(&variable, &Password::new(&text));
        let found = PasswordSources::environment().find_in(Path::new(&path), &|name| {
            (name == variable).then(|| OsString::from(value.as_str()))
        });
        prop_assert_eq!(found.expect("readable"), Some(Password::new(&text)));
    }

    #[test]
    fn arbitrary_variables_are_an_answer_and_no_panic(value in ".{0,200}") {
        let variable = password_variable(Path::new(KEYFILE));
        let _ = found(&PasswordSources::environment(), &[(&variable, &value)]);
    }

    #[test]
    fn arbitrary_password_files_are_an_answer_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let file = file_with(&bytes);
        let _ = found(&PasswordSources::none().file(file.path()), &[]);
    }
}
