/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Labels of goroutines, set with runtime/pprof.Do and SetGoroutineLabels: a thread's goroutine -> m -> curg -> labels,
 * so that they are found on the scheduler's stack too. Until Go 1.23 they are a map[string]string (runtime/map.go:
 * struct hmap and bmap), since then a slice of pairs of strings (runtime/pprof/label.go).
 */
#ifndef OTELCOL_GO_LABELS_H
#define OTELCOL_GO_LABELS_H

#include "native_unwinding.h"

/* Of a map at most so many buckets of eight are looked at, without those that overflow. */
enum { GO_MAP_BUCKETS = 4, GO_MAP_BUCKET_BYTES = 272, GO_MAP_FIRST_TOP_HASH = 5 };

struct go_string {
    u64 address;
    u64 length;
};

/* Copies a string, cut. `limit` is a constant, and the bytes are cleared before. */
#define COPY_GO_STRING(to, string, limit)                                                                              \
    do {                                                                                                               \
        u64 copied = (string).length;                                                                                  \
        asm volatile("" : "+r"(copied));                                                                               \
        if (copied > (limit))                                                                                          \
            copied = (limit);                                                                                          \
        if (copied && read_user(to, copied, (string).address))                                                         \
            return;                                                                                                    \
    } while (0)

/* Appends a label, unless it cannot be read. */
static __always_inline void record_go_label(struct scratch *scratch, const struct go_string *pair) {
    struct trace_header *header = &scratch->header;
    u64 word = header->word_count + header->label_count * GO_LABEL_WORDS;
    if (header->label_count >= GO_LABELS_AT_MOST || !pair[0].length)
        return;
    asm volatile("" : "+r"(word));
    if (word > ABI_TRACE_WORDS - GO_LABEL_WORDS)
        return;
    u64 *words = &scratch->words[word];
    _Pragma("unroll") for (u32 index = 1; index < GO_LABEL_WORDS; index++) words[index] = 0;
    words[0] = (pair[0].length & 0xffffffff) | pair[1].length << 32;
    COPY_GO_STRING(&words[1], pair[0], GO_LABEL_KEY_BYTES);
    COPY_GO_STRING(&words[1 + GO_LABEL_KEY_BYTES / 8], pair[1], GO_LABEL_VALUE_BYTES);
    header->label_count++;
}

static __always_inline void record_labels_in_slice(struct scratch *scratch, u64 labels) {
    u64 slice[2]; /* address, length */
    struct go_string pair[2];
    if (read_user(slice, sizeof slice, labels))
        return;
    for (u32 index = 0; index < GO_LABELS_AT_MOST; index++) {
        if (index >= slice[1] || read_user(pair, sizeof pair, slice[0] + index * sizeof pair))
            break;
        record_go_label(scratch, pair);
    }
}

static __always_inline void record_labels_in_map(struct scratch *scratch, u64 labels) {
    u64 map = 0;
    u64 words[3]; /* count; flags, then the binary logarithm of the number of buckets; buckets */
    if (read_user(&map, sizeof map, labels) || read_user(words, sizeof words, map) || !words[0])
        return;
    u32 logarithm = (words[1] >> 8) & 0xff;
    for (u32 slot = 0; slot < GO_MAP_BUCKETS * 8; slot++) {
        u64 bucket = words[2] + (slot >> 3) * GO_MAP_BUCKET_BYTES;
        u32 place = slot & 7;
        u8 top_hash = 0;
        struct go_string pair[2];
        if (logarithm < 8 && slot >> 3 >= 1u << (logarithm & 7))
            break;
        if (read_user(&top_hash, 1, bucket + place))
            break;
        if (top_hash < GO_MAP_FIRST_TOP_HASH)
            continue;
        if (read_user(&pair[0], sizeof pair[0], bucket + 8 + place * 16) ||
            read_user(&pair[1], sizeof pair[1], bucket + 136 + place * 16))
            break;
        record_go_label(scratch, pair);
    }
}

/* Appends the labels of the goroutine behind the frames of the trace. */
static __always_inline void record_go_labels(struct scratch *scratch) {
    struct unwind_state *state = &scratch->state;
    u64 goroutine = 0, thread = 0, current = 0, labels = 0;
    if (read_goroutine(state, state->go.goroutine, &goroutine) || read_user(&thread, 8, goroutine + GO_G_M) ||
        read_user(&current, 8, thread + state->go.current) || !current ||
        read_user(&labels, 8, current + (state->go.labels & ~7u)) || !labels)
        return;
    if (state->go.labels & GO_LABELS_IN_SLICE)
        record_labels_in_slice(scratch, labels);
    else
        record_labels_in_map(scratch, labels);
}

#endif
