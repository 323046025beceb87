#!/usr/bin/env bash
# Real Python clients, unchanged, against the dev chain: SDK 10.5 and 11.3 and the btcli that goes with each. Everything
# they say is compared with the chain's storage, read by other code (chain/raw.py).
#
#   scripts/interop/chain.sh
#
# LOCALNET names the built `localnet`, which is built when not given; ENDPOINT (ws://...) a running one instead, which
# must be fresh. CHAIN_TRACE=1 shows where a check failed. Ends with 0 only if every check went as it should.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/venvs.sh
here=scripts/interop/chain
scratch=$(mktemp -d)
pid=
cleanup() {
    if [ -n "$pid" ]; then kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap cleanup EXIT

endpoint=${ENDPOINT:-}
if [ -z "$endpoint" ]; then
    localnet=${LOCALNET:-}
    if [ -z "$localnet" ]; then
        cargo build --release -p localnet
        localnet=${CARGO_TARGET_DIR:-target}/release/localnet
    fi
    "$localnet" --port 0 --data-dir "$scratch/chain" --log warn >"$scratch/localnet" 2>"$scratch/localnet.err" &
    pid=$!
    for _ in $(seq 300); do
        endpoint=$(sed -n 's/^endpoint *//p' "$scratch/localnet")
        if [ -n "$endpoint" ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.1
    done
    if [ -z "$endpoint" ]; then
        echo "localnet did not start:" && cat "$scratch/localnet.err"
        exit 1
    fi
fi

# The clients keep settings and caches in the home folder; these go away afterwards.
mkdir "$scratch/home10" "$scratch/home11"
export HOME=$scratch/home10
unset BT_NETWORK BT_WALLET BT_WALLET_HOTKEY BT_WALLET_PATH BT_SUBTENSOR_CHAIN_ENDPOINT BT_CHAIN_ENDPOINT BT_MEV_PROTECTION
export BT_NO_PARSE_CLI_ARGS=1 NO_COLOR=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here

wallets=$scratch/wallets
"$venv10/bin/python" $here/wallets10.py "$wallets" owner //Alice //Alice//hot ten //Bob //Bob//hot \
    eleven //Charlie //Charlie//hot cli10 //Dave //Dave//hot cli11 //Eve //Eve//hot >"$scratch/keys"

failed=0
# `part HOME SECONDS COMMAND...`: each has a limit; what is right takes a fraction of it.
part() {
    local home=$scratch/home$1
    shift
    HOME=$home timeout --kill-after=10 "$@" 2>"$scratch/part.err" || {
        failed=1
        tail -n 15 "$scratch/part.err"
    }
}
keys_of() { sed -n "s/^$1 //p" "$scratch/keys"; }

part 10 300 "$venv10/bin/python" $here/sdk10.py "$endpoint" "$wallets"
part 11 300 "$venv11/bin/python" $here/sdk11.py "$endpoint" "$wallets"
# shellcheck disable=SC2046 # two words on purpose
part 10 400 "$venv10/bin/python" $here/btcli10.py "$endpoint" "$wallets" $(keys_of cli10) "$venvcli/bin/btcli"
# shellcheck disable=SC2046
part 11 400 "$venv10/bin/python" $here/btcli11.py "$endpoint" "$wallets" $(keys_of cli11) "$venv11/bin/btcli"
if [ "$failed" != 0 ] && [ -s "$scratch/localnet.err" ]; then tail -n 15 "$scratch/localnet.err"; fi
exit "$failed"
