#!/usr/bin/env bash
# What operators install: deploy/ held against a binary, without a cluster. .ci/run calls it as the step `deploy`.
#   run.sh BINARY
# With RIGI_DEPLOY_LONG=1 checkov looks too. cluster.sh (a real Kubernetes) and compose.sh (an engine) are called by hand: they say what they need.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
RIGI_BIN=$(realpath "${1:?usage: run.sh BINARY}")
export RIGI_BIN
[ -x "$RIGI_BIN" ] || { echo "there is no binary $RIGI_BIN" >&2; exit 1; }
programs=$("$here/build")
while IFS= read -r line; do export "${line?}"; done <<<"$programs"

venv=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/deploy-tests
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "pyyaml>=6" "kubernetes-validate>=1.34"
if [ -n "${RIGI_DEPLOY_LONG:-}" ]; then
    [ -x "$venv/bin/checkov" ] || "$venv/bin/pip" install --quiet --disable-pip-version-check checkov
    export CHECKOV=$venv/bin/checkov
fi
bash -n "$here"/*.sh "$here/build" "$here/postgres/start" "$here/../../deploy/kustomize/render.sh" "$here/../../deploy/compose/secrets.sh"
cd "$here"
exec "$venv/bin/python" -m unittest chart_test flows config_test watch_test unit_test lint_test
