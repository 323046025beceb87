#!/usr/bin/env bash
# A miner in front of a real server with OpenAI's chat completions: llama.cpp's own, from PyPI, with the model that this
# project fetches anyway. Runs the test that is skipped where no such server is named.
#
# OPENAI_VENV names a virtual environment with xllamacpp; it is made when it is not there. To test another server (vLLM,
# TGI, ...), set AXONEME_OPENAI_URL (http://host:port/v1), AXONEME_OPENAI_MODEL and OPENAI_API_KEY and run the last line.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${OPENAI_VENV:-$HOME/.cache/axoneme/venv-llama}
if ! "$venv/bin/python" -c "import xllamacpp" 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet xllamacpp==2026.10.11549
fi
cache=${AXONEME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/axoneme}
model=$cache/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf
[ -e "$model" ] || cargo run --release -- models
scratch=$(mktemp -d)
mkfifo "$scratch/stdin"
export OPENAI_API_KEY=${OPENAI_API_KEY:-a-key-for-this-machine}
"$venv/bin/python" scripts/interop/openai_server.py "$model" <"$scratch/stdin" >"$scratch/out" 2>"$scratch/err" &
server=$!
exec 9>"$scratch/stdin"
trap 'exec 9>&-; kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 240); do
    grep -q '^listening ' "$scratch/out" && break
    kill -0 "$server" 2>/dev/null || { tail -20 "$scratch/err" >&2; exit 1; }
    sleep 0.5
done
AXONEME_OPENAI_URL=$(sed -n 's/^listening //p' "$scratch/out")/v1
export AXONEME_OPENAI_URL AXONEME_OPENAI_MODEL=${AXONEME_OPENAI_MODEL:-smollm2}
cargo test --release -p axoneme --test it -- --nocapture openai::
