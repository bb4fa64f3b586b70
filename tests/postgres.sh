#!/usr/bin/env bash
# A PostgreSQL of the tests' own, on a free port of the loopback address, gone when it is stopped.
#   postgres.sh start         prints its folder and its URL
#   postgres.sh stop FOLDER   stops it and removes the folder
set -euo pipefail

# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

programs() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$found" ] && command -v initdb >/dev/null; then found=$(dirname "$(command -v initdb)"); fi
    if [ -z "$found" ]; then
        echo "there is no PostgreSQL: apt-get install postgresql" >&2
        exit 1
    fi
    echo "$found"
}

start() {
    local bin folder port
    bin=$(programs)
    folder=$(mktemp -d /tmp/rigi-postgres.XXXXXX)
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    cd "$folder"
    as_owner "$bin/initdb" -D "$folder/data" -U rigi -A trust -E UTF8 --no-locale >"/dev/null"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 start \
        -o "-c listen_addresses=127.0.0.1 -p $port -k $folder -c max_connections=300 -c shared_buffers=256MB ${RIGI_TEST_POSTGRES_OPTIONS:-}" >/dev/null
    echo "$folder"
    echo "postgres://rigi@127.0.0.1:$port/postgres"
}

stop() {
    local bin
    bin=$(programs)
    cd /
    as_owner "$bin/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null || true
    rm -rf "$1"
}

case "${1:-}" in
start) start ;;
stop) stop "$2" ;;
*)
    echo "usage: postgres.sh start | stop FOLDER" >&2
    exit 2
    ;;
esac
