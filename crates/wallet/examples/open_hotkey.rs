//! Opens a hotkey and prints its address and scheme: `open_hotkey FOLDER WALLET HOTKEY`.
//!
//! The password of an encrypted one comes from the environment (`BT_WALLET_PASSWORD` and its kin) or the terminal.

use axoneme_wallet::{PasswordSources, Wallet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, name, hotkey] = &arguments[..] else {
        return Err("usage: open_hotkey FOLDER WALLET HOTKEY".into());
    };
    let wallet = Wallet::new(folder, name, hotkey);
    for warning in wallet.warnings() {
        eprintln!("warning: {warning}");
    }
    let pair = wallet.open_hotkey(&PasswordSources::environment().prompt())?;
    println!("{} {}", pair.account_id(), pair.scheme());
    Ok(())
}
