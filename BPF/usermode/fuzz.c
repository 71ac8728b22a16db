/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Fuzzing of the unwinders: any bytes as registers, stack, mappings, executables, rules and table blocks, unwound
 * as both architectures, with an empty cache of rules and with the one that this left. Built by Scripts/fuzz-
 * unwinder. Sources/Profiler/UnwindCases writes recorded cases in this layout.
 */
#include "include/snapshot_unwinding.h"
#include <stdlib.h>
#include <string.h>

/* Arrays follow in the order of the counts. */
struct fuzz_input {
    u64 registers[ABI_REGISTER_COUNT];
    u64 stack_start;
    u64 pointer_mask;
    u32 trace_flags;
    u32 stack_bytes;
    u32 mapping_count;
    u32 executable_count;
    u32 rule_count;
    u32 block_count;
};

static const u8 *input;
static size_t left;
static struct table_block *blocks;
static u32 block_count;

/* A copy of its own of up to `count` elements, so that reads behind its end are seen. */
static void *take(u32 *count, size_t size) {
    if (*count > left / size)
        *count = left / size;
    void *copy = malloc(*count * size);
    if (copy)
        memcpy(copy, input, *count * size);
    input += *count * size;
    left -= *count * size;
    return copy;
}

static const struct table_block *find_block(void *context, u32 number) {
    (void)context;
    return number < block_count ? &blocks[number] : 0;
}

/* Words are native frames, of two words each, and at most one marker: no runtime is attached to a snapshot. */
static void check(const struct unwinding_result *result, const struct unwinding_result *again) {
    u32 frames = 0, markers = 0, word = 0;
    while (word < result->word_count) {
        u32 words = result->words[word] >> 40 & 0xff;
        u32 kind = result->words[word] >> 56;
        if (words != (kind == FRAME_NATIVE ? 2 : 1) || (kind != FRAME_NATIVE && kind != FRAME_MARKER))
            abort();
        frames += kind == FRAME_NATIVE;
        markers += kind == FRAME_MARKER;
        word += words;
    }
    if (word != result->word_count || frames != result->user_frame_count || markers > 1)
        abort();
    if (result->stop_reason == STOP_NONE || result->stop_reason >= STOP_REASON_COUNT ||
        result->user_frame_count > ABI_MAX_USER_FRAMES)
        abort();
    if (again->stop_reason != result->stop_reason || again->word_count != result->word_count ||
        memcmp(again->words, result->words, result->word_count * sizeof *result->words))
        abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size) {
    static struct unwinding_result result, again;
    static struct cached_rule cache[ABI_CACHED_RULES];
    struct fuzz_input header;
    if (size < sizeof header)
        return -1;
    memcpy(&header, data, sizeof header);
    input = data + sizeof header;
    left = size - sizeof header;
    u8 *stack = take(&header.stack_bytes, 1);
    struct mapping *mappings = take(&header.mapping_count, sizeof *mappings);
    struct executable *executables = take(&header.executable_count, sizeof *executables);
    struct unwind_rule *rules = take(&header.rule_count, sizeof *rules);
    blocks = take(&header.block_count, sizeof *blocks);
    block_count = header.block_count;
    struct unwinding_view view = {
        .registers = header.registers, .stack_start = header.stack_start, .stack = stack,
        .stack_bytes = header.stack_bytes, .trace_flags = header.trace_flags, .pointer_mask = header.pointer_mask,
        .mappings = mappings, .mapping_count = header.mapping_count, .executables = executables,
        .executable_count = header.executable_count, .rules = rules, .rule_count = header.rule_count,
        .block = find_block, .cache = cache,
    };
    /* Names of tables are never given twice. */
    for (u32 number = 0; executables && number < header.executable_count; number++)
        executables[number].table = number + 1;
    memset(cache, 0, sizeof cache);
    unwind_snapshot_x86_64(&view, &result);
    unwind_snapshot_x86_64(&view, &again);
    check(&result, &again);
    unwind_snapshot_arm64(&view, &result);
    unwind_snapshot_arm64(&view, &again);
    check(&result, &again);
    free(stack);
    free(mappings);
    free(executables);
    free(rules);
    free(blocks);
    return 0;
}
