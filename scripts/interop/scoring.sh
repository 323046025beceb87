#!/usr/bin/env bash
# Every architecture of crates/scoring against the transformers package, on texts longer than any window, block or bucket of
# theirs: small models with random weights are made, saved by the package itself, and asked by both sides.
#
#   scripts/interop/scoring.sh [NAME]
#
# Needs Python with pip. AXONEME_CACHE names the folder for packages and models. SCORING_BENCH names the built example.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/torch-venv.sh
torch_venv "torch, transformers" "torch transformers safetensors"
if [ -z "${SCORING_BENCH:-}" ]; then
    cargo build --release -p axoneme-scoring --example bench_scoring
    SCORING_BENCH="${CARGO_TARGET_DIR:-target}/release/examples/bench_scoring"
fi
exec "$venv/bin/python" scripts/interop/scoring.py "$SCORING_BENCH" "$@"
