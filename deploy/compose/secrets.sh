#!/bin/sh
# Makes the secrets that compose.yaml names, once: what is there is left alone. Files in a folder that is closed to others; the
# containers' accounts read them.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets pipelines
chmod 755 pipelines

# make NAME TEXT
make() {
    if [ -e "secrets/$1" ]; then return; fi
    printf '%s' "$2" >"secrets/.$1" && chmod 444 "secrets/.$1" && mv "secrets/.$1" "secrets/$1"
}

make postgres-password "$(openssl rand -hex 24)"
make secret.key "$(openssl rand -hex 32)"
make database-url "postgres://rigi:$(cat secrets/postgres-password)@postgres:5432/rigi"
