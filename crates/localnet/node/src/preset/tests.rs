use super::*;
use crate::{chain::Chain, genesis::Genesis};
use codec::{Decode, Encode};
use sp_crypto_hashing::{blake2_128, twox_128};

const EXAMPLE: &str = include_str!("../../../../../config/localnet.toml");

fn chain(text: &str) -> Result<Chain, LocalnetError> {
    let preset: Preset = text.parse().map_err(LocalnetError::Genesis)?;
    let genesis = Genesis {
        block_time: Duration::from_millis(250),
        default_wallet: None,
        preset: Some(preset),
    };
    let beginning = genesis.build()?;
    Ok(Chain::new(beginning.store, beginning.engine))
}

fn refused(text: &str) -> String {
    chain(text).err().unwrap_or_else(|| panic!("taken: {text}")).to_string()
}

fn account(text: &str) -> AccountId32 {
    text.parse::<Account>().expect("a key").0
}

fn value<T: Decode>(chain: &Chain, pallet: &str, item: &str, key: &[u8]) -> Option<T> {
    let key = [&twox_128(pallet.as_bytes())[..], &twox_128(item.as_bytes()), key].concat();
    let bytes = chain.value(chain.store().head().hash, &key).expect("readable")?;
    T::decode(&mut &bytes[..]).ok()
}

fn subnet_value<T: Decode>(chain: &Chain, item: &str, netuid: u16) -> Option<T> {
    value(chain, "SubtensorModule", item, &netuid.encode())
}

/// rao, through the runtime's own account type: nonce and three counters come before it.
fn free(chain: &Chain, who: &str) -> u64 {
    let who = account(who).encode();
    let key = [&blake2_128(&who)[..], &who].concat();
    value::<([u32; 4], u64)>(chain, "System", "Account", &key).map_or(0, |(_, free)| free)
}

#[test]
fn the_documented_example_makes_what_it_says() {
    let chain = chain(EXAMPLE).expect("a chain");
    assert_eq!(
        subnet_value::<u16>(&chain, "SubnetworkN", 2),
        Some(6),
        "the owner, a validator, four miners"
    );
    assert_eq!(subnet_value::<u16>(&chain, "Tempo", 2), Some(40));
    assert_eq!(
        subnet_value::<bool>(&chain, "CommitRevealWeightsEnabled", 2),
        Some(false)
    );
    assert_eq!(subnet_value::<u64>(&chain, "FirstEmissionBlockNumber", 2), Some(1));
    assert_eq!(
        subnet_value::<AccountId32>(&chain, "SubnetOwner", 2),
        Some(account("//owner"))
    );
    assert_eq!(
        value::<AccountId32>(&chain, "Sudo", "Key", &[]),
        Some(account("//Alice"))
    );
    for (who, tao) in [
        ("//treasury", 50_000),
        ("//validator", 100),
        ("//miner4", 10),
        ("//Bob", 1_000_000),
        ("//owner", 0),
    ] {
        assert_eq!(free(&chain, who), tao * 1_000_000_000, "{who}");
    }
    let hotkey = account("//validator//hotkey").encode();
    let key = [&blake2_128(&hotkey)[..], &hotkey, &2u16.encode()].concat();
    assert_eq!(
        value::<u64>(&chain, "SubtensorModule", "TotalHotkeyAlpha", &key),
        Some(1_000_000_000_000)
    );
}

#[test]
fn issuance_is_the_sum_of_what_accounts_have() {
    let text = "dev_accounts = false\n[[account]]\nwho = '//a'\ntao = 3\n\
                [[subnet]]\nnetuid = 2\nowner = '//a'\nowner_hotkey = '//a//h'\n";
    let chain = chain(text).expect("a chain");
    assert_eq!(free(&chain, "//a"), 3_000_000_000, "making the subnet cost nothing");
    assert_eq!(
        value::<u64>(&chain, "Balances", "TotalIssuance", &[]),
        Some(3_000_000_000)
    );
    assert_eq!(free(&chain, "//Alice"), 0);
}

#[test]
fn two_presets_are_two_chains() {
    let genesis = |text: &str| chain(text).expect("a chain").store().genesis().hash;
    assert_eq!(genesis(""), genesis("sudo = '//Alice'"));
    assert_ne!(genesis(""), genesis("sudo = '//Bob'"));
}

#[test]
fn what_it_cannot_say_is_refused_with_its_line() {
    let subnet = "[[subnet]]\nnetuid = 2\nowner = '//a'\nowner_hotkey = '//a//h'\n";
    for (text, line, word) in [
        ("sudoo = '//Alice'\n".to_owned(), 1, "sudoo"),
        ("sudo = 'Alice'\n".to_owned(), 1, "//Alice"),
        ("[[account]]\nwho = '//a'\ntao = -1\n".to_owned(), 3, "TAO"),
        ("\n[parameters]\ntempo = 40\n".to_owned(), 3, "network_rate_limit"),
        (format!("{subnet}[subnet.hyperparameters]\ntemop = 40\n"), 6, "temop"),
        (
            format!("{subnet}[subnet.hyperparameters]\ntempo = 'fast'\n"),
            6,
            "65535",
        ),
        (
            format!("{subnet}[subnet.hyperparameters]\ntempo = 40\nmax_allowed_uids = 65535\n"),
            7,
            "MaxAllowedUids",
        ),
        (
            format!("{subnet}[[subnet.neuron]]\ncoldkey = '//m'\ncount = 2\n"),
            5,
            "{i}",
        ),
        (
            format!("{subnet}[[subnet.neuron]]\ncoldkey = '//m{{i}}'\ncount = 300\n"),
            5,
            "full",
        ),
        (
            format!("{subnet}[[subnet.neuron]]\ncoldkey = '//m'\nhotkey = '//a//h'\n"),
            5,
            "NonAssociatedColdKey",
        ),
        (
            "[[subnet]]\nnetuid = 3\nowner = '//a'\nowner_hotkey = '//h'\n".to_owned(),
            2,
            "next free netuid is 2",
        ),
        ("[[subnet]]\nnetuid = 2\n".to_owned(), 2, "owner_hotkey"),
    ] {
        let error = refused(&text);
        assert!(
            error.contains(&format!("line {line}")) && error.contains(word),
            "{text}\n{error}"
        );
    }
}

#[test]
fn netuid_1_can_be_given_an_owner_and_values_of_several_parts_are_arrays() {
    let text = "[[subnet]]\nnetuid = 1\nowner = '//a'\nowner_hotkey = '//a//h'\n\
                [subnet.hyperparameters]\nliquid_alpha_enabled = true\nalpha_values = [46000, 60000]\n";
    let chain = chain(text).expect("a chain");
    assert_eq!(
        subnet_value::<(u16, u16)>(&chain, "AlphaValues", 1),
        Some((46_000, 60_000))
    );
    assert_eq!(
        subnet_value::<AccountId32>(&chain, "SubnetOwner", 1),
        Some(account("//a"))
    );
    assert_eq!(subnet_value::<u16>(&chain, "SubnetworkN", 1), Some(2));
}
