/* start_thread > thread_main > thread_outer > thread_middle > thread_inner, after the main thread has exited. */
#include "proof.h"

#include <pthread.h>

CHAIN int thread_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int thread_middle(int value) {
    while (proof_running())
        value = thread_inner(value);
    return value;
}

CHAIN int thread_outer(int value) { return thread_middle(value) + 1; }

CHAIN void *thread_main(void *argument) {
    usleep(200000); /* the main thread is gone by then */
    proof_ready();
    return (void *)(intptr_t)(thread_outer((int)(intptr_t)argument) + 1);
}

int main(int argument_count, char **arguments) {
    pthread_t thread;
    proof_begin(argument_count, arguments);
    if (pthread_create(&thread, NULL, thread_main, (void *)(intptr_t)argument_count) != 0)
        return 2;
    pthread_exit(NULL);
}
