#!/bin/sh
# Names each tool that building Rigi needs and that is not there, with the command that installs it.
missing=0

# lacks NAME WHY COMMAND
lacks() {
    printf '%-8s %s\n         %s\n' "$1" "$2" "$3" >&2
    missing=$((missing + 1))
}

if command -v cargo >/dev/null; then
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(cargo --version | cut -d ' ' -f 2)
    oldest=$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)
    if [ "$oldest" != "$wanted" ]; then lacks cargo "is $found and must be $wanted or newer" "rustup update stable"; fi
else
    lacks cargo "is not there" "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
fi

command -v cc >/dev/null || lacks cc "is not there" "apt-get install build-essential    (or: xcode-select --install)"

if command -v node >/dev/null; then
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    if [ "$major" -lt 20 ]; then lacks node "is $(node --version) and must be 20 or newer" "https://nodejs.org, or: nvm install 22"; fi
else
    lacks node "is not there" "apt-get install nodejs npm    (20 or newer; or: nvm install 22)"
fi

command -v npm >/dev/null || lacks npm "is not there" "apt-get install npm"
command -v python3 >/dev/null || lacks python3 "is not there (pipelines are run by it)" "apt-get install python3 python3-venv"

if [ "$missing" -gt 0 ]; then
    echo "$missing of what is needed is missing. Install it and call make again." >&2
    exit 1
fi
