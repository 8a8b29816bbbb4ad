# Sourced by quickstart.sh and test.sh, from the repository's root: an environment with facsim in it.
#
#     prepare_environment ".[dev]" test     makes $VENV and installs; does nothing where that was done before
#
# VENV                 where it goes (default .venv)
# PYTHON               the interpreter to make it with (default: the first of 3.11, 3.12, 3.13 and python3 that fits)
# FACSIM_TORCH_INDEX   another index to look for torch in, such as https://download.pytorch.org/whl/cpu, where plain
#                      `pip install torch` would take a CUDA build of several gigabytes

VENV="${VENV:-.venv}"

say() {
    printf '%s\n' "-- $*"
}

find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    printf '%s\n' "no Python 3.11 or newer found (tried ${PYTHON:-python3.11 python3.12 python3.13 python3 python});" \
        "install one, or name it: PYTHON=/path/to/python3.11" >&2
    return 1
}

# What an installation depends on; when none of it has changed, nothing is installed and no network is needed.
installation_stamp() {
    printf '%s ' "$1"
    cat pyproject.toml constraints.txt | cksum
}

prepare_environment() {
    if [ ! -x "$VENV/bin/python" ]; then
        python=$(find_python) || return 1
        say "making the environment $VENV with $("$python" --version)"
        "$python" -m venv "$VENV" || return 1
    fi
    stamp="$VENV/facsim-$2.stamp"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(installation_stamp "$1")" ]; then
        say "facsim and what it needs are installed in $VENV"
        return 0
    fi
    say "installing facsim and what it needs into $VENV (once; a few minutes)"
    quiet=--quiet
    [ -t 1 ] && quiet='' # somebody is watching
    # One command, so that the pinned torch is in force for every package that asks for torch.
    "$VENV/bin/python" -m pip install $quiet --disable-pip-version-check --constraint constraints.txt \
        ${FACSIM_TORCH_INDEX:+--extra-index-url "$FACSIM_TORCH_INDEX"} "torch==2.13.0" --editable "$1" || return 1
    installation_stamp "$1" >"$stamp"
}
