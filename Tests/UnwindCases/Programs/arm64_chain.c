/* Call chains of every kind on arm64, to be stopped by a debugger under qemu-aarch64; see
 * Scripts/record-unwind-cases. */
#include <alloca.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHAIN __attribute__((noipa))

static volatile int sink;

/* Keeps its return address in the link register. */
CHAIN int chain_leaf(int value) { return value * 3 + 1; }

/* Keeps a pair of frame pointer and link register on the stack. */
CHAIN int chain_middle(int value) {
    int result = chain_leaf(value);
    sink = result;
    return result + value;
}

CHAIN int chain_outer(int value) { return chain_middle(value) + 1; }

CHAIN int recursion_step(int depth) { return depth == 0 ? chain_leaf(depth) + 1 : recursion_step(depth - 1) + 1; }

CHAIN int large_inner(volatile char *bytes, size_t count) {
    bytes[count - 1] = 1;
    return chain_leaf(bytes[0]) + 1;
}

CHAIN int large_outer(size_t count) {
    volatile char fixed[6000];
    volatile char *bytes = alloca(count);
    fixed[0] = bytes[0] = 1;
    return large_inner(bytes, count) + fixed[0];
}

CHAIN int sort_compare(const void *left, const void *right) {
    return chain_leaf(*(const int *)left - *(const int *)right) + sink;
}

CHAIN int sort_outer(void) {
    int values[] = {3, 1, 2};
    qsort(values, 3, sizeof *values, sort_compare);
    return values[0];
}

/* The kernel's own struct, and a trampoline of our own: emulators have no vDSO whose trampoline could be unwound. */
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

void signal_trampoline(void);
__asm__(".text\n.align 4\n"
        ".cfi_startproc\n.cfi_signal_frame\n"
        ".cfi_def_cfa sp, 0\n"
        "nop\n" /* the return address is looked up one byte earlier */
        ".globl signal_trampoline\n.type signal_trampoline, %function\n"
        "signal_trampoline:\n\tmov x8, #139\n\tsvc #0\n"
        ".cfi_endproc\n.size signal_trampoline, .-signal_trampoline\n");

CHAIN int signal_inner(int value) { return chain_leaf(value) + 1; }

CHAIN void signal_handler(int number) { sink = signal_inner(number) + 1; }

/* Interrupted while its return address is in the link register: a store to no memory. */
CHAIN int signal_leaf(volatile int *nowhere) {
    *nowhere = 1;
    return 0;
}

CHAIN int signal_outer(void) {
    struct kernel_sigaction action = {signal_handler, 0x04000000 /* SA_RESTORER */, signal_trampoline, 0};
    if (syscall(SYS_rt_sigaction, SIGSEGV, &action, NULL, 8) != 0)
        return 2;
    return signal_leaf((volatile int *)16) + 1;
}

int main(int argument_count, char **arguments) {
    const char *kind = argument_count > 1 ? arguments[1] : "chain";
    if (strcmp(kind, "recursion") == 0)
        return recursion_step(60);
    if (strcmp(kind, "large") == 0)
        return large_outer(3000 + argument_count);
    if (strcmp(kind, "sort") == 0)
        return sort_outer();
    if (strcmp(kind, "signal") == 0)
        return signal_outer();
    return chain_outer(argument_count);
}
