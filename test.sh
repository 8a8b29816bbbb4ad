#!/bin/sh
# The tests:  sh test.sh [pytest's arguments]
#
# Makes its own environment (VENV, default .venv) and installs facsim with its test tools there. After that, no network.
set -eu
cd "$(dirname "$0")"
. scripts/environment.sh

prepare_environment ".[dev]" test

say "running the tests"
exec env OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 "$VENV/bin/python" -m pytest -q -n "${TEST_WORKERS:-2}" "$@"
