#!/bin/sh
# The ten longest functions of src/, how many stay short, and how wide the lines are: functions.sh SOURCE
# Half should be under 20 lines, nine in ten under 70; over 150 only tables, parsers and
# kernels. This reports and never fails.
cd "$1" || exit 1
find src -name '*.c' | xargs awk '
FNR == 1 { name = ""; body = 0 }
!body && /^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); start = FNR; file = FILENAME }
!body && /^[A-Za-z_].*\{.*\}[ \t]*$/ && /\(/ { print 1, name, FILENAME ":" FNR; next }
!body && /^\{/ && name != "" { body = 1 }
body && /^\}/ { print FNR - start + 1, name, file ":" start; body = 0; name = "" }
' | LC_ALL=C sort -rn | awk '
NR <= 10 { line[NR] = $0 }
{ n++; if ($1 < 20) short++; if ($1 < 70) fair++; if ($1 > 150) long++ }
END {
    if (!n) exit
    print "longest functions (lines, name, place):"
    for (i = 1; i <= 10 && i in line; i++) print "  " line[i]
    printf "%d functions: %.0f %% under 20 lines, %.0f %% under 70, %d over 150\n", n, 100 * short / n, 100 * fair / n, long
}'
find src include -name '*.[ch]' | xargs awk '{ n++; if (length($0) > 100) wide++; if (length($0) > 120) wider++ }
END { if (n) printf "%d lines: %.1f %% over 100 columns, %.1f %% over 120\n", n, 100 * wide / n, 100 * wider / n }'
exit 0
