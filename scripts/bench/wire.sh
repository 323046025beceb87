#!/usr/bin/env bash
# The wire, side by side in one run: our axon, the Python SDK 10 axon, the Python kit's miner, and what a signature
# check alone costs; our dendrite and Python's. Prints the rows of docs/benchmarks.md, section "Wire".
#
#   scripts/bench/wire.sh [--short] [--rounds N] [--seconds S] [--json FILE]
#
# Needs Linux with two cores, taskset, and python3 (3.10 to 3.12). BENCH_VENV10 and BENCH_VENV11 name virtual
# environments with bittensor 10.5.0, and with bittensor 11.3.0 and taowire 0.1.0a2; they are made when they are not
# there. BENCH_PROGRAM names a program that was built before. Ends by itself within ten minutes; --short within three.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BENCH_VENV10=${BENCH_VENV10:-$HOME/.cache/axoneme/venv10}
export BENCH_VENV11=${BENCH_VENV11:-$HOME/.cache/axoneme/venv11}

# environment FOLDER MODULE PACKAGE... : makes a virtual environment unless it has the module already.
environment() {
    local venv=$1 module=$2
    shift 2
    "$venv/bin/python" -c "import $module" 2>/dev/null && return
    mkdir -p "$(dirname "$venv")"
    # Two runs must not build the environment into each other. `mkdir` is the lock: it succeeds for one only.
    until mkdir "$venv.lock" 2>/dev/null; do sleep 2; done
    trap 'rmdir "$venv.lock"' EXIT
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "$@"
    rmdir "$venv.lock"
    trap - EXIT
}
environment "$BENCH_VENV10" bittensor bittensor==10.5.0
environment "$BENCH_VENV11" taowire bittensor==11.3.0 taowire==0.1.0a2

if [ -z "${BENCH_PROGRAM:-}" ]; then
    cargo build --release -p axoneme-bench --example wire_bench
    BENCH_PROGRAM=${CARGO_TARGET_DIR:-target}/release/examples/wire_bench
fi
export BENCH_PROGRAM
exec timeout --kill-after=10 600 python3 scripts/bench/wire.py "$@"
