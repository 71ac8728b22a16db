/* clone > clone_main > clone_outer > clone_inner, in a child of clone(2) that shares memory and has a stack that the
 * parent has made. */
#include "proof.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

CHAIN int clone_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int clone_outer(int value) {
    while (proof_running())
        value = clone_inner(value);
    return value;
}

CHAIN int clone_main(void *argument) { return clone_outer((int)(intptr_t)argument) == 0; }

int main(int argument_count, char **arguments) {
    enum { STACK_BYTES = 1 << 18 };
    char *stack = malloc(STACK_BYTES);
    int status = 0;
    proof_begin(argument_count, arguments);
    proof_ready();
    pid_t child = clone(clone_main, stack + STACK_BYTES, CLONE_VM | CLONE_FILES | SIGCHLD, (void *)1L);
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}
