/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Runs the chain of programs over a view. Included by one source per architecture, which defines __TARGET_ARCH_* and
 * UNWIND_SNAPSHOT, the function's name.
 */
#define OTELCOL_USER_MODE 1
#include "native.bpf.c"

void UNWIND_SNAPSHOT(const struct unwinding_view *view, struct unwinding_result *result) {
    /* 25 KiB: too much for the small stacks of dedicated threads to be taken twice, fine once. */
    struct scratch scratch;
    struct emulation context = {.view = view, .scratch = &scratch, .next = UNWINDER_NATIVE};
    struct process process = {.first_mapping = 0, .mapping_count = view->mapping_count};
    struct bpf_perf_event_data event = {0};

    memset(&scratch.header, 0, sizeof scratch.header);
    memset(&scratch.state, 0, sizeof scratch.state);
    scratch.header.flags = view->trace_flags;
    memcpy(scratch.state.registers, view->registers, sizeof scratch.state.registers);
    settings.frames_per_call = MAX_FRAMES_PER_CALL;
    settings.pointer_mask = view->pointer_mask;
    emulation = &context;
    begin_unwinding(&scratch, &process);
    for (u32 calls = 0; calls < 64 && context.next != UNWINDER_FINISH; calls++) {
        switch (context.next) {
        case UNWINDER_NATIVE: unwind_native(&event); break;
        default:
            scratch.header.stop_reason = STOP_TAIL_CALL_FAILED;
            context.next = UNWINDER_FINISH;
        }
    }
    emulation = 0;

    result->stop_reason = scratch.header.stop_reason;
    /* Nothing was copied where the memory is gone: there is no more of it either. */
    if (result->stop_reason == STOP_STACK_UNREADABLE && context.read_behind_snapshot && view->stack_bytes)
        result->stop_reason = STOP_TRUNCATED_SNAPSHOT;
    result->user_frame_count = scratch.header.user_frame_count;
    result->word_count = scratch.header.word_count;
    if (result->word_count > ABI_TRACE_WORDS)
        result->word_count = 0;
    result->reserved = 0;
    memcpy(result->words, scratch.words, result->word_count * sizeof(u64));
}
