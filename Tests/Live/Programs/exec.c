/* Spins one second, then becomes the program of the second argument (same process id), which gets the seconds left. */
#include "proof.h"

CHAIN int exec_before(int value) {
    proof_burn();
    return value + 1;
}

int main(int argument_count, char **arguments) {
    int value = argument_count;
    char seconds[32];
    proof_begin(argument_count, arguments);
    proof_ready();
    for (int64_t end = proof_now() + 1000000000; proof_now() < end;)
        value = exec_before(value);
    snprintf(seconds, sizeof seconds, "%f", (double)(proof_deadline_nanoseconds - proof_now()) / 1e9);
    execl(arguments[2], arguments[2], seconds, (char *)NULL);
    perror(arguments[2]);
    return 2;
}
