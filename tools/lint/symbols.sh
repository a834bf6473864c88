#!/bin/sh
# What libthorax.so exports against include/thorax.symbols, and against what include/thorax.h
# declares: symbols.sh SOURCE BUILD. `make symbols` writes the list anew.
set -eu
source=$1
library=$2/libthorax.so
export LC_ALL=C
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ { sub(/@.*/, "", $3); print $3 }' | sort >"$temp/library"
# A declaration ends with ";": take the name before the first "(" of each that begins with THORAX_API.
awk '/^#/ { next } /^THORAX_API/ { text = ""; open = 1 } open { text = text " " $0 }
     open && /;/ { open = 0; if (match(text, /thorax_[a-z0-9_]+\(/)) print substr(text, RSTART, RLENGTH - 1) }' \
    "$source/include/thorax.h" | sort >"$temp/header"
status=0
if ! diff "$source/include/thorax.symbols" "$temp/library" >"$temp/diff"; then
    echo "include/thorax.symbols (<) and the library (>) differ:"
    grep '^[<>]' "$temp/diff"
    status=1
fi
if ! diff "$temp/header" "$temp/library" >"$temp/diff"; then
    echo "include/thorax.h (<) and the library (>) differ:"
    grep '^[<>]' "$temp/diff"
    status=1
fi
[ "$status" != 0 ] || echo "symbols: $(wc -l <"$temp/library") exported, as listed and declared"
exit "$status"
