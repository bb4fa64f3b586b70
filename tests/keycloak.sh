#!/usr/bin/env bash
# A Keycloak, the OpenID provider of the tests: kept unpacked and built in the cache, run with a database in memory.
#   keycloak.sh fetch       fetches it, unless it is there; prints its folder
#   keycloak.sh run PORT    runs it in the foreground; its administrator is `admin`, with the password `admin`
set -euo pipefail

VERSION=26.7.3
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests/keycloak

fetch() {
    local home=$CACHE/keycloak-$VERSION
    if [ ! -e "$home/built" ]; then
        mkdir -p "$CACHE"
        if [ ! -e "$home/bin/kc.sh" ]; then
            mvn -q dependency:copy -Dartifact="org.keycloak:keycloak-quarkus-dist:$VERSION:zip" -DoutputDirectory="$CACHE" >&2
            (cd "$CACHE" && python3 -m zipfile -e "keycloak-quarkus-dist-$VERSION.zip" . && rm "keycloak-quarkus-dist-$VERSION.zip")
            chmod +x "$home"/bin/*.sh
        fi
        # What every start would do again.
        "$home/bin/kc.sh" build --db=dev-mem >&2
        touch "$home/built"
    fi
    echo "$home"
}

run() {
    local home
    home=$(fetch)
    export KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD=admin
    export JAVA_OPTS_KC_HEAP="-Xms64m -Xmx512m"
    exec "$home/bin/kc.sh" start --optimized --http-enabled=true --http-host=127.0.0.1 --http-port="$1" --hostname="http://127.0.0.1:$1"
}

case "${1:-}" in
fetch) fetch ;;
run) run "$2" ;;
*)
    echo "usage: keycloak.sh fetch | run PORT" >&2
    exit 2
    ;;
esac
