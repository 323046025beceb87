#!/usr/bin/env bash
# Our axon and dendrite against the real Python peers, both ways, over loopback with development keys: SDK 10 over the
# v10 wire, SDK 11 and the kit over btauth/1 with signed answers, unary and streaming. Then the differential test, short,
# and the wallets.
#
#   scripts/interop/run.sh [REQUESTS] [AT ONCE] [DIFFERENTIAL CASES]
#
# Needs python3 (3.10 to 3.12). INTEROP_VENV and INTEROP_VENV11 name virtual environments with the SDKs; they are made
# when they are not there. BINARIES names a folder with built examples. Ends with 0 only if every exchange went as it
# should.
set -euo pipefail
cd "$(dirname "$0")/../.."
requests=${1:-1000}
at_once=${2:-32}
cases=${3:-3000}
. scripts/interop/venvs.sh
python=$venv10/bin/python
python11=$venv11/bin/python

if [ -n "${BINARIES:-}" ]; then
    examples=$BINARIES
else
    cargo build --release -p axoneme-axon --example echo_axon --example differential \
        -p axoneme-dendrite --example query -p axoneme-wallet --example new_wallet --example keyfiles
    examples=${CARGO_TARGET_DIR:-target}/release/examples
fi
scratch=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap cleanup EXIT
failed=0

# `serve NAME COMMAND...` starts a server and waits for its `ready` line; sets $address and $hotkey.
serve() {
    local out=$scratch/$1 word
    shift
    # A pipe that stays open: our example ends with its input.
    "$@" >"$out" 2>"$out.err" < <(sleep infinity & echo $! >"$out.sleep"; wait) &
    pids+=($!)
    for _ in $(seq 600); do
        if [ -s "$out" ] && read -r word address hotkey <"$out" && [ "$word" = ready ]; then
            pids+=("$(cat "$out.sleep")")
            return
        fi
        sleep 0.1
    done
    echo "server did not start:" && cat "$out" "$out.err"
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

# The command must end with another code than 0, and not by a crash.
not_right() {
    local code=0
    "$@" || code=$?
    [ "$code" = 1 ]
}

# Whether the axon said so often that a handler was cancelled, within some seconds.
cancelled() {
    local count
    for _ in $(seq 50); do
        count=$(grep -c '^cancelled' "$scratch/axon" || true)
        if [ "$count" -ge "$1" ]; then echo "$count handlers" && return; fi
        sleep 0.1
    done
    echo "$count of $1 handlers" && return 1
}

mallory=$("$python" -c 'from bittensor_wallet import Keypair; print(Keypair.create_from_uri("//Mallory").ss58_address)')
odd=$'it\'s "ok" \\ \té 日本 😀 \u200b\u00a0'
words='the quick brown fox, line\nand a second line, 日本 and 😀'
words=${words//\\n/$'\n'}

# A Python dendrite and our axon.
serve axon "$examples/echo_axon" 127.0.0.1:0 //Bob "$mallory" --unlimited
ask=("$python" scripts/interop/py_dendrite.py "$address" "$hotkey")
load=(--count "$requests" --at-once "$at_once")
check "python dendrite, $requests requests, $at_once at once" "${ask[@]}" "${load[@]}"
check "python dendrite, $requests streams, $at_once at once" "${ask[@]}" "${load[@]}" --stream --message 'words of answer {i}'
check "python dendrite, every kind of quote and script" "${ask[@]}" --message "$odd \U0001fae8"
check "python dendrite, a stream with lines and scripts" "${ask[@]}" --stream --message "$words" --pieces 5
check "python dendrite, older class style" "${ask[@]}" --style field
check "python dendrite, own address" "${ask[@]}" --own-ip 127.0.0.1
check "python dendrite, handler error" "${ask[@]}" --message status:429 --expect 429
check "python dendrite, handler panic" "${ask[@]}" --message panic --expect 500
check "python dendrite, stream that fails before it starts" "${ask[@]}" --stream --message status:503 --expect 503
check "python dendrite, stream that breaks off" "${ask[@]}" --stream --message 'break it' --expect 400
check "python dendrite, refused caller" "${ask[@]}" --key //Mallory --expect 403
check "python dendrite, another axon's hotkey" "$python" scripts/interop/py_dendrite.py "$address" "$mallory" --expect 401
check "python dendrite, slow handler" "${ask[@]}" --message sleep:5 --timeout 1 --expect 408,504
check "the slow handler was cancelled" cancelled 1
check "python dendrite, leaves a stream without end" "${ask[@]}" --stream --message 'for ever' --timeout 1 --expect 408,400
check "the stream without end was cancelled" cancelled 2

# SDK 11 and our axon, which is the same one.
sdk=("$python11" scripts/interop/bt_client.py "$address" "$hotkey")
check "SDK 11, $requests signed requests, $at_once at once" "${sdk[@]}" "${load[@]}"
check "SDK 11, $requests signed streams, $at_once at once" "${sdk[@]}" "${load[@]}" --stream --message 'words of answer {i}'
check "SDK 11, ed25519 caller" "${sdk[@]}" --ed25519 --count 20 --at-once 4
check "SDK 11, every kind of quote and script" "${sdk[@]}" --message "$odd"
check "SDK 11, a stream with lines and scripts" "${sdk[@]}" --stream --message "$words"
check "SDK 11, handler error, signed" "${sdk[@]}" --message status:429 --expect 429
check "SDK 11, handler panic, signed" "${sdk[@]}" --message panic --expect 500
check "SDK 11, refused caller, signed" "${sdk[@]}" --key //Mallory --expect 403
check "SDK 11, attacks" "${sdk[@]}" --attacks
check "SDK 11, attacks on a stream" "${sdk[@]}" --attacks --stream
check "SDK 11, attacks of an ed25519 caller" "${sdk[@]}" --attacks --ed25519
serve axon-ed "$examples/echo_axon" 127.0.0.1:0 ed25519://Bob --unlimited
check "SDK 11, answers signed with ed25519" "$python11" scripts/interop/bt_client.py "$address" "$hotkey" --count 20 --at-once 4
check "SDK 11, streams signed with ed25519" "$python11" scripts/interop/bt_client.py "$address" "$hotkey" --count 20 --at-once 4 --stream

# Our dendrite and a Python axon.
query() { "$examples/query" "$address" "$hotkey" "$@"; }
serve py "$python" scripts/interop/py_axon.py --style classvar
check "rust dendrite, $requests requests, $at_once at once" query "$requests" "$at_once"
check "rust dendrite, $requests streams, $at_once at once" query "$requests" "$at_once" 'words of answer {i}' --stream
check "rust dendrite, every kind of quote and script" query 1 1 "$odd"
check "rust dendrite, a stream with lines and scripts" query 1 1 "$words" --stream
# The Python axon ends such a stream as if it were whole; what came is not what was asked for.
check "rust dendrite, a stream that breaks off" not_right query 1 1 'break it' --stream
serve py2 "$python" scripts/interop/py_axon.py --style field
check "rust dendrite, older class style" query 20 4

# Our dendrite and a server with SDK 11 and the kit.
for scheme in sr25519 ed25519; do
    flag=$([ "$scheme" = ed25519 ] && echo --ed25519 || true)
    count=$([ "$scheme" = ed25519 ] && echo 20 || echo "$requests")
    # shellcheck disable=SC2086 # no flag is no word
    serve "bt-$scheme" "$python11" scripts/interop/bt_server.py $flag
    check "rust dendrite, $count btauth requests to $scheme, $at_once at once" query "$count" "$at_once" --btauth
    check "rust dendrite, $count btauth streams from $scheme, $at_once at once" query "$count" "$at_once" 'words of answer {i}' --btauth --stream
    # shellcheck disable=SC2086
    check "rust dendrite with an $scheme key" query 20 4 --btauth $flag
    check "rust dendrite, a btauth stream with lines and scripts" query 1 1 "$words" --btauth --stream
    for kind in 'unsigned' 'wrong body' 'wrong key'; do
        check "rust dendrite does not take: $kind" query 1 1 "$kind" --btauth --expect 422
    done
    check "rust dendrite does not take a stream: no end" query 1 1 'no end' --btauth --stream --expect 400
    for kind in 'unsigned' 'wrong key' 'wrong digest'; do
        check "rust dendrite does not take a stream: $kind" query 1 1 "$kind" --btauth --stream --expect 422
    done
done

# The Python wallet opens wallets of ours, with random and with development keys.
for keys in "" "//Alice //Bob"; do
    name=wallet${keys:+-dev}
    # shellcheck disable=SC2086 # two words on purpose
    addresses=$("$examples/new_wallet" "$scratch" "$name" $keys)
    # shellcheck disable=SC2086
    check "python wallet, $name" "$python" scripts/interop/py_wallet.py "$scratch" "$name" $addresses
done
KEYFILES=$examples/keyfiles scripts/interop/wallets.sh || failed=1

# Always the same cases here; run it by itself, with another seed every time, to look for more.
DIFFERENTIAL=$examples/differential scripts/differential/run.sh "$cases" 1 || failed=1
exit "$failed"
