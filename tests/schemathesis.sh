#!/bin/sh
# Holds a running server against the description of its API: no server error, no answer that the description does not allow.
#
#   tests/schemathesis.sh BINARY [SECONDS]
#
# What the description cannot say is left out: that a valid text is also the name of something (positive_data_acceptance),
# and that an empty value counts as not given (negative_data_rejection). Streams of events do not end, and have tests of
# their own (tests/e2e/live.spec.ts).
set -eu
BINARY=$1
SECONDS_EACH=${2:-100}
HERE=$(cd "$(dirname "$0")/.." && pwd)
VENV=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/schemathesis
PLACE=$(mktemp -d)
SERVER=

tidy() {
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2>/dev/null || true
        wait "$SERVER" 2>/dev/null || true
    fi
    rm -rf "$PLACE"
}
trap tidy EXIT

if [ ! -x "$VENV/bin/schemathesis" ]; then
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4.32,<5'
fi

mkdir -p "$PLACE/pipelines/co2-trend"
cat >"$PLACE/pipelines/co2-trend/pipeline.yaml" <<'SPEC'
command: [sh, -c, 'echo begun; mkdir "$RIGI_OUTPUTS/deep"; echo x >"$RIGI_OUTPUTS/deep/a.txt"; cat "$RIGI_PARAMS"']
parameters:
  start: {type: integer, default: 1990, minimum: 1958}
  name: {type: string, maxLength: 20}
inputs:
  table: {required: false}
SPEC

# A server takes its settings from variables of this name.
unset $(env | sed -n 's/^\(RIGI_[A-Z0-9_]*\)=.*/\1/p')
"$BINARY" up "$PLACE/pipelines" --data "$PLACE/data" --port 0 >"$PLACE/said" 2>"$PLACE/log" &
SERVER=$!
for _ in $(seq 200); do
    [ -s "$PLACE/data/server.json" ] && break
    sleep 0.05
done
if [ ! -s "$PLACE/data/server.json" ]; then
    echo "the server does not start:" && cat "$PLACE/said" "$PLACE/log"
    exit 1
fi
said() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$PLACE/data/server.json" "$1"; }

cd "$PLACE"
status=0
"$VENV/bin/schemathesis" run "$HERE/docs/reference/openapi.json" --url "$(said url)" \
    -H "Authorization: Bearer $(said token)" --exclude-path-regex '((v1|\{project\})/events|/stream)$' \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth,missing_required_header,allow_header_conformance \
    --max-time "$SECONDS_EACH" --request-timeout 10 --continue-on-failure --no-shrink --warnings off --no-color || status=$?

if ! kill -0 "$SERVER" 2>/dev/null; then
    echo "the server has ended:" && tail -n 20 "$PLACE/log"
    status=1
fi
if grep -q 'a request failed' "$PLACE/log"; then
    grep 'a request failed' "$PLACE/log" | head -n 20
    status=1
fi
exit "$status"
