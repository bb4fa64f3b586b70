#!/usr/bin/env bash
# A container engine of the tests' own, with the images that they use, gone when it is stopped. It needs no network and
# gives none; what runs beside it on the same machine is left alone. Root only.
#   docker.sh start [IMAGES.tar]        prints its folder and its socket
#   docker.sh halt FOLDER [SIGNAL]      ends the engine and keeps its folder (KILL: without a farewell)
#   docker.sh resume FOLDER             starts it again on its folder
#   docker.sh stop FOLDER               ends it and removes the folder
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

run() {
    local folder=$1
    # An engine that was killed leaves its pid behind, and would take it for a running one.
    rm -f "$folder/pid" "$folder/exec/containerd/containerd.pid" "$folder/docker.sock"
    setsid dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \
        --host "unix://$folder/docker.sock" --bridge=none --iptables=false --ip6tables=false --ip-masq=false \
        --storage-driver overlay2 --shutdown-timeout 5 --log-level warn >>"$folder/log" 2>&1 </dev/null &
    for _ in $(seq 300); do
        if answers "$folder"; then return; fi
        if ! kill -0 $! 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "the engine did not start:" >&2
    tail -n 20 "$folder/log" >&2
    stop "$folder"
    exit 1
}

ask() {
    local folder=$1 path=$2
    shift 2
    curl --silent --fail --unix-socket "$folder/docker.sock" "$@" "http://engine/$path"
}

answers() { [ -S "$1/docker.sock" ] && ask "$1" _ping >/dev/null; }

start() {
    local folder images=${1:-}
    if ! command -v dockerd >/dev/null; then
        echo "there is no container engine: apt-get install docker.io" >&2
        exit 1
    fi
    if [ -z "$images" ]; then
        images=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests/images.tar
        "$here/image.sh" "$images"
    fi
    folder=$(mktemp -d /tmp/rigi-docker.XXXXXX)
    run "$folder"
    if ask "$folder" images/load --header 'content-type: application/x-tar' --upload-file "$images" --request POST | grep -i error >&2; then
        stop "$folder"
        exit 1
    fi
    echo "$folder"
    echo "$folder/docker.sock"
}

halt() {
    local folder=$1 signal=${2:-TERM} pid
    pid=$(cat "$folder/pid" 2>/dev/null || true)
    if [ -z "$pid" ] || ! grep -qsz -- "$folder/data" "/proc/$pid/cmdline"; then return; fi
    kill "-$signal" "$pid"
    for _ in $(seq 300); do
        if ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.1
    done
    # What it started ends with it, or a moment later.
    for _ in $(seq 50); do
        if [ -z "$(own "$folder" containerd)" ]; then break; fi
        sleep 0.1
    done
}

# Pids of the engine's own processes: those whose command names its folder.
own() {
    local file
    for file in $(grep -lsaz -- "^$1/" /proc/[0-9]*/cmdline); do
        file=${file%/cmdline}
        if [ "$(cat "$file/comm" 2>/dev/null)" = "$2" ]; then basename "$file"; fi
    done
}

stop() {
    local folder=$1 pid id
    # Else each has ten seconds for its farewell.
    if answers "$folder"; then
        for id in $(ask "$folder" containers/json | grep -o '"Id":"[0-9a-f]*"' | cut -d '"' -f 4); do
            ask "$folder" "containers/$id/kill" --request POST || true
        done
    fi
    halt "$folder"
    # Those of containers first: what they run ends with them.
    for pid in $(own "$folder" containerd-shim) $(own "$folder" containerd) $(own "$folder" dockerd); do
        pkill -KILL -P "$pid" || true
        kill -KILL "$pid" 2>/dev/null || true
    done
    awk -v folder="$folder/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l || true
    rm -rf "$folder"
}

case "${1:-}" in
start) start "${2:-}" ;;
halt) halt "$2" "${3:-TERM}" ;;
resume) run "$2" ;;
stop) stop "$2" ;;
*)
    echo "usage: docker.sh start [IMAGES.tar] | halt FOLDER [SIGNAL] | resume FOLDER | stop FOLDER" >&2
    exit 2
    ;;
esac
