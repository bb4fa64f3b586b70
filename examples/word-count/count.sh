#!/bin/sh
# Counts words with the tools that every Unix has. In: $RIGI_INPUTS/texts/*, $top, $case. Out: $RIGI_OUTPUTS/counts.
set -eu

counts=$RIGI_OUTPUTS/counts
mkdir -p "$counts"

# One word a line, from standard input. Bytes above 127 belong to words, so that letters of every language do.
words() {
    # The line end in front leaves one empty line at the top, whatever the text begins with, and tail takes it away;
    # the one behind ends the last word.
    { echo; cat; echo; } | tr -cs "[:alnum:]'\200-\377" '\n' | tail -n +2
}

fold() {
    if [ "$case" = fold ]; then tr '[:upper:]' '[:lower:]'; else cat; fi
}

first() {
    if [ "$top" -gt 0 ]; then head -n "$top"; else cat; fi
}

set -- "$RIGI_INPUTS"/texts/*
total=$#
done=0
for file in "$@"; do
    number=$(words <"$file" | wc -l)
    printf '%d\t%s\n' "$number" "${file##*/}" >>"$counts/files.tsv"
    done=$((done + 1))
    echo "${file##*/}: $number words"
    printf '{"type":"progress","current":%d,"total":%d,"message":"file %d of %d"}\n' \
        "$done" "$total" "$done" "$total" >>"$RIGI_EVENTS"
done

for file in "$@"; do words <"$file"; done | fold | sort | uniq -c | sort -k1,1nr -k2 | tr -s ' ' '\t' | cut -f 2- >"$counts/all"
first <"$counts/all" >"$counts/words.tsv"
echo "$(wc -l <"$counts/all") different words in $total files; the most frequent:"
head -n 10 "$counts/words.tsv"
rm "$counts/all"
