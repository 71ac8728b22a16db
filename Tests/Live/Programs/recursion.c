/* main > recursion_outer > recursion_step (900 times) > recursion_bottom > recursion_inner. */
#include "proof.h"

CHAIN int recursion_inner(int value) {
    proof_burn();
    return value;
}

CHAIN int recursion_bottom(int value) {
    while (proof_running())
        value = recursion_inner(value);
    return value;
}

CHAIN int recursion_step(int depth) {
    if (depth <= 1)
        return recursion_bottom(depth) + 1;
    return recursion_step(depth - 1) + 1;
}

CHAIN int recursion_outer(int depth) { return recursion_step(depth) + 1; }

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return recursion_outer(900) == 0;
}
