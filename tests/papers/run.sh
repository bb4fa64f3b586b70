#!/usr/bin/env bash
# Runs as papers tell them, held against the validators of RO-Crate and OpenLineage: tests/papers/run.sh BINARY [TEST…]
set -euo pipefail
cd "$(dirname "$0")"
RIGI_BIN=$(realpath "$1")
export RIGI_BIN
shift
python=$(../venv.sh paper-tests rocrate_validator,rocrate,openlineage.client roc-validator==0.13.0 rocrate==0.16.0 openlineage-python==1.54.0)
exec "$python" -B papers_test.py "$@"
