/* Built as a shared library: every call between these goes through the procedure linkage table. */
#define CHAIN __attribute__((noipa))

CHAIN int plt_inner(int value) { return value * 3 + 1; }

CHAIN int plt_middle(int value) {
    for (int turn = 0; turn < 1000000; turn++)
        value = plt_inner(value);
    return value;
}

CHAIN int plt_outer(int value) { return plt_middle(value) + 1; }
