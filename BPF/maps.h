/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * All maps. Each object declares them; the loader creates them with the first object and lends them to the others by
 * name. Programs use the accessors below, which have twins in the emulation for user mode.
 *
 * Hash maps are preallocated: perf_event programs may not use others before Linux 6.1.
 */
#ifndef OTELCOL_MAPS_H
#define OTELCOL_MAPS_H

#include "scratch.h"

#ifndef OTELCOL_USER_MODE

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, struct scratch);
} scratch_records SEC(".maps");

/* Type and size are set at load: a ring buffer from Linux 5.8 on, else a perf event array. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
} traces SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, UNWINDER_COUNT);
    __type(key, u32);
    __type(value, u32);
} unwinders SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, u32);
    __type(value, struct process);
} processes SEC(".maps");

/* Control groups (cgroup v2, by id) whose processes are left out before anything is known of them. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, ABI_MAX_EXCLUDED_GROUPS);
    __type(key, u64);
    __type(value, u32);
} excluded_groups SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 65536);
    __type(key, u32);
    __type(value, struct mapping);
} mappings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 16384);
    __type(key, u32);
    __type(value, struct executable);
} executables SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ABI_MAX_UNWIND_RULES);
    __type(key, u32);
    __type(value, struct unwind_rule);
} unwind_rules SEC(".maps");

/* Each CPU's own, by number: programs of one CPU that use it do not interrupt each other. A plain array, because
 * per-CPU ones end at 32 KiB. */
struct rule_cache {
    struct cached_rule rules[ABI_CACHED_RULES];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1); /* set at load: possible CPUs */
    __type(key, u32);
    __type(value, struct rule_cache);
} rule_caches SEC(".maps");

struct table_chunk {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, TABLE_BLOCKS_PER_CHUNK);
    __uint(key_size, sizeof(u32)); /* by size: of an inner map clang emits no more than the types' names */
    __uint(value_size, sizeof(struct table_block));
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, TABLE_MAX_CHUNKS);
    __type(key, u32);
    __array(values, struct table_chunk);
} table_chunks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTER_TOTAL);
    __type(key, u32);
    __type(value, u64);
} counters SEC(".maps");

static __always_inline struct scratch *scratch_record(void) {
    u32 zero = 0;
    return bpf_map_lookup_elem(&scratch_records, &zero);
}

static __always_inline const struct process *find_process(u32 pid) {
    return bpf_map_lookup_elem(&processes, &pid);
}

static __always_inline int is_excluded_group(u64 id) {
    return bpf_map_lookup_elem(&excluded_groups, &id) != 0;
}

static __always_inline const struct mapping *mapping_at(u32 index) {
    return bpf_map_lookup_elem(&mappings, &index);
}

static __always_inline const struct executable *executable_at(u32 number) {
    return bpf_map_lookup_elem(&executables, &number);
}

static __always_inline const struct unwind_rule *rule_at(u32 number) {
    return bpf_map_lookup_elem(&unwind_rules, &number);
}

static __always_inline struct rule_cache *rule_cache_of_cpu(u32 cpu) {
    return bpf_map_lookup_elem(&rule_caches, &cpu);
}

/* Where a rule is remembered, by a hash whose high bits are good. */
static __always_inline struct cached_rule *cache_entry(struct rule_cache *cache, u32 hash) {
    return &cache->rules[hash / (u32)(0x100000000 / ABI_CACHED_RULES)];
}

/* The block that holds the arena's word `word`. */
static __always_inline const struct table_block *block_of_word(u32 word) {
    u32 chunk = word >> 16;
    u32 block = (word >> 10) & (TABLE_BLOCKS_PER_CHUNK - 1);
    void *blocks = bpf_map_lookup_elem(&table_chunks, &chunk);
    if (!blocks)
        return 0;
    return bpf_map_lookup_elem(blocks, &block);
}

static __always_inline void count(u32 counter, u64 number) {
    u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value)
        *value += number;
}

/* Ends the calling program when the call succeeds; goes on behind it when it does not. */
#define TAIL_CALL(context, slot) bpf_tail_call(context, &unwinders, slot)

#endif

#endif
