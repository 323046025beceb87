#!/usr/bin/env bash
# Prompt runs judged per minute, by the validator's own pipeline and by the reference functions in Python and torch: same
# answers, same models, one core each, in turns within one run, results compared. Needs Python with pip; packages and models
# go to the cache folder.
#
#   scripts/bench/steps.sh [--profile every|base] [--passes N] [--answers N] [--json FILE]
#
# On a busy machine: chrt -f 1 scripts/bench/steps.sh … gives both sides precedence (it needs root).
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/torch-venv.sh
torch_venv "torch, transformers, safetensors, rapidfuzz" "torch transformers safetensors rapidfuzz"
if [ -z "${STEPS_BENCH:-}" ]; then
    cargo build --release -p validator --example bench_steps
    STEPS_BENCH="${CARGO_TARGET_DIR:-target}/release/examples/bench_steps"
fi
exec taskset -c "${CORE:-0}" "$venv/bin/python" scripts/bench/steps.py --bench "$STEPS_BENCH" --cache "$cache" "$@"
