# Sourced: makes the virtual environments with the Python SDKs where they are missing and sets $venv10, $venv11 and, for
# the btcli that goes with SDK 10, $venvcli. INTEROP_VENV, INTEROP_VENV11 and INTEROP_VENVCLI name others. Needs
# python3, 3.10 to 3.12.

# Two runs must not build one environment into each other. `mkdir` is the lock: it succeeds for one only.
make_venv() {
    local venv=$1 probe=$2
    shift 2
    if "$venv/bin/python" -c "$probe" 2>/dev/null; then return; fi
    mkdir -p "$(dirname "$venv")"
    until mkdir "$venv.lock" 2>/dev/null; do sleep 2; done
    if ! "$venv/bin/python" -c "$probe" 2>/dev/null; then
        python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "$@" || {
            rmdir "$venv.lock"
            return 1
        }
    fi
    rmdir "$venv.lock"
}

venv10=${INTEROP_VENV:-$HOME/.cache/axoneme/venv10}
venv11=${INTEROP_VENV11:-$HOME/.cache/axoneme/venv11}
venvcli=${INTEROP_VENVCLI:-$HOME/.cache/axoneme/venvcli}
make_venv "$venv10" 'import bittensor' bittensor==10.5.0
# The kit on top of SDK 11 signs answers; h11 reads requests as the Python servers do.
make_venv "$venv11" 'import bittensor, taowire, h11' bittensor==11.3.0 taowire==0.1.0a2 h11
make_venv "$venvcli" 'import bittensor_cli' bittensor-cli==9.23.2
