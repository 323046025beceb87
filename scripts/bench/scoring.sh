#!/usr/bin/env bash
# Completions scored per second and sentences embedded per second: ours against torch and onnxruntime, same inputs, same
# models, same number of threads, in turns within one run. Needs Python with pip; packages and models go to the cache folder.
#
#   scripts/bench/scoring.sh [--rounds N] [--threads N] [--json FILE]
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/torch-venv.sh
torch_venv "torch, transformers, onnx, onnxruntime" "torch transformers onnx onnxruntime safetensors"
if [ -z "${SCORING_BENCH:-}" ]; then
    cargo build --release -p axoneme-scoring --example bench_scoring
    SCORING_BENCH="${CARGO_TARGET_DIR:-target}/release/examples/bench_scoring"
fi
exec "$venv/bin/python" scripts/bench/scoring.py --bench "$SCORING_BENCH" --cache "$cache" "$@"
