/* The misbehaving chat service as a program, for tests of command lines: stub MOVES [TEXT]
 *
 * Prints its address on one line, then serves until its input ends; moves and text: stub.h. */
#include "stub.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s MOVES [TEXT]\n", argv[0]);
        return 2;
    }
    stub *s = stub_start(argv[1], argc > 2 ? argv[2] : NULL);
    puts(stub_url(s));
    fflush(stdout);
    while (getchar() != EOF) {}
    stub_stop(s);
    return 0;
}
