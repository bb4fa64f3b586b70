#!/usr/bin/env bash
# Who may do what with files, on each kind of storage, with the binary that is named: tests/storage/run.sh BINARY [TEST…]
# MINIO says where one is: address, key and secret.
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
python=$(../venv.sh storage-tests awscli,boto3,pyarrow,s3fs awscli boto3 pyarrow s3fs)
exec "$python" -B storage_test.py "$@"
