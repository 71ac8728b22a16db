/* main > calls_outer > calls_middle > calls_inner > read (libc) > kernel: nearly all the time is spent in the kernel. */
#include "proof.h"

#include <fcntl.h>

static char buffer[1 << 20];

CHAIN long calls_inner(int descriptor) {
    long total = 0;
    for (int turn = 0; turn < 20; turn++)
        total += read(descriptor, buffer, sizeof buffer);
    return total;
}

CHAIN long calls_middle(int descriptor) {
    long total = 0;
    while (proof_running())
        total += calls_inner(descriptor);
    return total;
}

CHAIN long calls_outer(int descriptor) { return calls_middle(descriptor) + 1; }

int main(int argument_count, char **arguments) {
    int descriptor = open("/dev/urandom", O_RDONLY);
    proof_begin(argument_count, arguments);
    if (descriptor < 0)
        return 2;
    proof_ready();
    return calls_outer(descriptor) == 0;
}
