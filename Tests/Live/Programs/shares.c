/* main > shares_outer > one of shares_often, shares_seldom, shares_rarely: 6, 3 and 1 of ten turns in an order without a
 * period, for comparing two profilers' shares of each function. */
#include "proof.h"

static inline __attribute__((always_inline)) void burn_a_little(void) {
    for (volatile uint32_t turn = 0; turn < 200000; turn = turn + 1) {
    }
}

CHAIN int shares_often(int value) {
    burn_a_little();
    return value + 1;
}

CHAIN int shares_seldom(int value) {
    burn_a_little();
    return value + 2;
}

CHAIN int shares_rarely(int value) {
    burn_a_little();
    return value + 3;
}

CHAIN int shares_outer(int value) {
    uint64_t random = 88172645463325252u; /* xorshift64: G. Marsaglia, "Xorshift RNGs", 2003 */
    while (proof_running()) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        switch (random % 10) {
        case 0:
            value = shares_rarely(value);
            break;
        case 1 ... 3:
            value = shares_seldom(value);
            break;
        default:
            value = shares_often(value);
        }
    }
    return value;
}

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return shares_outer(argument_count) == 0;
}
