//! Keyfiles: found on disk, possibly written by anybody.

use axoneme_wallet::{AccountId, Contents, Encryption, Keyfile, Password};

/// A keyfile is refused, needs a password, or is a key that signs and whose address is the one in the file.
pub fn keyfile(data: &[u8]) {
    // Addresses are read from files and headers alike.
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(account) = text.parse::<AccountId>()
    {
        assert_eq!(account.to_string(), text, "an address has one writing");
    }
    match Keyfile::parse(data) {
        Ok(Keyfile::Plain(contents)) => check(data, &contents),
        // The others cost a gigabyte-second each; their outer form is all a fuzzer can try.
        Ok(Keyfile::Encrypted(sealed)) if sealed.encryption() == Encryption::Ansible => {
            let _ = sealed.open(&Password::new("wrong"));
        }
        Ok(Keyfile::Encrypted(_)) | Err(_) => {}
    }
}

fn check(data: &[u8], contents: &Contents) {
    let public = contents.public();
    if let Contents::Secret(pair) = contents {
        let signature = pair.sign(b"message");
        assert!(
            public.account.verify_with(public.scheme, b"message", &signature),
            "a key that signs"
        );
        assert!(!format!("{contents:?}").contains("0x"), "secrets are not shown");
    }
    let json: Option<serde_json::Value> = serde_json::from_slice(data).ok();
    let address = json.as_ref().and_then(|json| json["ss58Address"].as_str());
    // The same key may be written under the prefix of another network.
    if let Some(Ok(account)) = address.map(str::parse::<AccountId>) {
        assert_eq!(account, public.account, "the address in the file");
    }
}
