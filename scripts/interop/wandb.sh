#!/usr/bin/env bash
# Exported events in the hands of others: runs read by wandb's own package record by record, uploaded by its own client
# (`wandb sync`) to a server on this machine, and tables read by pyarrow. Nothing leaves the machine.
#
#   scripts/interop/wandb.sh
#
# Needs python3 (3.10 to 3.12). INTEROP_VENVWANDB and INTEROP_VENVWANDB_OLD name virtual environments with wandb 0.31.0 and
# pyarrow, and with wandb 0.19.11, the last with a reader of logs in Python; they are made when they are not there. BINARIES
# names a folder with built examples. Ends with 0 only if everything arrived equal.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${INTEROP_VENVWANDB:-$HOME/.cache/axoneme/venvwandb}
old=${INTEROP_VENVWANDB_OLD:-$HOME/.cache/axoneme/venvwandb019}
here=scripts/interop/wandb
make_venv() {
    local folder=$1
    shift
    if [ ! -x "$folder/bin/wandb" ]; then
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet "$@"
    fi
}
make_venv "$venv" wandb==0.31.0 pyarrow
make_venv "$old" wandb==0.19.11

if [ -n "${BINARIES:-}" ]; then
    examples=$BINARIES
else
    cargo build --release -p axoneme-tracking --example export_events
    examples=${CARGO_TARGET_DIR:-target}/release/examples
fi
scratch=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT

mkdir "$scratch/events" "$scratch/out" "$scratch/home"
python3 $here/events.py write "$scratch/events"
"$examples/export_events" "$scratch/events" "$scratch/out" >"$scratch/runs"
mapfile -t runs <"$scratch/runs"
"$venv/bin/python" $here/events.py table "$scratch/events" "$scratch/out/events.parquet"
"$old/bin/python" $here/events.py log "$scratch/events" "${runs[@]}"
python3 $here/events.py kill "${runs[-1]}"

mkfifo "$scratch/input"
python3 $here/server.py "$scratch/result.json" <"$scratch/input" >"$scratch/server" &
server=$!
exec 9>"$scratch/input"
for _ in $(seq 100); do grep -q ready "$scratch/server" && break || sleep 0.1; done
# A key of the right form: the server here takes any.
HOME=$scratch/home WANDB_BASE_URL=$(awk '/ready/ { print $2 }' "$scratch/server") \
    WANDB_API_KEY=$(printf 'a%.0s' {1..40}) WANDB_DIR=$scratch WANDB_ERROR_REPORTING=false \
    timeout 120 "$venv/bin/wandb" sync "${runs[@]}" >"$scratch/sync" 2>&1 || {
    cat "$scratch/sync"
    echo "wandb sync failed"
    exit 1
}
exec 9>&-
wait "$server"
server=
python3 $here/events.py synced "$scratch/events" "$scratch/result.json" "${runs[@]}"
echo "wandb.sh: everything arrived equal"
