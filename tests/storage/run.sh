#!/usr/bin/env bash
# Who may do what with files, on each kind of storage, with the binary that is named: tests/storage/run.sh BINARY [TEST…]
# MINIO says where one is: address, key and secret.
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
venv=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/storage-tests
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import awscli, boto3, pyarrow, s3fs' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check awscli boto3 pyarrow s3fs
exec "$venv/bin/python" -B storage_test.py "$@"
