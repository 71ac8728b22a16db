/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Where code of Go's changes stacks. A goroutine has a stack of its own, and each thread one for the scheduler and for
 * C, that of the goroutine g0 (runtime/asm_amd64.s, asm_arm64.s; struct g and m in runtime/runtime2.go):
 *
 * systemstack calls a function on the stack of g0. The goroutine keeps its SP, g.sched.sp, while it waits.
 * morestack does the same for newstack, which goes on where the goroutine was: g.sched.pc.
 * asmcgocall calls C on the stack of g0, where it keeps the goroutine and how deep in that one's stack it was called.
 * cgocallback is called by C on the stack of g0 and calls Go on that of the goroutine which had called C. It keeps its
 * SP in g0.sched.sp, and there, at SP, the one kept before: that of the activation around it.
 *
 * Included by native_unwinding.h.
 */
#ifndef OTELCOL_GO_STACKS_H
#define OTELCOL_GO_STACKS_H

/* These have been the same in all versions since Go 1.13: stack and sched are at the start of struct g, g0 is the first
 * member of struct m. */
enum {
    GO_G_STACK_HIGH = 8,
    GO_G_M = 48,
    GO_G_SCHEDULED = 56, /* of struct gobuf: SP, PC */
};
/* lr in struct gobuf, arm64: the fifth member since Go 1.25, the sixth before. */
enum { GO_SCHEDULED_WORDS = 6 };

/* What switch_go_stack answers beyond the stop reasons: the registers are the caller's. */
enum { GO_CALLER_IS_KNOWN = 257 };

/* The goroutine that the thread runs, or its g0. */
static __always_inline int read_goroutine(struct unwind_state *state, s32 distance, u64 *goroutine) {
    u64 pointer = 0;
#if defined(__TARGET_ARCH_arm64)
    if (!distance) {
        /* Go's code keeps it in this register, and its callees leave it there. */
        *goroutine = state->registers[28];
        return 0;
    }
#endif
    (void)state;
    if (thread_pointer(&pointer))
        return 1;
    return read_user(goroutine, sizeof *goroutine, pointer + distance) != 0;
}

/* Moves SP to the stack that the code at hand was called on. Returns a stop reason, or GO_CALLER_IS_KNOWN. */
static __always_inline int switch_go_stack(struct unwind_state *state, const struct unwind_rule *rule) {
    u32 kind = rule->kind;
    u64 stack = state->registers[REGISTER_SP];
    u64 words[2] = {0, 0};
    if (kind == UNWIND_GO_KEPT_STACK) {
        state->registers[REGISTER_SP] = state->registers[REGISTER_FP];
        return STOP_NONE;
    }
    if (kind == UNWIND_GO_C_CALL) {
        /* Before the call, and behind it, this is not there yet. */
        if (!state->pc_is_return_address)
            return STOP_NONE;
        u64 high = 0;
        if (read_user(&words[0], 8, stack + rule->stack_words[0] * 8) ||
            read_user(&words[1], 8, stack + rule->stack_words[1] * 8))
            return STOP_STACK_UNREADABLE;
        /* Called on the stack of g0: its place is kept itself. */
        if (words[0] && read_user(&high, sizeof high, words[0] + GO_G_STACK_HIGH))
            return STOP_STACK_UNREADABLE;
        state->registers[REGISTER_SP] = words[0] ? high - words[1] : words[1];
        return STOP_NONE;
    }
    u64 goroutine = 0, thread = 0, current = 0;
    if (read_goroutine(state, rule->cfa_added, &goroutine) || read_user(&thread, 8, goroutine + GO_G_M) ||
        read_user(&current, 8, thread + rule->stack_words[0] * 8))
        return STOP_STACK_UNREADABLE;
    /* A thread that runs no goroutine: what led here was the scheduler itself. */
    if (!current)
        return kind == UNWIND_GO_CALLBACK ? STOP_NONE : STOP_ROOT;
    if (read_user(words, sizeof words, current))
        return STOP_STACK_UNREADABLE;
    int is_on_own_stack = stack - words[0] < words[1] - words[0];
    if (kind == UNWIND_GO_CALLBACK) {
        if (!is_on_own_stack)
            return STOP_NONE;
        u64 kept_at = state->go_callback_stack;
        if (!kept_at) {
            if (read_user(&kept_at, 8, thread))
                return STOP_STACK_UNREADABLE;
            kept_at += GO_G_SCHEDULED;
        }
        u64 kept = 0;
        if (read_user(&kept, 8, kept_at))
            return STOP_STACK_UNREADABLE;
        state->go_callback_stack = kept;
        state->registers[REGISTER_SP] = kept;
        return STOP_NONE;
    }
    if (is_on_own_stack)
        return STOP_NONE;
    u64 scheduled[GO_SCHEDULED_WORDS];
    if (read_user(scheduled, sizeof scheduled, current + GO_G_SCHEDULED))
        return STOP_STACK_UNREADABLE;
    state->registers[REGISTER_SP] = scheduled[0];
    if (kind == UNWIND_GO_SYSTEM_STACK)
        return STOP_NONE;
    state->registers[REGISTER_PC] = code_address(scheduled[1]);
    state->pc_is_return_address = 1;
#if defined(__TARGET_ARCH_arm64)
    /* A function asks for more stack before it saves anything. */
    state->registers[ARM64_LR] = code_address(scheduled[rule->stack_words[1] & 7 ? 4 : 5]);
    state->all_registers_valid = 1;
#else
    state->all_registers_valid = 0;
#endif
    return GO_CALLER_IS_KNOWN;
}

#endif
