#!/usr/bin/env bash
# A MinIO of the tests' own, on a free port of the loopback address or of another one, gone when it is stopped.
#   minio.sh build             makes the program, if it is not there (about three minutes, once)
#   minio.sh start [ADDRESS]   prints its folder, and its address, key and secret in one line
#   minio.sh down FOLDER       ends it, as a storage that is away; its data stay
#   minio.sh up FOLDER         starts it again, where it was
#   minio.sh stop FOLDER       ends it and removes the folder
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests
bin=$cache/tools/bin

build() {
    if [ -x "$bin/minio" ]; then return; fi
    . "$(dirname "$0")/cluster/go.sh"
    mkdir -p "$bin"
    GOTOOLCHAIN=auto GOBIN=$bin go install -ldflags "-s -w" github.com/minio/minio@latest >&2
}

up() {
    local folder=$1 place
    place=$(cat "$folder/place")
    # shellcheck disable=SC1091
    MINIO_ROOT_USER=$(sed -n 1p "$folder/keys") MINIO_ROOT_PASSWORD=$(sed -n 2p "$folder/keys") \
        MINIO_BROWSER=off MINIO_UPDATE=off MINIO_CI_CD=1 HOME=$folder \
        setsid "$bin/minio" server "$folder/data" --quiet --address "$place" >>"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    for _ in $(seq 200); do
        if curl -fsS --noproxy '*' -o /dev/null "http://$place/minio/health/live" 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "MinIO did not get ready:" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
}

down() {
    local pid
    pid=$(cat "$1/pid")
    kill -KILL "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}

start() {
    local folder secret address=${1:-127.0.0.1}
    build
    folder=$(mktemp -d /tmp/rigi-minio.XXXXXX)
    mkdir "$folder/data"
    secret=$(python3 -c 'import secrets; print(secrets.token_hex(20))')
    printf 'rigi-tests\n%s\n' "$secret" >"$folder/keys"
    chmod 600 "$folder/keys"
    python3 -c 'import socket, sys; s = socket.socket(); s.bind((sys.argv[1], 0)); print("%s:%d" % s.getsockname())' "$address" >"$folder/place"
    up "$folder"
    # On one disk, a bucket is a folder.
    mkdir "$folder/data/rigi-tests"
    echo "$folder"
    echo "http://$(cat "$folder/place") rigi-tests $secret"
}

case "${1:-}" in
build) build ;;
start) start "${2:-}" ;;
up) up "$2" ;;
down) down "$2" ;;
stop)
    down "$2"
    rm -rf "$2"
    ;;
*)
    echo "usage: minio.sh build | start [ADDRESS] | down FOLDER | up FOLDER | stop FOLDER" >&2
    exit 2
    ;;
esac
