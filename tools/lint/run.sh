#!/bin/sh
# All checks of the sources: run.sh, after a build in $BUILD; then the longest functions.
# Each check is a script CHECK.sh SOURCE BUILD that names what it found and exits 1.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
failed=0
for check in tools/lint/*.sh; do
    [ "$check" != tools/lint/run.sh ] || continue
    sh "$check" "$PWD" "$build" || failed=$((failed + 1))
done
[ "$failed" = 0 ]
