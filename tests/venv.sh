#!/usr/bin/env bash
# A Python of some tests' own, kept between runs; prints where it is: tests/venv.sh NAME MODULES PACKAGE…
# MODULES, with commas between them, are there once the packages are.
set -euo pipefail
venv=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/$1
modules=$2
shift 2
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c "import $modules" 2>/dev/null || "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
echo "$venv/bin/python"
