#!/usr/bin/env bash
# Pebble, an authority that speaks ACME as Let's Encrypt does, for tests.
#   pebble.sh build          makes the program, if it is not there (half a minute, once); prints where it is
#   pebble.sh certificate FOLDER NAME [DAYS]   an authority of the folder's own, and a certificate and key of it for a name
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests
bin=$cache/tools/bin
VERSION=v2.10.3

build() {
    if [ ! -x "$bin/pebble" ]; then
        . "$(dirname "$0")/cluster/go.sh"
        mkdir -p "$bin"
        GOTOOLCHAIN=auto GOBIN=$bin go install -ldflags "-s -w" "github.com/letsencrypt/pebble/v2/cmd/pebble@$VERSION" >&2
    fi
    echo "$bin/pebble"
}

certificate() {
    local folder=$1 name=$2 days=${3:-30} curve="-pkeyopt ec_paramgen_curve:prime256v1"
    cd "$folder"
    if [ ! -e ca.pem ]; then
        # shellcheck disable=SC2086
        openssl req -x509 -newkey ec $curve -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=authority of a test" \
            -addext "basicConstraints=critical,CA:TRUE" 2>/dev/null
    fi
    # shellcheck disable=SC2086
    openssl req -newkey ec $curve -nodes -keyout new.key -out new.csr -subj "/CN=$name" 2>/dev/null
    openssl x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out new.pem -days "$days" \
        -extfile <(printf "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
    mv new.key key.pem
    mv new.pem certificate.pem
}

case "${1:-}" in
build) build ;;
certificate) certificate "$2" "$3" "${4:-30}" ;;
*)
    echo "usage: pebble.sh build | certificate FOLDER NAME [DAYS]" >&2
    exit 2
    ;;
esac
