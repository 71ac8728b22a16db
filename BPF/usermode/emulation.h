/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the programs find in place of the kernel when they are compiled for user mode: the accessors of maps.h and the
 * helpers that they use, over one struct unwinding_view. Included once per translation unit.
 */
#ifndef OTELCOL_EMULATION_H
#define OTELCOL_EMULATION_H

#include "include/snapshot_unwinding.h"
#include <string.h>

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
/* Programs are functions of this translation unit, called by number. */
#define SEC(name) static
#define LICENSE struct end_of_program

struct bpf_perf_event_data {
    int unused;
};

struct scratch;

struct emulation {
    const struct unwinding_view *view;
    struct scratch *scratch;
    u32 next;                /* the program called next */
    struct cached_rule uncached; /* where a rule is put when the view has no cache */
    int read_behind_snapshot; /* the latest read went past the copied part of the stack */
};

static __thread struct emulation *emulation;
static __thread struct kernel_settings settings;

static __always_inline long read_user(void *to, u32 size, u64 from) {
    const struct unwinding_view *view = emulation->view;
    u64 offset = from - view->stack_start;
    emulation->read_behind_snapshot = 0;
    if (offset > view->stack_bytes || size > view->stack_bytes - offset) {
        /* Within a stack's usual size above the copy; anything else is no stack of this thread. */
        if (from >= view->stack_start && offset < (8 << 20))
            emulation->read_behind_snapshot = 1;
        return -14; /* EFAULT */
    }
    memcpy(to, view->stack + offset, size);
    return 0;
}

/* Of a thread that has gone on since. */
static __always_inline int thread_pointer(u64 *pointer) {
    (void)pointer;
    return 1;
}

struct process;

static __always_inline struct scratch *scratch_record(void) {
    return emulation->scratch;
}

static __always_inline const struct mapping *mapping_at(u32 index) {
    return index < emulation->view->mapping_count ? &emulation->view->mappings[index] : 0;
}

static __always_inline const struct executable *executable_at(u32 number) {
    return number < emulation->view->executable_count ? &emulation->view->executables[number] : 0;
}

static __always_inline const struct unwind_rule *rule_at(u32 number) {
    return number < emulation->view->rule_count ? &emulation->view->rules[number] : 0;
}

struct rule_cache;

/* Any address but NULL: there may be no cache. */
static __always_inline struct rule_cache *rule_cache_of_cpu(u32 cpu) {
    (void)cpu;
    return (struct rule_cache *)&emulation->uncached;
}

static __always_inline struct cached_rule *cache_entry(struct rule_cache *cache, u32 hash) {
    (void)cache;
    if (emulation->view->cache)
        return &emulation->view->cache[hash / (u32)(0x100000000 / ABI_CACHED_RULES)];
    emulation->uncached.table = 0;
    return &emulation->uncached;
}

static __always_inline const struct table_block *block_of_word(u32 word) {
    return emulation->view->block(emulation->view->context, word / TABLE_BLOCK_WORDS);
}

static __always_inline void count(u32 counter, u64 number) {
    (void)counter;
    (void)number;
}

/* A tail call does not return: leave the program, the driver runs the next one. */
#define TAIL_CALL(context, slot)                                                                                       \
    do {                                                                                                               \
        (void)(context);                                                                                               \
        emulation->next = (slot);                                                                                      \
        return 0;                                                                                                      \
    } while (0)

#endif
