/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the unwinders of managed runtimes share.
 *
 * An interpreter's loop is a native function, and each of its activations runs some of the interpreter's frames. When
 * native unwinding comes to an activation it calls the runtime's program, which records the frames of that activation
 * and goes on with native unwinding itself: both alternate often, and a chain of programs may have some thirty calls
 * only. So the frames of both come in their true order, leaf first, those of an activation before its loop's.
 */
#ifndef OTELCOL_RUNTIME_UNWINDING_H
#define OTELCOL_RUNTIME_UNWINDING_H

#include "native_unwinding.h"

/* Reads a word that the thread keeps for itself. */
static __always_inline int read_thread_value(const struct thread_value *value, u64 *to) {
    u64 address = 0;
    if (thread_pointer(&address))
        return 1;
    for (u32 step = 0; step < THREAD_VALUE_STEPS; step++) {
        if (step >= value->count)
            break;
        if (read_user(&address, sizeof address, address + value->offsets[step]))
            return 1;
    }
    *to = address;
    return 0;
}

/* Records a runtime's frame: its header and `count` words, two or three. Returns a stop reason. */
static __always_inline int record_runtime_words(struct scratch *scratch, u32 kind, u32 attachment, u32 count_of_words,
                                                u64 first, u64 second, u64 third) {
    if (scratch->state.is_draining && !scratch->state.has_gap) {
        scratch->state.has_gap = 1;
        record_marker(scratch, MARKER_NATIVE_MISSING);
    }
    u32 word = scratch->header.word_count;
    if (scratch->header.user_frame_count >= ABI_MAX_USER_FRAMES || word > ABI_TRACE_WORDS - 4)
        return STOP_TRUNCATED_FRAMES;
    scratch->words[word] = (u64)kind << 56 | (u64)(1 + count_of_words) << 40 | attachment;
    scratch->words[word + 1] = first;
    scratch->words[word + 2] = second;
    if (count_of_words > 2)
        scratch->words[word + 3] = third;
    scratch->header.word_count = word + 1 + count_of_words;
    scratch->header.user_frame_count++;
    count(COUNTER_RUNTIME_FRAMES, 1);
    return STOP_NONE;
}

/* Records a runtime's frame of two words behind its header. Returns a stop reason. */
static __always_inline int record_runtime_frame(struct scratch *scratch, u32 kind, u32 attachment, u64 first,
                                                u64 second) {
    return record_runtime_words(scratch, kind, attachment, 2, first, second, 0);
}

/* The word at an offset of what was read into runtime_words. */
static __always_inline u64 runtime_word(const struct unwind_state *state, u32 offset) {
    return state->runtime_words[(offset >> 3) & 31];
}

static __always_inline u32 runtime_half_word(const struct unwind_state *state, u32 offset) {
    return (u32)(runtime_word(state, offset) >> ((offset & 4) * 8));
}

static __always_inline u8 runtime_byte(const struct unwind_state *state, u32 offset) {
    return (u8)(runtime_word(state, offset) >> ((offset & 7) * 8));
}

/* The runtime has recorded what this activation has: its native frame comes next. */
static __always_inline void leave_activation(struct unwind_state *state) {
    state->is_in_activation = 0;
    state->activation_is_done = 1;
}

/* No more frames of this runtime in this trace. */
static __always_inline void leave_runtime(struct unwind_state *state, u32 unwinder) {
    state->left_runtimes &= ~(1u << unwinder);
    leave_activation(state);
}

/* As leave_runtime, when the chain could not be followed to its end. */
static __always_inline void abandon_runtime(struct scratch *scratch, u32 unwinder) {
    count(COUNTER_RUNTIME_UNREADABLE, 1);
    record_marker(scratch, MARKER_RUNTIME_UNREADABLE);
    leave_runtime(&scratch->state, unwinder);
}

#endif
