#!/usr/bin/env bash
# A metagraph of 256 neurons, side by side on one development chain: ours and the Python SDK 10's.
#
#   scripts/bench/metagraph.sh [--neurons N] [--rounds N]
#
# BENCH_VENV10 names a virtual environment with bittensor 10.5.0; it is made when it is not there. BENCH_PROGRAM names
# a program that was built before. Ends by itself within ten minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BENCH_VENV10=${BENCH_VENV10:-$HOME/.cache/axoneme/venv10}
if ! "$BENCH_VENV10/bin/python" -c "import bittensor" 2>/dev/null; then
    python3 -m venv "$BENCH_VENV10"
    "$BENCH_VENV10/bin/pip" install --quiet bittensor==10.5.0
fi
if [ -z "${BENCH_PROGRAM:-}" ]; then
    cargo build --release -p axoneme-chain --example metagraph_bench
    BENCH_PROGRAM=${CARGO_TARGET_DIR:-target}/release/examples/metagraph_bench
fi
exec timeout --kill-after=10 600 "$BENCH_PROGRAM" --python "$BENCH_VENV10/bin/python" \
    --script scripts/bench/metagraph.py "$@"
