/* main > binding_main > (the dynamic loader) > binding_outer > binding_middle > binding_inner: what is called lies in a
 * library, and which function it is, is found out below its first call. */
#include "proof.h"

void binding_begin(int argument_count, char **arguments);
int binding_function(int value);

CHAIN int binding_main(int value) { return binding_function(value) + 1; }

int main(int argument_count, char **arguments) {
    binding_begin(argument_count, arguments);
    proof_begin(argument_count, arguments);
    proof_ready();
    return binding_main(argument_count) == 0;
}
