/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Unwinder for native code: some frames each call, then calls itself until the stack ends.
 */
#include "native_unwinding.h"

enum { MAX_FRAMES_PER_CALL = 64 };

SEC("perf_event")
int unwind_native(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    int stop = STOP_NONE;
    for (u32 frame = 0; frame < MAX_FRAMES_PER_CALL; frame++) {
        if (frame >= settings.frames_per_call)
            break;
        stop = unwind_frame(scratch, cache);
        if (stop)
            break;
    }
    return go_on(context, scratch, UNWINDER_NATIVE, stop);
}

LICENSE;
