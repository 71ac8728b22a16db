/* main > hot_outer, into which hot_middle is inlined, into which hot_inner is inlined: all the time is in hot_inner. */
#include "proof.h"

/* xorshift64* (S. Vigna): far more than the loop around it does, in one line. */
static inline __attribute__((always_inline)) uint64_t hot_inner(uint64_t x) {
    x ^= x >> 12, x ^= x << 25, x ^= x >> 27, x *= 0x2545f4914f6cdd1du; /* hot_inner's line */
    return x;
}

static inline __attribute__((always_inline)) uint64_t hot_middle(uint64_t value) {
    for (int turn = 0; turn < 5000000; turn++)
        value = hot_inner(value); /* hot_middle's line */
    return value;
}

CHAIN uint64_t hot_outer(uint64_t value) {
    while (proof_running())
        value = hot_middle(value); /* hot_outer's line */
    return value;
}

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return hot_outer(argument_count) == 0; /* main's line */
}
