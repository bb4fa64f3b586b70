#!/usr/bin/env bash
# Every tool of Debian's `topp` as a pipeline of the binary that is named: tests/tools/run.sh BINARY [TEST…]
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
python=$(../venv.sh tool-tests jsonschema jsonschema==4.26.0)
exec "$python" -B tools_test.py "$@"
