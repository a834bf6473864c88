#!/bin/sh
# The example with a model and a film: example.sh EXAMPLE THORAX DEMO
# Skipped without the demo model: a random checkpoint would go on to the limit of an answer.
set -u
example=$1
thorax=$2
model=$3
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
failed=0
passed=0
check() { # check NAME COMMAND…
    name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else echo "example: $name"; failed=$((failed + 1)); fi
}

[ -d "$model" ] || { echo "$model is not there"; exit 77; }
"$thorax" synth phantom --seed 7 --count 1 -o "$temp" || exit 1
film=$(ls "$temp"/*.png)
check 'answers' sh -c '"$1" "$2" "$3" >"$4/out"' sh "$example" "$model" "$film" "$temp"
check 'says that it is for research' grep -q 'research' "$temp/out"
"$example" "$model" /no/such/film.png 2>"$temp/errors"
check 'names a film that is not there' test $? = 1
check 'in one line' sh -c 'test "$(wc -l <"$1")" = 1 && grep -q "/no/such/film.png" "$1"' sh "$temp/errors"
"$example" 2>/dev/null
check 'wants two arguments' test $? = 2
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
