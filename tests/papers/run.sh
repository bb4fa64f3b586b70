#!/usr/bin/env bash
# Runs as papers tell them, held against the validators of RO-Crate and OpenLineage: tests/papers/run.sh BINARY [TEST…]
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
venv=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/paper-tests
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import rocrate_validator, rocrate, openlineage.client' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check roc-validator==0.13.0 rocrate==0.16.0 openlineage-python==1.54.0
exec "$venv/bin/python" -B papers_test.py "$@"
