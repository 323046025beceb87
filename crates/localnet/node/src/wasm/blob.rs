//! A runtime's file: read within bounds, and looked at before anything runs it.

use std::{fs::File, io::Read, path::Path};

/// Largest file that is taken for a runtime. Real ones have one or two MiB, those built for tests ten.
const MAX_FILE: u64 = 64 << 20;
/// What a compressed runtime may unpack to; other nodes have the same limit.
const MAX_CODE: usize = sp_maybe_compressed_blob::CODE_BLOB_BOMB_LIMIT;
const WASM: &[u8] = b"\0asm";
const COMPRESSED: [u8; 8] = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];
/// Bytes of a file that a message shows.
const SHOWN: usize = 8;

/// Reads the file at `path` if it is WebAssembly, compressed or not; gives it as it is, since chains keep it so.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut code = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut code)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if code.len() as u64 > MAX_FILE {
        return Err(format!(
            "is larger than {} MiB, too large for a runtime",
            MAX_FILE >> 20
        ));
    }
    check(&code)?;
    Ok(code)
}

/// Whether `code` is WebAssembly, compressed or not, as far as that can be seen without running it.
fn check(code: &[u8]) -> Result<(), String> {
    if code.is_empty() {
        return Err("is empty".to_owned());
    }
    if !code.starts_with(&COMPRESSED) {
        return check_plain(code);
    }
    let plain = sp_maybe_compressed_blob::decompress(code, MAX_CODE).map_err(|error| match error {
        sp_maybe_compressed_blob::Error::PossibleBomb => {
            format!("unpacks to more than {} MiB, too much for a runtime", MAX_CODE >> 20)
        }
        sp_maybe_compressed_blob::Error::Invalid => {
            "is a compressed runtime that cannot be unpacked; was it cut short?".to_owned()
        }
    })?;
    check_plain(&plain).map_err(|detail| format!("unpacks, and {detail}"))
}

fn check_plain(code: &[u8]) -> Result<(), String> {
    if code.starts_with(WASM) {
        return Ok(());
    }
    let start = &code[..code.len().min(SHOWN)];
    let text = code.trim_ascii_start();
    let hint = if text.starts_with(b"0x") {
        "; it looks like hex: write the bytes themselves into a file"
    } else if text.starts_with(b"{") {
        "; it looks like JSON: a chain spec goes to --runtime-genesis, its code to a file of its own"
    } else if text.starts_with(b"PVM\0") {
        "; it is PolkaVM code, which this program does not run"
    } else {
        ""
    };
    Err(format!(
        "is not WebAssembly: it begins with {}{hint}",
        hex::encode(start)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_webassembly_is_told_by_its_first_bytes() {
        assert_eq!(check(b"\0asm\x01\0\0\0"), Ok(()));
        for (wrong, says) in [
            (&b""[..], "is empty"),
            (b"\n", "begins with 0a"),
            (b"0x0061736d01", "hex"),
            (b" {\"name\":1}", "JSON"),
            (b"PVM\0\0", "PolkaVM"),
            (&COMPRESSED, "cut short"),
        ] {
            let refused = check(wrong).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn a_compressed_file_is_unpacked_within_bounds() {
        let pack = |plain: &[u8]| sp_maybe_compressed_blob::compress_weakly(plain, usize::MAX).unwrap();
        let packed = pack(b"\0asm\x01\0\0\0 and so on, and so on");
        assert_eq!(check(&packed), Ok(()));
        assert!(check(&packed[..packed.len() - 9]).is_err());
        assert!(
            check(&pack(b"text"))
                .unwrap_err()
                .contains("unpacks, and is not WebAssembly")
        );

        let mut bomb = WASM.to_vec();
        bomb.resize(MAX_CODE + 1, 0);
        let bomb = pack(&bomb);
        assert!(bomb.len() < MAX_CODE / 100);
        assert!(check(&bomb).unwrap_err().contains("50 MiB"));
    }
}
