#!/bin/sh
# Documents against the sources: documents.sh SOURCE BUILD
#
#   - the room table of docs/architecture.md equals rooms.txt, and README.md names the same rooms
#   - links between documents lead to files that exist
#   - docs/cli.md is what `thorax help --markdown` prints, and thorax commands in documents exist
#   - make targets and build options named in the documents exist, and all of them are described
set -u
program=$2/thorax
cd "$1" || exit 1
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
bad=0
passed=0
same() { # same WHAT LEFT RIGHT: two lists
    if diff "$2" "$3" >"$temp/diff"; then
        passed=$((passed + 1))
    else
        echo "documents: $1"
        grep '^[<>]' "$temp/diff"
        bad=$((bad + 1))
    fi
}

awk -F '|' '$2 ~ /^ `[a-z]+\/` $/ && NF == 5 {
    room = $2; gsub(/[ `\/]/, "", room)
    may = $4; sub(/^ */, "", may); sub(/ *$/, "", may); gsub(/, /, " ", may)
    if (may == "–") may = ""; else if (may == "all above") may = "*"
    print room (may == "" ? "" : " ") may
}' docs/architecture.md >"$temp/architecture"
awk '!/^#/ && NF && $1 !~ /\// { $1 = $1; print }' tools/lint/rooms.txt >"$temp/rooms"
same 'room table of docs/architecture.md (<) and tools/lint/rooms.txt (>)' "$temp/architecture" "$temp/rooms"
cut -d' ' -f1 "$temp/rooms" >"$temp/names"
awk -F '|' '$2 ~ /^ `[a-z]+\/` $/ { gsub(/[ `\/]/, "", $2); print $2 }' README.md >"$temp/readme"
same 'rooms of README.md (<) and tools/lint/rooms.txt (>)' "$temp/readme" "$temp/names"

documents=$(ls README.md docs/*.md)
for document in $documents; do
    folder=$(dirname "$document")
    for link in $(grep -o '](\([^)#]*\)[^)]*)' "$document" | sed 's/^](//; s/[#)].*//'); do
        case $link in
        http*) ;;
        *) if [ -e "$folder/$link" ]; then passed=$((passed + 1)); else
               echo "documents: $document links to $link, which is not there"
               bad=$((bad + 1))
           fi ;;
        esac
    done
done

sed -n 's/^\([a-z-]*\):.*## .*/\1/p' Makefile | LC_ALL=C sort -u >"$temp/targets"
grep -oh '`make [a-z-]*' docs/building.md | sed 's/.* //' | grep . | LC_ALL=C sort -u >"$temp/described"
same 'make targets described in docs/building.md (<) and those of Makefile (>)' "$temp/described" "$temp/targets"
grep -oh '`make [a-z-]*' $documents | sed 's/.* //' | grep . | LC_ALL=C sort -u | comm -23 - "$temp/targets" >"$temp/unknown"
same 'documents name make targets that Makefile lacks (<)' "$temp/unknown" /dev/null
sed -n "s/^option('\([a-z]*\)'.*/\1/p" meson_options.txt | LC_ALL=C sort >"$temp/options"
sed -n 's/^| `-D\([a-z]*\)`.*/\1/p' docs/building.md | LC_ALL=C sort >"$temp/described"
same 'build options in docs/building.md (<) and meson_options.txt (>)' "$temp/described" "$temp/options"

if [ -x "$program" ]; then
    "$program" help --markdown >"$temp/cli"
    same 'docs/cli.md (<) and thorax help --markdown (>)' docs/cli.md "$temp/cli"
    "$program" help | sed -n 's/^  \([a-z]*\).*/\1/p' | LC_ALL=C sort -u >"$temp/commands"
    grep -ohE '^(build/)?thorax [a-z]+' $documents | sed 's/.* //' | LC_ALL=C sort -u | comm -23 - "$temp/commands" >"$temp/unknown"
    same 'documents name commands that thorax lacks (<)' "$temp/unknown" /dev/null
fi

echo "$passed passed, $bad failed"
[ "$bad" = 0 ]
