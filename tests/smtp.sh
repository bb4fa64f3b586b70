#!/usr/bin/env bash
# A mail server for tests: aiosmtpd, kept in the cache.
#   smtp.sh fetch            fetches it, unless it is there
#   smtp.sh run ARGUMENT…    runs it in the foreground; see support/smtp.py
set -euo pipefail

VERSION=1.4.6
VENV=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests/aiosmtpd-$VERSION

fetch() {
    if [ ! -e "$VENV/ready" ]; then
        # Several tests may be the first.
        mkdir -p "$(dirname "$VENV")"
        exec 9>"$VENV.lock"
        flock 9
        if [ ! -e "$VENV/ready" ]; then
            python3 -m venv "$VENV"
            "$VENV/bin/pip" install --quiet --disable-pip-version-check "aiosmtpd==$VERSION"
            touch "$VENV/ready"
        fi
        exec 9>&-
    fi
}

case "${1:-}" in
fetch) fetch ;;
run)
    shift
    fetch
    exec "$VENV/bin/python" -W ignore "$(dirname "$0")/support/smtp.py" "$@"
    ;;
*)
    echo "usage: smtp.sh fetch | run ARGUMENT…" >&2
    exit 2
    ;;
esac
