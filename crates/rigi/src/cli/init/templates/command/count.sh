#!/bin/sh
# Counts lines, words or bytes of the inputs, and leaves the numbers in a file.
set -eu

case "${unit:-lines}" in
  lines) flag=-l ;;
  words) flag=-w ;;
  bytes) flag=-c ;;
esac

outputs="${RIGI_OUTPUTS:-outputs}"
mkdir -p "$outputs"

found=0
for file in "${RIGI_INPUTS:-inputs}"/text/*; do
  [ -f "$file" ] || continue
  found=1
  wc "$flag" "$file"
done > "$outputs/counts.txt"

# Nothing was given: count this script.
if [ "$found" = 0 ]; then
  wc "$flag" "$0" > "$outputs/counts.txt"
fi

cat "$outputs/counts.txt"
