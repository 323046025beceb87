//! Hub models from a server on this machine that answers as the hub does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Serves files of a tiny model; large ones with their sha256 as tag, like the hub.
struct FakeHub {
    store: ModelStore,
    served: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

fn fake_hub() -> FakeHub {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Ok(()) = answer(stream) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::new(Some(folder.path().join("axoneme")));
    store.hub.endpoint = Some(format!("http://{address}"));
    store.hub.cache = Some(folder.path().join("hub"));
    FakeHub {
        store,
        served,
        _folder: folder,
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let mut start = 0;
    let mut probe = false;
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            probe = range == "0-0";
            start = range
                .split('-')
                .next()
                .and_then(|first| first.parse().ok())
                .unwrap_or(0);
        }
    }
    let name = request
        .split(' ')
        .nth(1)
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/llama-logprob")
        .join(name);
    let Ok(bytes) = std::fs::read(&fixture) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let tag = match name.ends_with(".safetensors") {
        true => verify::digest(&fixture).unwrap(),
        false => format!("git-{name}"),
    };
    let total = bytes.len();
    let body = if probe { &bytes[..1] } else { &bytes[start..] };
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nx-repo-commit: {COMMIT}\r\netag: \"{tag}\"\r\ncontent-range: bytes \
         {start}-{}/{total}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        start + body.len() - 1,
        body.len()
    )?;
    stream.write_all(body)
}

fn ensure(hub: &FakeHub, reference: &str) -> Result<PathBuf, ModelError> {
    hub.store
        .ensure_blocking(&reference.parse()?, &SMOLLM2_135M, &NoProgress)
}

#[test]
fn a_whole_model_is_brought_and_found_again_without_the_hub() {
    let mut hub = fake_hub();
    let folder = ensure(&hub, "hf:org/tiny@v1").unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    crate::Engine::load(&folder, crate::DeviceChoice::Cpu, crate::EngineConfig::default()).unwrap();
    let served = hub.served.load(Ordering::Relaxed);
    assert_eq!(
        ensure(&hub, "hf:org/tiny@v1/model.safetensors").unwrap(),
        folder.join("model.safetensors")
    );
    assert_eq!(hub.served.load(Ordering::Relaxed), served, "nothing is asked for twice");
    // A port nobody listens on: the model is here, so it does not matter.
    hub.store.hub.endpoint = Some("http://127.0.0.1:1".into());
    assert_eq!(
        ensure(&hub, "hf:org/tiny@v1/model.safetensors").unwrap(),
        folder.join("model.safetensors")
    );
}

#[test]
fn a_torn_file_is_brought_anew() {
    let hub = fake_hub();
    let path = ensure(&hub, "hf:org/tiny/model.safetensors").unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(path.canonicalize().unwrap(), &whole[..100]).unwrap();
    let again = ensure(&hub, "hf:org/tiny/model.safetensors").unwrap();
    assert_eq!(std::fs::read(again).unwrap(), whole);
}

#[test]
fn a_hub_out_of_reach_and_a_missing_file_are_errors_that_name_the_model() {
    let mut hub = fake_hub();
    let error = ensure(&hub, "hf:org/tiny/nothing.gguf").unwrap_err();
    assert!(matches!(error, ModelError::Fetch { .. }), "{error}");
    hub.store.hub.endpoint = Some("http://127.0.0.1:1".into());
    let message = ensure(&hub, "hf:org/other/model.gguf").unwrap_err().to_string();
    assert!(
        message.contains("hf:org/other/model.gguf") && message.contains("--model"),
        "{message}"
    );
}
