/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What every program needs: kernel types and helpers, or their emulation when the programs are compiled for user mode
 * (BPF/usermode), and reads of memory that choose the helper the kernel has.
 */
#ifndef OTELCOL_HELPERS_H
#define OTELCOL_HELPERS_H

#ifdef OTELCOL_USER_MODE

#include "usermode/emulation.h"

#else

#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>
#include "include/abi.h"

/* Set before load; the verifier takes them as constants and drops the branches that cannot run. */
const volatile struct kernel_settings settings = {};

static __always_inline long read_user(void *to, u32 size, u64 from) {
    if (settings.has_probe_read_user)
        return bpf_probe_read_user(to, size, (const void *)from);
    return bpf_probe_read(to, size, (const void *)from);
}

static __always_inline long read_kernel(void *to, u32 size, u64 from) {
    if (settings.has_probe_read_user)
        return bpf_probe_read_kernel(to, size, (const void *)from);
    return bpf_probe_read(to, size, (const void *)from);
}

/* The present thread's pointer to its own memory. */
static __always_inline int thread_pointer(u64 *pointer) {
    if (settings.thread_pointer_offset < 0)
        return 1;
    return read_kernel(pointer, sizeof *pointer, bpf_get_current_task() + settings.thread_pointer_offset) != 0;
}

#define LICENSE char licence_of_program[] SEC("license") = "Dual BSD/GPL"

#endif

#if defined(__TARGET_ARCH_x86)
enum { REGISTER_PC = X86_RIP, REGISTER_SP = X86_RSP, REGISTER_FP = X86_RBP };
#elif defined(__TARGET_ARCH_arm64)
enum { REGISTER_PC = ARM64_PC, REGISTER_SP = ARM64_SP, REGISTER_FP = ARM64_FP };
#else
#error "compile with -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

#endif
