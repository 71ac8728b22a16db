/* main > chain_outer > chain_middle > chain_inner: the plain chain, built in every way that an executable comes in. */
#include "proof.h"

CHAIN int chain_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int chain_middle(int value) {
    while (proof_running())
        value = chain_inner(value);
    return value;
}

CHAIN int chain_outer(int value) { return chain_middle(value) + 1; }

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return chain_outer(argument_count) == 0;
}
