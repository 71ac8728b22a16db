/* main > large_outer (100 KiB of locals) > large_middle (alloca of 70,000 to 90,000 bytes) > large_inner. */
#include "proof.h"

#include <alloca.h>

CHAIN int large_inner(volatile char *bytes, size_t count) {
    bytes[count - 1] = 1;
    proof_burn();
    return bytes[0];
}

CHAIN int large_middle(int value) {
    size_t count = 70000 + (size_t)(value & 0xfff) * 4;
    volatile char *bytes = alloca(count);
    bytes[0] = (char)value;
    return large_inner(bytes, count) + bytes[count - 1];
}

CHAIN int large_outer(int value) {
    volatile char bytes[100 * 1024];
    for (size_t offset = 0; offset < sizeof bytes; offset += 4096)
        bytes[offset] = (char)value;
    while (proof_running())
        value += large_middle(value) + bytes[4096];
    return value;
}

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    return large_outer(argument_count) == 0;
}
