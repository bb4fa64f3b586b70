#!/usr/bin/env bash
# Uploads that go on where they broke off, by clients of others and the terminal, while server and clients are killed:
# tests/uploads/run.sh BINARY [TEST…]. KILLS=20 kills so often.
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
[ -d ../node_modules/tus-js-client ] || (cd .. && npm ci --no-audit --no-fund >&2)
python=$(../venv.sh upload-tests tusclient tuspy==1.1.0)
# Clients of others leave files open.
exec "$python" -B -W ignore::ResourceWarning uploads_test.py "$@"
