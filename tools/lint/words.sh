#!/bin/sh
# What no source file may hold: unfinished business, tabs in C files, blanks at the end of a
# line: words.sh SOURCE
cd "$1" || exit 1
bad=0
files() { find include src tests bench tools python docs README.md Makefile meson.build \
    -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' -o -name '*.py' -o -name '*.md' -o -name Makefile -o -name meson.build \) \
    ! -path 'tools/lint/words.sh' 2>/dev/null; }
complain() { # complain WHAT PATTERN FILES…
    what=$1
    pattern=$2
    shift 2
    if [ $# -gt 0 ] && grep -nE "$pattern" "$@" /dev/null; then
        echo "words: $what"
        bad=1
    fi
}
set -- $(files)
complain 'finish it, or file an issue and name it' '\b(TODO|FIXME|XXX)\b' "$@"
complain 'blanks at the end of a line' '[^ ][ 	]+$' "$@"
set -- $(files | grep '\.[ch]$')
complain 'a tab in a C file' '	' "$@"
[ "$bad" = 0 ] && echo "words: $(files | wc -l) files are clean"
exit "$bad"
