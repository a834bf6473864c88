#!/bin/sh
# Every #include of src/ against the room table (rooms.txt): includes.sh SOURCE
#
# A file may include headers of its own room and of the rooms its line names, in the form
# "room/file.h"; "thorax.h" is everybody's. Nothing includes cli/. A folder that is not in
# the table is an error.
set -eu
cd "$1"
find src include -name '*.[ch]' | LC_ALL=C sort | xargs awk '
FILENAME == "tools/lint/rooms.txt" {
    if (/^#/ || NF == 0) next
    room = $1
    if (room !~ /\//) order[++rooms] = room
    known[room] = 1
    for (i = 2; i <= NF; i++) {
        if ($i == "*") for (j = 1; j < rooms; j++) may[room, order[j]] = 1
        else may[room, $i] = 1
    }
    next
}
FNR == 1 {
    files++
    split(FILENAME, part, "/")
    room = part[1] == "src" && part[3] != "" ? part[2] : ""
    own = room
    file = FILENAME
    sub(/^src\//, "", file)
    if (file in known) room = file
    else if (room != "" && !(room in known)) complain("the room " room " is not in tools/lint/rooms.txt")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    header = $0
    sub(/^[^"]*"/, "", header)
    sub(/".*/, "", header)
    if (header == "thorax.h") next
    slash = index(header, "/")
    if (!slash) { complain("\"" header "\": write it as \"room/file.h\""); next }
    target = substr(header, 1, slash - 1)
    if (target == own) next
    if ((room, target) in may || (room, header) in may) next
    complain("may not include \"" header "\"")
}
function complain(text) { print FILENAME ":" FNR ": " text; bad++ }
END {
    if (!files) { print "includes: no files found"; exit 1 }
    if (bad) exit 1
    print "includes: " files " files keep to the room table"
}' tools/lint/rooms.txt
