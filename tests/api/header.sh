#!/bin/sh
# include/thorax.h compiles alone as C11 and as C++, without a warning: header.sh SOURCE BUILD
set -u
failed=0
passed=0
check() { # check NAME COMMAND…
    name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else echo "header: $name"; failed=$((failed + 1)); fi
}
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fsyntax-only'
header=$1/include/thorax.h
check 'C11' gcc -std=c11 -Wstrict-prototypes $warnings -x c "$header"
if command -v g++ >/dev/null; then
    check 'C++11' g++ -std=c++11 $warnings -x c++ "$header"
    check 'C++20' g++ -std=c++20 $warnings -x c++ "$header"
fi
if command -v clang >/dev/null; then
    check 'C11 by clang' clang -std=c11 -Wno-pragma-once-outside-header $warnings -x c "$header"
fi
# It includes the standard library only.
check 'standard headers only' sh -c \
    '! grep -E "^[ \t]*#[ \t]*include" "$1" | grep -vE "<(std(bool|def|int)|string|limits)\.h>"' sh "$header"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
