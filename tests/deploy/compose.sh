#!/usr/bin/env bash
# From nothing to a green run by compose, by the commands of docs/operate/compose.md: up, healthy, a run, again after a restart of all.
#   compose.sh      DOCKER_HOST names an engine that has rigi:VERSION and the database's image (POSTGRES_IMAGE)
# COMPOSE names the client: `docker compose`, or `docker-compose`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2206
compose=(${COMPOSE:-docker compose})
place=$(mktemp -d /tmp/rigi-compose.XXXXXX)
cp -r "$here/../../deploy/compose/." "$place"
cd "$place"
tidy() {
    local status=$?
    [ "$status" = 0 ] || "${compose[@]}" logs --no-color 2>&1 | tail -n 30 >&2 || true
    "${compose[@]}" down --volumes >/dev/null 2>&1 || true
    rm -rf "$place"
}
trap tidy EXIT

# healthy: waits until each service says so
healthy() {
    local end=$((SECONDS + 120)) id
    for id in $("${compose[@]}" ps -q); do
        until [ "$("${DOCKER:-docker}" inspect --format '{{.State.Health.Status}}' "$id")" = healthy ]; do
            [ $SECONDS -lt $end ] || { echo "not healthy after 120 s" >&2; return 1; }
            sleep 0.5
        done
    done
}
rigi() { "${compose[@]}" exec -T rigi rigi "$@"; }

# says WORDS COMMAND…
says() {
    local words=$1 said
    shift
    said=$(rigi "$@")
    case $said in *"$words"*) echo "ok: rigi $*" ;; *) echo "rigi $* says: $said" >&2; return 1 ;; esac
}

./secrets.sh
before=$(sha256sum secrets/*)
./secrets.sh
[ "$before" = "$(sha256sum secrets/*)" ] || { echo "secrets are made anew" >&2; exit 1; }
mkdir -p pipelines/hello
printf 'command: [echo, "hello from compose"]\n' >pipelines/hello/pipeline.yaml
chmod -R a+rX pipelines
"${compose[@]}" config -q
"${compose[@]}" up -d
healthy
says "/join#" status --link
says "hello from compose" run hello --follow
"${compose[@]}" down
"${compose[@]}" up -d
healthy
says succeeded runs list
echo "test result: ok. 5 passed; 0 failed"
