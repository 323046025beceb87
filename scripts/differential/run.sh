#!/usr/bin/env bash
# The same requests, bent in some hundred ways, to the Python SDKs and to our axon: whoever serves what, and why.
#
#   scripts/differential/run.sh [CASES] [SEED]
#
# Four fifths go over the v10 wire (the axon of SDK 10.5), the rest over btauth/1 (the verifier of SDK 11.3). Ends with 0
# only if every difference is one that scripts/differential/rules.py explains. Case N of a seed is always the same
# request, up to its random signatures; the cases that were not explained stay in the folder that is printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/venvs.sh
cases=${1:-100000}
seed=${2:-$RANDOM$RANDOM}
shard=5000
echo "differential test: $cases cases, seed $seed"

if [ -z "${DIFFERENTIAL:-}" ]; then
    cargo build --release -p axoneme-axon --example differential
    DIFFERENTIAL=${CARGO_TARGET_DIR:-target}/release/examples/differential
fi
ours=$(realpath "$DIFFERENTIAL")
work=$(mktemp -d)
cd scripts/differential
failed=0

# Each program reads what the one before it wrote; a shard is some ten megabytes.
run_shard() {
    local wire=$1 python=$2 first=$3 count=$4 rules=$5
    "$python" "${wire}_cases.py" "$count" "$seed" "$first" >"$work/cases"
    "$python" "${wire}_answers.py" <"$work/cases" >"$work/python" &
    local python_pid=$!
    "$ours" <"$work/cases" >"$work/ours"
    wait "$python_pid"
    # Both wires are compared with SDK 10 at hand: a rule asks its classes.
    "$venv10/bin/python" compare.py "$work"/{cases,python,ours,unexplained} \
        --rules "$rules" --counts "$work/counts.$wire" >"$work/report" || failed=1
    if [ "$(wc -l <"$work/report")" -gt 1 ]; then head -n -1 "$work/report" | cut -c 1-2000; fi
    echo "$wire ${first}..$((first + count)): $(tail -n 1 "$work/report")"
}

v10=$((cases * 4 / 5))
for ((first = 0; first < v10; first += shard)); do
    run_shard v10 "$venv10/bin/python" "$first" "$((v10 - first < shard ? v10 - first : shard))" rules
done
btauth=$((cases - v10))
for ((first = 0; first < btauth; first += shard)); do
    run_shard btauth "$venv11/bin/python" "$first" "$((btauth - first < shard ? btauth - first : shard))" btauth_rules
done
"$venv10/bin/python" totals.py "$work"/counts.*
if [ "$failed" = 0 ]; then
    rm -r "$work"
else
    echo "unexplained differences: $work/unexplained"
fi
exit "$failed"
