#!/usr/bin/env bash
# Completions scored per second and sentences embedded per second: ours against torch and onnxruntime, same inputs, same
# models, same number of threads, in turns within one run. Needs Python with pip; packages and models go to the cache folder.
#
#   scripts/bench/scoring.sh [--rounds N] [--threads N] [--json FILE]
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="${AXONEME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/axoneme}"
venv="$cache/venvtorch"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import torch, transformers, onnx, onnxruntime' 2>/dev/null; then
    "$venv/bin/pip" install -q torch transformers onnx onnxruntime safetensors
fi
if [ -z "${SCORING_BENCH:-}" ]; then
    cargo build --release -p axoneme-scoring --example bench_scoring
    SCORING_BENCH="${CARGO_TARGET_DIR:-target}/release/examples/bench_scoring"
fi
exec "$venv/bin/python" scripts/bench/scoring.py --bench "$SCORING_BENCH" --cache "$cache" "$@"
