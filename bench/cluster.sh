#!/usr/bin/env bash
# A cluster of two nodes for bench/cluster.py, gone afterwards. Root.
#   cluster.sh RIGI jobs|crowd [ARGUMENTS]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rigi=$1 what=$2
shift 2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests
tools=$cache/tools/bin
work=$(mktemp -d)
engine=
tidy() {
    [ -z "$engine" ] || "$root/tests/docker.sh" stop "$engine"
    [ -z "${CLUSTER_NUMBER:-}" ] || "$root/tests/cluster/down"
    rm -rf "$work"
}
trap tidy EXIT

said=$("$root/tests/cluster/up" 2)
# shellcheck disable=SC2046
export $(grep -E '^[A-Z_]+=' <<<"$said")
{ read -r engine && read -r socket; } < <("$root/tests/docker.sh" start "$cache/images.tar")
"$rigi" image build --base rigi-test/plain:1 --tag rigi-bench/rigi:1 --save "$work/image.tar" --socket "$socket"
"$root/tests/docker.sh" stop "$engine"
engine=
"$root/tests/cluster/load" "$work/image.tar"
if [ "$what" = crowd ] && [ ! -x "$tools/kwok" ]; then
    GOBIN=$tools go install -ldflags "-s -w" sigs.k8s.io/kwok/cmd/kwok@v0.7.0
fi
python3 "$root/bench/cluster.py" --binary "$rigi" --kubeconfig "$KUBECONFIG" --image docker.io/rigi-bench/rigi:1 \
    --address "$CLUSTER_ADDRESS" --kwok "$tools/kwok" "$@" "$what"
