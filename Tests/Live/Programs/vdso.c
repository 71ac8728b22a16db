/* main > vdso_outer > vdso_middle > vdso_inner > clock_gettime (libc) > vDSO. */
#include "proof.h"

CHAIN int64_t vdso_inner(int count) {
    int64_t last = 0;
    while (count-- > 0)
        last += proof_now();
    return last;
}

CHAIN int64_t vdso_middle(int count) {
    int64_t last = 0;
    while (proof_running())
        last += vdso_inner(count);
    return last;
}

CHAIN int64_t vdso_outer(int count) { return vdso_middle(count) + 1; }

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return vdso_outer(100000) == 0;
}
