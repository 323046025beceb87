//! The Rust half of `scripts/interop/wallets.sh`: `keyfiles write FOLDER` makes a wallet with a hotkey of every kind,
//! `keyfiles read FOLDER` opens what others made. Development keys only.
//!
//! Both speak of a hotkey in one line: name, scheme, address, signature over `message` in hex, and the variable that
//! holds its password with its value, or `-` where there is none. `read` takes such lines on standard input and looks
//! for passwords where a neuron would: in the environment.

use std::io::BufRead as _;

use axoneme_wallet::{
    AccountId, KeySource, KeySpec, Mnemonic, Password, PasswordSources, Scheme, Wallet, password_variable, scramble,
};
use zeroize::Zeroizing;

const MESSAGE: &[u8] = b"message";
const PASSWORD: &str = "päss wörd 🔑 of a hotkey";
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", folder] => write(folder),
        ["read", folder] => read(folder),
        _ => Err("usage: keyfiles write FOLDER | keyfiles read FOLDER < LINES".into()),
    }
}

fn write(folder: &str) -> Outcome {
    let words = |count| Ok::<_, axoneme_wallet::KeyError>(KeySource::from(Mnemonic::generate(count)?));
    for scheme in [Scheme::Sr25519, Scheme::Ed25519] {
        let sources = [
            ("random", KeySource::Random),
            ("phrase", KeySource::Mnemonic(Zeroizing::new(WORDS.into()))),
            ("words15", words(15)?),
            ("words18", words(18)?),
            ("words21", words(21)?),
            ("words24", words(24)?),
            ("seed", KeySource::Seed(Zeroizing::new([0x11; 32]))),
            ("uri", KeySource::Uri("//Alice//stash".into())),
            ("sealed", KeySource::Random),
        ];
        for (kind, source) in sources {
            let wallet = Wallet::new(folder, "rust", format!("{scheme}-{kind}"));
            let spec = KeySpec::new(source).scheme(scheme);
            let password = Password::new(PASSWORD);
            let (spec, passwords, variable) = if kind == "sealed" {
                let name = password_variable(&wallet.hotkey_file());
                let variable = format!("{name}={}", *scramble(&name, &password));
                let passwords = PasswordSources::none().given(password.clone());
                (spec.password(password), passwords, variable)
            } else {
                (spec, PasswordSources::none(), "-".into())
            };
            let address = wallet.write_hotkey(&spec, false)?.public.account;
            let signature = hex::encode(wallet.open_hotkey(&passwords)?.sign(MESSAGE));
            println!("{} {scheme} {address} {signature} {variable}", wallet.hotkey);
        }
    }
    Ok(())
}

fn read(folder: &str) -> Outcome {
    let mut opened = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let [name, scheme, address, signature, _] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("not a line of a hotkey: {line}").into());
        };
        let (scheme, address): (Scheme, AccountId) = (scheme.parse()?, address.parse()?);
        let signature = <[u8; 64]>::try_from(hex::decode(signature)?).map_err(|_| "not a signature")?;
        if !address.verify_with(scheme, MESSAGE, &signature) {
            return Err(format!("{name}: the other side's signature does not hold").into());
        }
        let wallet = Wallet::new(folder, "python", name);
        let pair = wallet.open_hotkey(&PasswordSources::environment())?;
        if (pair.account_id(), pair.scheme()) != (address, scheme) {
            return Err(format!("{name}: opened as {} {}", pair.scheme(), pair.account_id()).into());
        }
        let public = wallet.hotkeypub()?;
        if (public.account, public.scheme) != (address, scheme) {
            return Err(format!("{name}: its public file says {} {}", public.scheme, public.account).into());
        }
        opened.push(name.to_owned());
    }
    opened.sort();
    let listed = Wallet::new(folder, "python", "any").hotkeys()?;
    if listed != opened {
        return Err(format!("listed are {listed:?}, opened were {opened:?}").into());
    }
    println!("opened {} hotkeys", opened.len());
    Ok(())
}
