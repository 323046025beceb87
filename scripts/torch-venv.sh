# Sourced by what compares with torch: `torch_venv IMPORTS PACKAGES` sets `cache`, the project's cache folder, and `venv`,
# an environment in it that can import the modules of IMPORTS; where it cannot, PACKAGES are installed first.
torch_venv() {
    cache="${AXONEME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/axoneme}"
    venv="$cache/venvtorch"
    if [ ! -x "$venv/bin/python" ]; then
        python3 -m venv "$venv"
    fi
    if ! "$venv/bin/python" -c "import $1" 2>/dev/null; then
        # Several words on purpose.
        # shellcheck disable=SC2086
        "$venv/bin/pip" install -q $2
    fi
}
