#!/usr/bin/env bash
# Our axon and dendrite against the real Python SDK 10, both ways, over loopback with development keys.
#
#   scripts/interop/run.sh [REQUESTS] [AT ONCE]
#
# Needs python3 (3.10 to 3.12). INTEROP_VENV names a virtual environment with bittensor 10.5.0; it is made when it is
# not there. Ends with 0 only if every exchange went as it should.
set -euo pipefail
cd "$(dirname "$0")/../.."
requests=${1:-300}
at_once=${2:-32}
venv=${INTEROP_VENV:-$HOME/.cache/axoneme/venv10}
python=$venv/bin/python

# Two runs must not build the environment into each other. `mkdir` is the lock: it succeeds for one only.
if ! "$python" -c 'import bittensor' 2>/dev/null; then
    mkdir -p "$(dirname "$venv")"
    until mkdir "$venv.lock" 2>/dev/null; do sleep 2; done
    trap 'rmdir "$venv.lock"' EXIT
    if ! "$python" -c 'import bittensor' 2>/dev/null; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet bittensor==10.5.0
    fi
    rmdir "$venv.lock"
    trap - EXIT
fi

cargo build --release -p axoneme-axon --example echo_axon -p axoneme-dendrite --example query \
    -p axoneme-wallet --example new_wallet
examples=${CARGO_TARGET_DIR:-target}/release/examples
scratch=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap cleanup EXIT
failed=0

# Waits for the line a server prints when it is ready; sets $address and $hotkey.
wait_ready() {
    for _ in $(seq 600); do
        if [ -s "$1" ] && read -r word address hotkey <"$1" && [ "$word" = ready ]; then return; fi
        sleep 0.1
    done
    echo "server did not start:" && cat "$1"*
    exit 1
}

check() {
    local name=$1
    shift
    if "$@" >"$scratch/report" 2>"$scratch/report.err"; then
        echo "ok    $name: $(tail -n 1 "$scratch/report")"
    else
        echo "FAILED $name: $(tail -n 1 "$scratch/report")" && tail -n 5 "$scratch/report.err"
        failed=1
    fi
}

mallory=$("$python" -c 'from bittensor_wallet import Keypair; print(Keypair.create_from_uri("//Mallory").ss58_address)')

# A Python dendrite and our axon. A pipe that stays open keeps it running.
mkfifo "$scratch/stdin"
"$examples/echo_axon" 127.0.0.1:0 //Bob "$mallory" >"$scratch/axon" 2>"$scratch/axon.err" <"$scratch/stdin" &
pids+=($!)
exec 9>"$scratch/stdin"
wait_ready "$scratch/axon"
ask=("$python" scripts/interop/py_dendrite.py "$address" "$hotkey")
check "python dendrite, $requests requests, $at_once at once" "${ask[@]}" --count "$requests" --at-once "$at_once"
check "python dendrite, every kind of quote and script" "${ask[@]}" --message $'it\'s "ok" \\ \té 日本 😀 \u200b\u00a0 \U0001fae8'
check "python dendrite, older class style" "${ask[@]}" --style field
check "python dendrite, own address" "${ask[@]}" --own-ip 127.0.0.1
check "python dendrite, handler error" "${ask[@]}" --message status:429 --expect 429
check "python dendrite, handler panic" "${ask[@]}" --message panic --expect 500
check "python dendrite, refused caller" "${ask[@]}" --key //Mallory --expect 403
check "python dendrite, slow handler" "${ask[@]}" --message sleep:5 --timeout 1 --expect 408,504
check "python dendrite, another axon's hotkey" "$python" scripts/interop/py_dendrite.py "$address" "$mallory" --expect 401
exec 9>&-

# Our dendrite and a Python axon.
"$python" scripts/interop/py_axon.py --style classvar >"$scratch/py" 2>"$scratch/py.err" &
pids+=($!)
wait_ready "$scratch/py"
check "rust dendrite, $requests requests, $at_once at once" "$examples/query" "$address" "$hotkey" "$requests" "$at_once"
check "rust dendrite, every kind of quote and script" "$examples/query" "$address" "$hotkey" 1 1 $'it\'s "ok" \\ \té 日本 😀 \u200b\u00a0'
"$python" scripts/interop/py_axon.py --style field >"$scratch/py2" 2>"$scratch/py2.err" &
pids+=($!)
wait_ready "$scratch/py2"
check "rust dendrite, older class style" "$examples/query" "$address" "$hotkey" 20 4

# The Python wallet opens wallets of ours, with random and with development keys.
for keys in "" "//Alice //Bob"; do
    name=wallet${keys:+-dev}
    # shellcheck disable=SC2086 # two words on purpose
    addresses=$("$examples/new_wallet" "$scratch" "$name" $keys)
    # shellcheck disable=SC2086
    check "python wallet, $name" "$python" scripts/interop/py_wallet.py "$scratch" "$name" $addresses
done
exit "$failed"
