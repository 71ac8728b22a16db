/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The kernel side's unwinders, compiled a second time for user mode. The very same C unwinds stacks that were copied
 * because the kernel could not unwind them yet, replays recorded cases in tests, and runs under sanitizers and fuzzers.
 */
#ifndef OTELCOL_SNAPSHOT_UNWINDING_H
#define OTELCOL_SNAPSHOT_UNWINDING_H

#include "../../include/abi.h"

/* Everything that the unwinders can see: a thread's registers and stack, and what the kernel's maps would hold. */
struct unwinding_view {
    const u64 *registers; /* ABI_REGISTER_COUNT */
    u64 stack_start;      /* process address of stack[0] */
    const u8 *stack;
    u64 stack_bytes;
    u32 trace_flags;  /* enum trace_flag */
    u64 pointer_mask; /* see struct kernel_settings */

    const struct mapping *mappings; /* sorted by start */
    u32 mapping_count;
    const struct executable *executables; /* indexed by number */
    u32 executable_count;
    const struct unwind_rule *rules;
    u32 rule_count;
    /* The arena's block of this number, or NULL; stays valid until the next call. */
    const struct table_block *(*block)(void *context, u32 number);
    void *context;
    /* ABI_CACHED_RULES entries that are kept from one call to the next, or NULL: nothing is remembered. */
    struct cached_rule *cache;
};

struct unwinding_result {
    u32 stop_reason; /* enum stop_reason */
    u32 user_frame_count;
    u32 word_count;
    u32 reserved;
    u64 words[ABI_TRACE_WORDS]; /* frames as in a trace record */
};

/* Unwinds from the registers to the root, or as far as it goes. STOP_TRUNCATED_SNAPSHOT says that the stack goes on
 * beyond stack_bytes. Any input is safe. Threads do not share state. */
void unwind_snapshot_x86_64(const struct unwinding_view *view, struct unwinding_result *result);
void unwind_snapshot_arm64(const struct unwinding_view *view, struct unwinding_result *result);

static inline void unwind_snapshot(const struct unwinding_view *view, struct unwinding_result *result) {
#if defined(__aarch64__)
    unwind_snapshot_arm64(view, result);
#else
    unwind_snapshot_x86_64(view, result);
#endif
}

#endif
