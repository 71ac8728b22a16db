/* Shared by the proof programs: C and C++ programs whose busy time is spent in a call chain known in advance.
 *
 * Every program takes the number of seconds to run as its first argument, prints "ready PID" when its busy loop is
 * about to start, and then spins. A function of a chain is a CHAIN: neither inlined, cloned, split nor analysed by its
 * callers, and with `-fno-optimize-sibling-calls` none of its calls becomes a jump, so that each leaves a frame. */
#ifndef PROOF_H
#define PROOF_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHAIN __attribute__((noipa))

static int64_t proof_deadline_nanoseconds;

static inline int64_t proof_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int proof_running(void) { return proof_now() < proof_deadline_nanoseconds; }

/* To be inlined into the leaf of a chain: about 10 ms in which nothing is called. */
static inline __attribute__((always_inline)) void proof_burn(void) {
    for (volatile uint32_t turn = 0; turn < 5000000; turn = turn + 1) {
    }
}

static inline void proof_begin(int argument_count, char **arguments) {
    double seconds = argument_count > 1 ? atof(arguments[1]) : 10;
    proof_deadline_nanoseconds = proof_now() + (int64_t)(seconds * 1e9);
}

static inline void proof_ready(void) {
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
}

#endif
