#!/bin/sh
# Fuzzes every parser with libFuzzer (clang): run.sh [SECONDS [TARGET]], in $BUILD.
# New inputs stay in $BUILD/corpus/NAME; a crash leaves its input there and ends the run.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build-fuzz}
seconds=${1:-60}
only=${2:-}

test -f "$build/build.ninja" || CC=clang meson setup "$build" -Dlibfuzzer=true -Db_sanitize=address,undefined \
    -Db_lundef=false -Dcli=false -Dbench=false --buildtype=debug -Doptimization=1
targets=$(ls tests/fuzz/*.c | sed -n '/replay/!s,.*/\(.*\)\.c$,tests/fuzz/fuzz-\1,p')
ninja -C "$build" -j "${JOBS:-2}" $targets
for source in tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    [ "$name" != replay ] || continue
    [ -z "$only" ] || [ "$name" = "$only" ] || continue
    mkdir -p "$build/corpus/$name"
    dictionary=tests/fuzz/$name.dict
    set -- -max_total_time="${seconds:-60}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/corpus/$name."
    [ ! -f "$dictionary" ] || set -- "$@" -dict="$dictionary"
    echo "== $name"
    "$build/tests/fuzz/fuzz-$name" "$@" "$build/corpus/$name" "tests/fuzz/corpus/$name"
done
