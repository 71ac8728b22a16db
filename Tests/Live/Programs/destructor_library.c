/* Closed by destructor.c. What calls the C library, which calls the destructor, comes from the compiler's start files and
 * has no unwinding information. */
#include "proof.h"

CHAIN static void destructor_inner(void) {
    while (proof_running())
        proof_burn();
}

CHAIN static void destructor_outer(void) { destructor_inner(); }

CHAIN static void destructor_main(void *unused) {
    (void)unused;
    destructor_outer();
}

int __cxa_atexit(void (*function)(void *), void *argument, void *shared_object);
extern void *__dso_handle;

void destructor_begin(int argument_count, char **arguments);
void destructor_begin(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    __cxa_atexit(destructor_main, NULL, &__dso_handle);
}
