#!/usr/bin/env bash
# Makes the images that the tests of deploy/ run, on the engine of DOCKER_HOST, from a base that it has: no registry is asked.
#   images.sh BINARY BASE [BASE-WITH-POSTGRESQL]     rigi:VERSION by deploy/image/Dockerfile, and rigi-test/postgres:1
# DOCKER names the client; it needs BuildKit.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
binary=${1:?usage: images.sh BINARY BASE [BASE-WITH-POSTGRESQL]}
base=${2:?usage: images.sh BINARY BASE [BASE-WITH-POSTGRESQL]}
version=$(sed -n 's/^appVersion: "\(.*\)"/\1/p' "$root/deploy/helm/rigi/Chart.yaml")
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$binary" "$context/rigi"
strip "$context/rigi" 2>/dev/null || true
export DOCKER_BUILDKIT=1
build() { "${DOCKER:-docker}" build --quiet --network none "$@"; }
build -f "$root/deploy/image/Dockerfile" --build-arg PROGRAM=given --build-arg BASE="$base" -t "rigi:$version" "$context"
if [ -n "${3:-}" ]; then build --build-arg BASE="$3" -t rigi-test/postgres:1 "$here/postgres"; fi
