//! Makes a wallet without passwords and prints its addresses: `new_wallet FOLDER NAME [COLDKEY URI] [HOTKEY URI]`.
//!
//! For local chains: its coldkey can be used by whoever can read the file.

use axoneme_wallet::{KeySource, Wallet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: new_wallet FOLDER NAME [COLDKEY URI] [HOTKEY URI]".into());
    };
    let mut source = || arguments.next().map_or(KeySource::Random, KeySource::Uri);
    let (coldkey, hotkey) = (source(), source());
    let made = Wallet::new(folder, name, "default").create(&coldkey, &hotkey, false)?;
    println!("{} {}", made.coldkey, made.hotkey);
    Ok(())
}
