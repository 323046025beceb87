//! Files that are no runtime, or none that can be run here: told so in words, within bounds, and without a panic.

use std::path::{Path, PathBuf};

use localnet::RuntimeFiles;
use sp_maybe_compressed_blob::{CODE_BLOB_BOMB_LIMIT, compress_weakly, decompress};
use subxt_signer::sr25519::dev;

use super::{aura, files, plain, refusal};
use crate::common::TestResult;

/// The code of a runtime, not compressed.
fn unpacked(path: &Path) -> TestResult<Vec<u8>> {
    Ok(decompress(&std::fs::read(path)?, CODE_BLOB_BOMB_LIMIT)?.into_owned())
}

fn written(folder: &tempfile::TempDir, code: &[u8]) -> TestResult<RuntimeFiles> {
    let path = folder.path().join("code.wasm");
    std::fs::write(&path, code)?;
    Ok(files(&path))
}

async fn says(code: &[u8], expected: &str) -> TestResult {
    let folder = tempfile::tempdir()?;
    let text = refusal(&written(&folder, code)?).await?;
    assert!(text.contains(expected) && text.contains("code.wasm"), "{text}");
    Ok(())
}

/// Replaces every `from` by `to`, which is as long.
fn replaced(code: &[u8], from: &[u8], to: &[u8]) -> TestResult<Vec<u8>> {
    assert_eq!(from.len(), to.len());
    let mut code = code.to_vec();
    let mut found = 0;
    let mut at = 0;
    while let Some(window) = code.get_mut(at..at + from.len()) {
        if window == from {
            window.copy_from_slice(to);
            found += 1;
        }
        at += 1;
    }
    if found == 0 {
        return Err("nothing to replace".into());
    }
    Ok(code)
}

#[tokio::test]
async fn files_that_are_no_code_are_told_apart() -> TestResult {
    says(b"", "is empty").await?;
    says(b"fn main() {}", "is not WebAssembly: it begins with 666e206d61696e28").await?;
    says(b"{\"name\": \"Bittensor\"}", "--runtime-genesis").await?;
    let missing = files(Path::new("/nowhere/code.wasm"));
    assert!(refusal(&missing).await?.contains("/nowhere/code.wasm cannot be read"));
    let folder = files(&PathBuf::from("/"));
    assert!(refusal(&folder).await?.contains("cannot be read"));
    Ok(())
}

#[tokio::test]
async fn a_bomb_is_not_unpacked() -> TestResult {
    let mut bomb = b"\0asm\x01\0\0\0".to_vec();
    bomb.resize(CODE_BLOB_BOMB_LIMIT + 1, 0);
    let bomb = compress_weakly(&bomb, usize::MAX).ok_or("too large")?;
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    says(&bomb, "unpacks to more than 50 MiB").await
}

#[tokio::test]
async fn code_that_was_cut_short_anywhere_is_refused() -> TestResult {
    let packed = std::fs::read(plain())?;
    says(&packed[..packed.len() / 2], "cut short").await?;
    let code = unpacked(&plain())?;
    for part in 0..40 {
        let end = 8 + (code.len() - 8) * part / 40;
        says(&code[..end], "").await?;
    }
    Ok(())
}

#[tokio::test]
async fn code_that_is_no_runtime_is_told_by_what_it_lacks() -> TestResult {
    says(b"\0asm\x01\0\0\0", "").await?;
    // One type, one import of that type: (func (import "env" "ext_moon_phase_version_1")).
    let mut moon = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02".to_vec();
    let name = b"ext_moon_phase_version_1";
    moon.push(7 + u8::try_from(name.len())?);
    moon.extend(b"\x01\x03env");
    moon.push(u8::try_from(name.len())?);
    moon.extend(name);
    moon.extend([0, 0]);
    says(&moon, "").await?;

    let code = unpacked(&plain())?;
    let headless = replaced(&code, b"Core_version", b"Core_perioda")?;
    says(&headless, "no Substrate runtime: it has no function Core_version").await?;
    let foreign = replaced(&code, b"ext_logging_log_version_1", b"ext_logging_moo_version_1")?;
    says(&foreign, "ext_logging_moo_version_1").await?;
    says(&foreign, "--runtime-allow-missing").await?;
    let barren = replaced(&code, b"GenesisBuilder_build_state", b"GenesisBuilder_build_stone")?;
    says(&barren, "no function GenesisBuilder_build_state").await?;
    let idle = replaced(&code, b"BlockBuilder_finalize_block", b"BlockBuilder_finalise_block")?;
    says(&idle, "makes no block on its genesis").await
}

#[tokio::test]
async fn a_function_that_is_missing_matters_only_where_it_is_called() -> TestResult {
    let folder = tempfile::tempdir()?;
    let name = b"ext_crypto_ed25519_verify_version_1";
    let code = replaced(&unpacked(&plain())?, name, b"ext_crypto_ed25519_verify_version_9")?;
    let lenient = RuntimeFiles {
        allow_missing_functions: true,
        ..written(&folder, &code)?
    };
    // What only benchmarks call is not missed at all.
    let elsewhere = tempfile::tempdir()?;
    let code = replaced(&unpacked(&plain())?, name, b"ext_benchmarking_wipe_dust_versio_1")?;
    for files in [lenient, written(&elsewhere, &code)?] {
        let chain = localnet::Localnet::start(super::manual(&files)?).await?;
        chain.new_block().await?;
        assert_eq!(super::account(&chain, &dev::alice()).await?.1, super::ALICE_HAS);
        chain.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_runtime_with_needs_that_nothing_here_meets_is_told_of_them() -> TestResult {
    let id = |api: &str| sp_crypto_hashing::blake2_64(api.as_bytes());
    let code = unpacked(&aura())?;
    for (api, expected) in [
        ("BabeApi", "BABE"),
        ("CollectCollationInfo", "sysi1337"),
        ("ParachainHost", "parachn0"),
    ] {
        let code = replaced(&code, &id("AuraApi"), &id(api))?;
        says(&code, expected).await?;
    }
    Ok(())
}
