use crate::chain::*;
use codec::Decode;
use node_subtensor_runtime::{Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SubtensorModule, System};
use pallet_commitments::{
    Call, CommitmentInfo, CommitmentOf, Data, Error, Event, Registration, RevealedCommitments, TimelockedIndex,
};
use sp_runtime::DispatchError;

fn raw(text: &[u8]) -> Data {
    Data::Raw(text.to_vec().try_into().expect("short enough"))
}

fn commit(signer: &str, netuid: u16, fields: Vec<Data>) -> Result<(), DispatchError> {
    let info = Box::new(CommitmentInfo {
        fields: fields.try_into().expect("three at most"),
    });
    let call = RuntimeCall::Commitments(Call::set_commitment { netuid, info });
    dispatch(RuntimeOrigin::signed(account(signer)), call)
}

#[test]
fn a_registered_hotkey_commits_and_the_metagraph_shows_it() {
    on_chain(|| {
        let netuid = subnet();
        assert_eq!(
            commit("miner", netuid, vec![raw(b"a")]),
            Err(Error::<Runtime>::AccountNotAllowedCommit.into())
        );
        register(netuid, "miner");
        assert_eq!(commit("miner", netuid, vec![raw(b"hello"), Data::None]), Ok(()));
        let stored = CommitmentOf::<Runtime>::get(netuid, account("miner")).expect("it is kept");
        assert_eq!((stored.block, stored.info.fields[0].clone()), (1, raw(b"hello")));

        let shown = SubtensorModule::selective_metagraph(netuid, 0, &[73]).expect("the subnet exists");
        let shown = shown.commitments.expect("asked for");
        let bytes: Vec<u8> = shown[0].1.iter().map(|byte| byte.0).collect();
        assert_eq!(Registration::decode(&mut &bytes[..]), Ok(stored));
    });
}

#[test]
fn the_bytes_of_an_epoch_are_limited() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        for _ in 0..31 {
            assert_eq!(
                commit("miner", netuid, vec![raw(b"short ones count a hundred bytes")]),
                Ok(())
            );
        }
        assert_eq!(
            commit("miner", netuid, vec![raw(b"")]),
            Err(Error::<Runtime>::SpaceLimitExceeded.into())
        );
        next_blocks(10);
        assert_eq!(commit("miner", netuid, vec![raw(b"")]), Ok(()));
    });
}

#[test]
fn a_miner_can_ask_for_new_bonds_where_the_subnet_allows_it() {
    on_chain(|| {
        let netuid = subnet();
        let miner = register(netuid, "miner");
        let bonds = vec![(miner, 100), (0, 5)];
        pallet_subtensor::Bonds::<Runtime>::insert(netuid, 0, &bonds);
        assert_eq!(commit("miner", netuid, vec![Data::ResetBondsFlag]), Ok(()));
        assert_eq!(pallet_subtensor::Bonds::<Runtime>::get(netuid, 0), bonds);
        root(pallet_admin_utils::Call::sudo_set_bonds_reset_enabled { netuid, enabled: true }).unwrap();
        assert_eq!(commit("miner", netuid, vec![Data::ResetBondsFlag]), Ok(()));
        assert_eq!(pallet_subtensor::Bonds::<Runtime>::get(netuid, 0), vec![(0, 5)]);
    });
}

fn timelocked(round: u64, text: &[u8]) -> Data {
    let mut rng = rand::SeedableRng::seed_from_u64(round);
    let rng: &mut rand::rngs::StdRng = &mut rng;
    let encrypted = axoneme_timelock::encrypt(&axoneme_timelock::Beacon::dev(), round, text, rng).expect("it locks");
    Data::TimelockEncrypted {
        encrypted: encrypted.try_into().expect("short enough"),
        reveal_round: round,
    }
}

/// The pulse of a round comes, and the block after it.
fn pulse(round: u64) {
    let pulse = pallet_drand::beacon::dev_pulse(round);
    pallet_drand::LastStoredRound::<Runtime>::put(round);
    pallet_drand::Pulses::<Runtime>::insert(round, pulse);
    next_blocks(1);
}

#[test]
fn timelocked_fields_show_when_their_round_has_come() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        let who = account("miner");
        let fields = vec![raw(b"open"), timelocked(7, b"first"), timelocked(9, b"second")];
        assert_eq!(commit("miner", netuid, fields), Ok(()));
        next_blocks(1);
        let shown = || RevealedCommitments::<Runtime>::get(netuid, &who).unwrap_or_default();
        let fields = || CommitmentOf::<Runtime>::get(netuid, &who).map_or(0, |kept| kept.info.fields.len());
        assert_eq!((shown(), fields()), (vec![], 3));
        pulse(7);
        let block = |at: u64| u64::from(System::block_number()) - at;
        assert_eq!((shown(), fields()), (vec![(b"first".to_vec(), block(0))], 2));
        let told = RuntimeEvent::Commitments(Event::CommitmentRevealed {
            netuid,
            who: who.clone(),
        });
        assert!(System::events().iter().any(|record| record.event == told));
        assert_eq!(TimelockedIndex::<Runtime>::get().len(), 1);
        pulse(9);
        let both = vec![(b"first".to_vec(), block(1)), (b"second".to_vec(), block(0))];
        assert_eq!((shown(), fields()), (both, 1));
        assert!(TimelockedIndex::<Runtime>::get().is_empty());

        // A commitment of which nothing is left disappears; only the last ten texts are kept.
        for round in 20..31 {
            assert_eq!(commit("miner", netuid, vec![timelocked(round, &[0; 4])]), Ok(()));
            pulse(round);
        }
        assert_eq!((shown().len(), fields()), (10, 0));
    });
}
