/* main > signal_outer > signal_middle > signal_waiting (> signal_step) > <signal> > signal_handler > signal_inner.
 * The timer hits the waiting loop at any instruction, prologues and epilogues among them. With a second argument
 * "altstack" the handler runs on a stack of its own. */
#include "proof.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

static volatile uint32_t steps;

CHAIN int signal_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN void signal_handler(int number) {
    volatile int value = number;
    value = signal_inner(value);
}

CHAIN int signal_step(int first, int second) {
    steps = steps + (uint32_t)first;
    return second;
}

CHAIN int signal_waiting(int value) {
    int kept = value * 3; /* lives in a callee-saved register across the call: a push in the prologue */
    while (proof_deadline_nanoseconds > 0) {
        kept += signal_step(value, kept);
        if ((steps & 0xfffff) == 0 && !proof_running())
            break;
    }
    return kept;
}

CHAIN int signal_middle(int value) { return signal_waiting(value) + 1; }

CHAIN int signal_outer(int value) { return signal_middle(value) + 1; }

int main(int argument_count, char **arguments) {
    struct sigaction action = {.sa_handler = signal_handler, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_interval = {0, 15000}, .it_value = {0, 15000}};
    proof_begin(argument_count, arguments);
    if (argument_count > 2 && strcmp(arguments[2], "altstack") == 0) {
        stack_t stack = {.ss_size = 65536};
        stack.ss_sp = malloc(stack.ss_size);
        action.sa_flags |= SA_ONSTACK;
        if (stack.ss_sp == NULL || sigaltstack(&stack, NULL) != 0)
            return 2;
    }
    if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0)
        return 2;
    proof_ready();
    return signal_outer(1) == 0;
}
