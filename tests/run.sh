#!/bin/sh
# Builds and runs the tests, and closes with "N passed, N failed".
#
#   run.sh         everything, in $BUILD; then the unit tests again with the
#                  address and undefined-behaviour sanitizers, in $BUILD-asan
#   run.sh asan    only the latter, in $BUILD
#   run.sh tsan    the unit tests with the thread sanitizer, in $BUILD
#
# A program's own count of cases is taken where it prints one (tests/count.awk).
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
jobs=${JOBS:-2}
flags=${MESON_FLAGS:-}
# Sanitizers make the compiler see doubtful conversions where there are none: warnings stay warnings.
sanitizer='-Dbuildtype=debug -Doptimization=1 -Db_lundef=false -Dcli=false -Dbench=false -Dwerror=false'
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:allocator_may_return_null=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/tests/lsan.supp:print_suppressions=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
passed=0
failed=0
skipped=0

# build_in FOLDER OPTION…: configures it if need be, and builds; a failure counts as one failed test.
build_in() {
    folder=$1
    shift
    again=
    [ ! -f "$folder/build.ninja" ] || again=--reconfigure   # files that came or went since
    meson setup $again "$folder" -Dtests=true $flags "$@" >"$folder.log" 2>&1 || {
        cat "$folder.log"
        rm -rf "$folder"
    }
    rm -f "$folder.log"
    if [ -f "$folder/build.ninja" ] && ninja -C "$folder" -j "$jobs"; then
        return 0
    fi
    echo "the build in $folder failed" >&2
    failed=$((failed + 1))
    return 1
}

# test_in FOLDER ARGUMENT…: runs its tests and adds up what they counted.
test_in() {
    folder=$1
    shift
    meson test -C "$folder" --no-rebuild --print-errorlogs --num-processes "$jobs" "$@"
    counts=$(awk -f tests/count.awk "$folder/meson-logs/testlog.json") || counts='0 1 0'
    set -- $counts
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

case ${1:-all} in
all)
    build_in "$build" && test_in "$build" --timeout-multiplier 4
    build_in "$build-asan" -Db_sanitize=address,undefined $sanitizer &&
        test_in "$build-asan" --suite unit --suite fuzz --suite alloc --timeout-multiplier 6
    ;;
asan)
    build_in "$build" -Db_sanitize=address,undefined $sanitizer &&
        test_in "$build" --suite unit --suite fuzz --suite alloc --timeout-multiplier 6
    ;;
tsan)
    # libgomp's own synchronisation is invisible to the sanitizer: one OpenMP thread, the tests bring theirs.
    export OMP_NUM_THREADS=1
    build_in "$build" -Db_sanitize=thread $sanitizer && test_in "$build" --suite unit --timeout-multiplier 8
    ;;
*)
    echo "run.sh [asan|tsan]" >&2
    exit 2
    ;;
esac

if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
