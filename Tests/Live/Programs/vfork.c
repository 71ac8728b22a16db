/* main > vfork_outer > vfork_middle > vfork_inner, in children of vfork(2): another process, on the parent's stack. */
#include "proof.h"

#include <sys/wait.h>

CHAIN int vfork_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int vfork_middle(int value) {
    for (int turn = 0; turn < 20; turn++)
        value = vfork_inner(value);
    return value;
}

CHAIN int vfork_outer(void) {
    volatile int children = 0;
    while (proof_running()) {
        pid_t child = vfork();
        if (child == 0)
            _exit(vfork_middle(1) == 0);
        if (child < 0)
            return -1;
        waitpid(child, NULL, 0);
        children = children + 1;
    }
    return children;
}

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return vfork_outer() < 0;
}
