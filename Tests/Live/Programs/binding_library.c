/* An indirect function (STT_GNU_IFUNC): when it is bound, at its first call, the dynamic loader calls binding_outer. The
 * loader's own code in between finds its frame by rbx. */
#include "proof.h"

CHAIN static void binding_inner(void) {
    while (proof_running())
        proof_burn();
}

CHAIN static void binding_middle(void) { binding_inner(); }

CHAIN static int binding_target(int value) { return value; }

__attribute__((used)) static int (*binding_outer(void))(int) {
    binding_middle();
    return binding_target;
}

int binding_function(int value) __attribute__((ifunc("binding_outer")));

void binding_begin(int argument_count, char **arguments);
void binding_begin(int argument_count, char **arguments) { proof_begin(argument_count, arguments); }
