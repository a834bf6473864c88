# Adds up Meson's testlog.json (one program a line): prints "PASSED FAILED SKIPPED".
#
# A cmocka program tells how many cases passed, were skipped and failed; other programs
# close with "N passed, N failed" and perhaps "N skipped". One that says nothing is one case.
# A program that ends badly without a failed case (a crash, a time limit) is one failure.

# The number before `word` in the last match of /[0-9]+ word/.
function number_before(text, word,    n) {
    n = 0
    while (match(text, "[0-9]+ " word)) {
        n = substr(text, RSTART, RLENGTH) + 0
        text = substr(text, RSTART + RLENGTH)
    }
    return n
}

# The sum of the numbers after "[  WORD  ] " as cmocka prints them ("3 test(s)", since 1.1.7 "GROUP: 3 test(s)").
function cmocka(text, word,    n, hit) {
    n = 0
    while (match(text, "\\[  " word " *\\] ([a-zA-Z0-9_]+: )?[0-9]+ test")) {
        hit = substr(text, RSTART + 13, RLENGTH - 13)
        sub(/^.*: /, "", hit)
        n += hit + 0
        text = substr(text, RSTART + RLENGTH)
    }
    return n
}

{
    result = $0
    sub(/.*"result": "/, "", result)
    sub(/".*/, "", result)
    good = cmocka($0, "PASSED")
    idle = cmocka($0, "SKIPPED")
    bad = cmocka($0, "FAILED")
    if (good + idle + bad == 0 && match($0, /[0-9]+ passed, [0-9]+ failed/)) {
        good = number_before($0, "passed, [0-9]+ failed")
        bad = number_before($0, "failed")
        idle = number_before($0, "skipped")
    }
    ended_well = result == "OK" || result == "SKIP" || result == "EXPECTEDFAIL"
    if (good + idle + bad == 0) {
        if (result == "SKIP") idle = 1
        else if (ended_well) good = 1
    }
    if (!ended_well && bad == 0) bad = 1
    passed += good
    skipped += idle
    failed += bad
}

END { print passed + 0, failed + 0, skipped + 0 }
