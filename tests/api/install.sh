#!/bin/sh
# Installs into an empty folder and uses what lies there: install.sh SOURCE BUILD
set -u
source=$1
build=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0
passed=0
check() { # check NAME COMMAND…
    name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else echo "install: $name"; failed=$((failed + 1)); fi
}
there() { ls "$root"$1 >/dev/null 2>&1; }

meson install -C "$build" --no-rebuild --destdir "$root" >"$root/log" 2>&1 || { cat "$root/log"; exit 1; }
prefix=$(meson introspect "$build" --buildoptions | sed 's/{"name": "/\n&/g' | sed -n 's/^{"name": "prefix", "value": "\([^"]*\)".*/\1/p')
lib=$(dirname "$(find "$root" -name libthorax.so)")

check 'the library under its three names' test -f "$lib/libthorax.so.0"
check 'a soname' sh -c 'readelf -d "$1" | grep -q "SONAME.*libthorax.so.0"' sh "$lib/libthorax.so"
check 'the header' there "$prefix/include/thorax.h"
check 'the licence' there "$prefix/share/doc/thorax/LICENSE"
if [ -f "$build/thorax" ]; then
    check 'the program' there "$prefix/bin/thorax"
    check 'the program runs from where it was put' "$root$prefix/bin/thorax" --version
    check 'the manual page' there "$prefix/share/man/man1/thorax.1*"
fi
if [ -d "$source/models/demo" ]; then check 'the demo model' there "$prefix/share/thorax/models/demo/config.json"; fi
if [ -d "$source/python" ]; then
    check 'the Python folder' there "$prefix/share/thorax/python/radvlm_helpers.py"
    check 'no compiled Python' sh -c '! find "$1" -name "*.pyc" | grep .' sh "$root"
fi

# A program of a user: built with what pkg-config says, run with the installed library.
export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
if grep -q thorax_film_open "$source/include/thorax.symbols" 2>/dev/null; then
    check 'the example, built with pkg-config' sh -c \
        'gcc -std=c11 -Wall -Werror -o "$1/user" "$2/examples/report.c" $(pkg-config --cflags --libs thorax)' sh "$root" "$source"
    LD_LIBRARY_PATH=$lib "$root/user" /no/such/model film.png 2>"$root/errors"
    check 'it says what is wrong' test $? = 1 -a -s "$root/errors"
fi
check 'pkg-config knows the version' sh -c 'test "$(pkg-config --modversion thorax)" = "$(sed -n "s/^  version: .\([0-9.]*\).*/\1/p" "$1/meson.build")"' sh "$source"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
