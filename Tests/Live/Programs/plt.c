/* main > plt_main > plt_outer > plt_middle > plt_inner, the last three in a shared library and called through its PLT
 * so often that samples fall into the stubs themselves. */
#include "proof.h"

int plt_outer(int value);

CHAIN int plt_main(int value) {
    while (proof_running())
        value = plt_outer(value);
    return value;
}

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return plt_main(argument_count) == 0;
}
