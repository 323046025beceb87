use std::{fs, path::PathBuf};

use codec::Encode;

use super::*;

fn genesis_pairs() -> Vec<(Vec<u8>, Vec<u8>)> {
    (0..200u32)
        .map(|n| (format!("key{n}").into_bytes(), n.encode().repeat(1 + n as usize % 20)))
        .collect()
}

fn identity(store: &Store) -> Identity {
    Identity::new(1, store.genesis().hash, 250)
}

fn open(path: &Path) -> Result<Store, LocalnetError> {
    let store = Store::new(&genesis_pairs());
    let identity = identity(&store);
    store.persist(path, identity)
}

/// Adds a block that writes its number under "number" and deletes one key.
fn grow(store: &Store) -> Head {
    let parent = store.head();
    let number = parent.number() + 1;
    let changes = vec![
        (b"number".to_vec(), Some(number.encode())),
        (format!("key{}", number % 200).into_bytes(), None),
        (
            format!("key{}", (number + 100) % 200).into_bytes(),
            Some(number.encode().repeat(12)),
        ),
    ];
    let delta = changes.iter().map(|(key, value)| (&key[..], value.as_deref()));
    let state = store.state(parent.hash).expect("the head has a state");
    let (state_root, nodes) = state.storage_root(delta, STATE_VERSION);
    let header = Header {
        parent_hash: parent.hash,
        number,
        state_root,
        extrinsics_root: Hash::zero(),
        digest: Default::default(),
    };
    let extrinsics = vec![number.to_le_bytes().to_vec()];
    store
        .commit(
            SealedBlock {
                header,
                extrinsics,
                changes,
            },
            nodes,
        )
        .expect("committed")
}

fn number_at(store: &Store, hash: Hash) -> Option<u32> {
    let value = store.state(hash).ok()?.storage(b"number").ok()??;
    codec::DecodeAll::decode_all(&mut &value[..]).ok()
}

fn last_log(dir: &Path) -> PathBuf {
    let logs = fs::read_dir(dir)
        .expect("readable")
        .filter_map(|entry| Some(entry.ok()?.path()));
    logs.filter(|path| path.extension().is_some_and(|e| e == "log"))
        .max()
        .expect("a log")
}

#[test]
fn a_restart_brings_back_head_states_and_bodies() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    let early = grow(&store);
    (0..20).for_each(|_| drop(grow(&store)));
    let head = store.head();
    drop(store);

    let store = open(dir.path()).expect("again");
    assert_eq!(store.head(), head);
    assert_eq!(number_at(&store, early.hash), Some(1));
    assert_eq!(number_at(&store, head.hash), Some(21));
    assert_eq!(store.body(7).as_deref(), Some(&vec![7u32.to_le_bytes().to_vec()]));
    assert_eq!(grow(&store).number(), 22);
}

#[test]
fn a_torn_last_record_loses_that_block_only() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    (0..3).for_each(|_| drop(grow(&store)));
    drop(store);
    let log = last_log(dir.path());
    let length = fs::metadata(&log).expect("log").len();
    fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .and_then(|file| file.set_len(length - 1))
        .expect("cut");

    let store = open(dir.path()).expect("opens in spite of the tear");
    assert_eq!(store.head().number(), 2);
    assert_eq!(grow(&store).number(), 3);
    drop(store);
    assert_eq!(open(dir.path()).expect("the tear is gone").head().number(), 3);
}

#[test]
fn damage_in_the_middle_is_refused_with_advice() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    (0..3).for_each(|_| drop(grow(&store)));
    drop(store);
    let log = last_log(dir.path());
    let mut bytes = fs::read(&log).expect("log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).expect("write");
    let error = open(dir.path()).expect_err("damaged");
    assert!(matches!(error, LocalnetError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("--data-dir"));
}

#[test]
fn another_chain_and_another_node_are_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    assert!(matches!(open(dir.path()), Err(LocalnetError::DataDirInUse { .. })));
    grow(&store);
    store.close();

    let other = Store::new(&[(b"other".to_vec(), b"genesis".to_vec())]);
    let key = identity(&other);
    let error = other.persist(dir.path(), key).expect_err("another genesis");
    assert!(matches!(error, LocalnetError::OtherChain { .. }), "{error}");
    assert_eq!(error.exit_code(), crate::error::exit_code::DATA_DIR);
}

#[test]
fn generations_keep_the_directory_small_and_the_window_whole() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    let last = 3 * GENERATION + 10;
    (0..last).for_each(|_| drop(grow(&store)));
    let head = store.head();
    let nodes = store.node_count();
    drop(store);
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .expect("readable")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "LOCK",
            "blocks-0000010000.log",
            "blocks-0000015000.log",
            "state-0000010000.snap",
            "state-0000015000.snap"
        ]
    );

    let store = open(dir.path()).expect("again");
    assert_eq!(store.head(), head);
    assert_eq!(store.node_count(), nodes, "the same nodes as before the restart");
    let oldest = store.block_at(last - STATES_KEPT + 1).expect("header");
    assert_eq!(number_at(&store, oldest.hash), Some(oldest.number()));
    assert_eq!(
        store.check_state(oldest.header.parent_hash),
        Err(NoState::Discarded(oldest.header.parent_hash))
    );
    assert!(store.block_at(3).is_some(), "headers from before the snapshot are kept");

    // A kill after a snapshot and before its log leaves the snapshot alone.
    drop(store);
    fs::remove_file(last_log(dir.path())).expect("remove");
    let store = open(dir.path()).expect("the snapshot is enough");
    assert_eq!(store.head().number(), 3 * GENERATION);
    assert_eq!(grow(&store).number(), 3 * GENERATION + 1);
    drop(store);
    assert_eq!(open(dir.path()).expect("again").head().number(), 3 * GENERATION + 1);
}

#[test]
fn whatever_happens_to_the_files_the_chain_is_a_prefix_or_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    let heads: Vec<Head> = (0..6).map(|_| grow(&store)).collect();
    drop(store);
    let log = last_log(dir.path());
    let whole = fs::read(&log).expect("log");
    // Every length a kill can leave, and a flipped bit at many places.
    let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
    let flips = (0..whole.len() * 8).step_by(13).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let (mut opened, mut refused) = (0, 0);
    for bytes in cuts.chain(flips) {
        fs::write(&log, &bytes).expect("write");
        match open(dir.path()) {
            Ok(store) => {
                let head = store.head();
                assert!(head.number() == 0 || heads[head.number() as usize - 1] == head);
                assert_eq!(number_at(&store, head.hash).unwrap_or(0), head.number());
                opened += 1;
            }
            Err(LocalnetError::Damaged { .. } | LocalnetError::OtherChain { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(opened > 0 && refused > 0, "{opened} opened, {refused} refused");
}

#[test]
fn blocks_that_were_taken_back_stay_away_after_a_restart() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    (0..10).for_each(|_| drop(grow(&store)));
    let tenth = store.head();
    let fourth = store.block_at(4).expect("kept");
    assert!(store.take_back(11).is_err(), "it is not there");
    assert_eq!(store.take_back(4).expect("taken back"), fourth);
    assert_eq!(number_at(&store, fourth.hash), Some(4));
    assert_eq!(store.check_state(tenth.hash), Err(NoState::UnknownBlock(tenth.hash)));
    assert_eq!(store.body(5), None);
    // Other blocks than before follow, over states whose nodes came and went.
    (0..3).for_each(|_| drop(grow(&store)));
    store.take_back(6).expect("again");
    let head = grow(&store);
    drop(store);

    let store = open(dir.path()).expect("again");
    assert_eq!((store.head(), head.number()), (head.clone(), 7));
    for number in 1..=7 {
        let block = store.block_at(number).expect("kept");
        assert_eq!(number_at(&store, block.hash), Some(number));
    }
    assert_eq!(grow(&store).number(), 8);
}

#[test]
fn states_that_left_the_window_do_not_come_back_with_a_lower_head() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    (0..STATES_KEPT + 20).for_each(|_| drop(grow(&store)));
    let oldest = 21;
    assert!(store.take_back(oldest - 1).is_err());
    store.take_back(oldest + 5).expect("kept");
    let gone = store.block_at(oldest - 1).expect("its header is kept");
    assert_eq!(store.check_state(gone.hash), Err(NoState::Discarded(gone.hash)));
    // Past the old head: nothing that a state needs may have been let go.
    (0..40).for_each(|_| drop(grow(&store)));
    for number in oldest..=store.head().number() {
        let block = store.block_at(number).expect("kept");
        assert_eq!(number_at(&store, block.hash), Some(number));
    }
    const { assert!(GENERATION > STATES_KEPT, "all of this is in the first log") };
}

#[test]
fn blocks_of_a_finished_log_are_not_taken_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(dir.path()).expect("fresh");
    (0..GENERATION + 3).for_each(|_| drop(grow(&store)));
    let error = store.take_back(GENERATION - 1).expect_err("in the log before");
    assert!(error.to_string().contains("finished log"), "{error}");
    store.take_back(GENERATION).expect("the log's own beginning");
    let head = grow(&store);
    drop(store);
    assert_eq!(open(dir.path()).expect("again").head(), head);
}

#[test]
fn unfinished_files_are_cleared_away() {
    let dir = tempfile::tempdir().expect("temp dir");
    let leftover = dir.path().join("state-0000005000.tmp");
    fs::write(&leftover, b"half").expect("write");
    let foreign = dir.path().join("notes.tmp");
    fs::write(&foreign, b"mine").expect("write");
    open(dir.path()).expect("opens");
    assert!(!leftover.exists() && foreign.exists());
}
