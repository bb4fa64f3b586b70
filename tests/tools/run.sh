#!/usr/bin/env bash
# Every tool of Debian's `topp` as a pipeline of the binary that is named: tests/tools/run.sh BINARY [TEST…]
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
venv=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tool-tests
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import jsonschema' 2>/dev/null || "$venv/bin/pip" install --quiet --disable-pip-version-check jsonschema==4.26.0
exec "$venv/bin/python" -B tools_test.py "$@"
