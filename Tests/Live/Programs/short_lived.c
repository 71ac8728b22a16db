/* Runs one worker process after the other, each of 300 ms: main > short_outer > short_middle > short_inner. The worker
 * is this program started anew (second argument "worker"), so that every one has mappings of its own. */
#include "proof.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

CHAIN int short_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int short_middle(int value) {
    while (proof_running())
        value = short_inner(value);
    return value;
}

CHAIN int short_outer(int value) { return short_middle(value) + 1; }

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    if (argument_count > 2)
        return short_outer(argument_count) == 0;
    proof_ready();
    while (proof_running()) {
        char *worker[] = {arguments[0], "0.3", "worker", NULL};
        pid_t pid;
        int status;
        if (posix_spawn(&pid, arguments[0], NULL, NULL, worker, environ) != 0)
            return 2;
        waitpid(pid, &status, 0);
    }
    return 0;
}
