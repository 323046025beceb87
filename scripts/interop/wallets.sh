#!/usr/bin/env bash
# Keyfiles between this repository and the real Python wallets of SDK 10 and 11: each opens what the other wrote, plain
# and encrypted, sr25519 and ed25519, made from words, seeds and URIs, with passwords in the field's own variables.
#
#   scripts/interop/wallets.sh
#
# KEYFILES names the built example `keyfiles` of crates/wallet, which is built when not given; VENV10 and VENV11 the
# virtual environments (see venvs.sh). Ends with 0 only if every file opened everywhere.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/venvs.sh
keyfiles=${KEYFILES:-}
if [ -z "$keyfiles" ]; then
    cargo build --release -p axoneme-wallet --example keyfiles
    keyfiles=${CARGO_TARGET_DIR:-target}/release/examples/keyfiles
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# One side's answer: its last line when all went well.
check() {
    local name=$1
    shift
    if "$@" >"$scratch/report" 2>"$scratch/report.err"; then
        echo "ok    $name: $(tail -n 1 "$scratch/report")"
    else
        echo "FAILED $name:" && tail -n 5 "$scratch/report.err"
        failed=1
    fi
}

"$keyfiles" write "$scratch/ours" >"$scratch/ours.lines"
for sdk in "10 $venv10" "11 $venv11"; do
    read -r version venv <<<"$sdk"
    python=("$venv/bin/python" scripts/interop/py_keyfiles.py)
    check "SDK $version opens our keyfiles" "${python[@]}" open "$scratch/ours" <"$scratch/ours.lines"
    theirs=$scratch/sdk$version
    if ! "${python[@]}" write "$theirs" >"$scratch/all" 2>"$scratch/report.err"; then
        echo "FAILED SDK $version writes keyfiles:" && tail -n 5 "$scratch/report.err"
        failed=1
        continue
    fi
    # SDK 10 prints a line of its own while it encrypts.
    grep -E '^(sr|ed)25519-' "$scratch/all" >"$scratch/lines"
    # Names of these variables are no shell names; env(1) takes them all the same.
    mapfile -t variables < <(cut -d' ' -f5 "$scratch/lines" | grep = || true)
    check "we open the keyfiles of SDK $version" env "${variables[@]}" "$keyfiles" read "$theirs" <"$scratch/lines"
done
exit "$failed"
