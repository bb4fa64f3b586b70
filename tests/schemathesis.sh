#!/bin/sh
# Holds a running server against the description of its API: no server error, no answer that the description does not allow.
#
#   tests/schemathesis.sh BINARY [SECONDS]
#
# Once as the one who has the server for themselves, and for a fifth of the time each as a viewer, runner, editor and owner of a project
# and as an administrator of a server for a team.
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
status=0

# up NAME [FLAG…]: a server on a data folder of its own.
up() {
    DATA=$PLACE/$1
    shift
    "$BINARY" up "$PLACE/pipelines" --data "$DATA" --port 0 "$@" >"$DATA.said" 2>"$DATA.log" &
    SERVER=$!
    for _ in $(seq 200); do
        [ -s "$DATA/server.json" ] && break
        sleep 0.05
    done
    if [ ! -s "$DATA/server.json" ]; then
        echo "the server does not start:" && cat "$DATA.said" "$DATA.log"
        exit 1
    fi
}

said() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$DATA/server.json" "$1"; }

# ask TOKEN SECONDS MORE…: as whoever has the token.
ask() {
    token=$1 seconds=$2
    shift 2
    SCHEMATHESIS_HOOKS=$HERE/tests/schemathesis_hooks.py "$VENV/bin/schemathesis" run "$HERE/docs/reference/openapi.json" --url "$(said url)" \
        -H "Authorization: Bearer $token" --exclude-path-regex '((v1|\{project\})/events|/stream|/session)$' \
        --max-time "$seconds" --request-timeout 30 --continue-on-failure --no-shrink --warnings off --no-color "$@" || status=$?
}

# down: it must still be there, and have failed at nothing.
down() {
    if ! kill -0 "$SERVER" 2>/dev/null; then
        echo "the server has ended:" && tail -n 20 "$DATA.log"
        status=1
    fi
    if grep -q 'a request failed' "$DATA.log"; then
        grep 'a request failed' "$DATA.log" | head -n 20
        status=1
    fi
    kill "$SERVER" 2>/dev/null || true
    wait "$SERVER" 2>/dev/null || true
    SERVER=
}

cd "$PLACE"
up one
ask "$(said token)" "$SECONDS_EACH" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth,missing_required_header,allow_header_conformance
down

up team --team
for role in viewer runner editor owner administrator; do
    "$BINARY" people add "The $role" --service --data "$DATA" >/dev/null
    if [ "$role" = administrator ]; then
        "$BINARY" people promote "The $role" --data "$DATA" >/dev/null
    else
        "$BINARY" members set "The $role" "$role" --data "$DATA" >/dev/null
    fi
    echo "as $role"
    ask "$("$BINARY" tokens add schemathesis --of "The $role" --data "$DATA" 2>/dev/null)" "$((SECONDS_EACH / 5))" \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
done
down
exit "$status"
