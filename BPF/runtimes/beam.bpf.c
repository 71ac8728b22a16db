/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Erlang/OTP's emulator with its compiler (BeamAsm). A scheduler's thread runs one Erlang process after the other, each
 * on a stack of its own in its heap. That stack has terms and return addresses: a term's lowest two bits are never 0,
 * those of a return address always are, so the caller of each function is the next such word
 * (erts/emulator/beam/erl_vm.h, is_CP). The outermost function returns to the code that ends a process.
 *
 * Compiled code calls C functions on the thread's own stack: x86_64 then has the process's stack pointer in Process.stop
 * or, where C code need not see it, in RBP (emit_enter_runtime, erts/emulator/beam/jit/x86/beam_asm.hpp). Between two
 * processes the thread runs process_main, compiled code too, whose frame is the thread's.
 *
 * A frame is its address, and a checksum of the digest of its module: modules are loaded and purged at any time.
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct beam_process);
} beam_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };
/* Words of a stack that a step looks at. A function has 1024 of its own at most (MAX_REG). */
enum { WORDS_PER_STEP = 16, MAX_WORDS_PER_FUNCTION = 1056 };
/* 2^18 modules. */
enum { MODULE_BISECTION_STEPS = 18 };
/* struct ranges: modules, n, allocated, mid (beam_ranges.c); there are as many as code indices (code_ix.h). */
enum { RANGES_BYTES = 32, CODE_INDICES = 3 };

#if defined(__TARGET_ARCH_x86)
enum { REGISTER_PROCESS = X86_R13, REGISTER_REGISTERS = X86_RBX, REGISTER_STACK = X86_RSP };
#else
enum { REGISTER_PROCESS = 21, REGISTER_STACK = 20 };
#endif

/* ---- Modules ----------------------------------------------------------------------------------------------------- */

/* Begins with the modules that are in use now. */
static __always_inline void read_modules(struct beam_state *own, const struct beam_process *beam) {
    u64 ranges[2] = {};
    u32 index = 0;
    own->modules = 0;
    own->module_count = 0;
    own->start = 0;
    own->end = 0;
    own->low = ~0ull;
    own->high = 0;
    for (u32 number = 0; number < BEAM_SHARED_CODE; number++) {
        u64 start = beam->shared[number].start, end = start + beam->shared[number].length;
        own->low = start < own->low ? start : own->low;
        own->high = end > own->high ? end : own->high;
    }
    if (beam->code_index && read_user(&index, sizeof index, beam->code_index))
        index = 0;
    if (!beam->ranges || index >= CODE_INDICES ||
        read_user(ranges, sizeof ranges, beam->ranges + index * RANGES_BYTES) || !ranges[0] || !ranges[1] ||
        ranges[1] >> MODULE_BISECTION_STEPS)
        return;
    own->modules = ranges[0];
    own->module_count = (u32)ranges[1];
    u64 start = 0, end = 0;
    if (!read_user(&start, sizeof start, own->modules) && start < own->low)
        own->low = start;
    if (!read_user(&end, sizeof end, own->modules + (own->module_count - 1) * 16ull + 8) && end > own->high)
        own->high = end;
}

/* What tells a module from another one that lies there after it: its digest, made of its name and its code. */
static __always_inline u32 module_checksum(u64 start, const struct beam_process *beam) {
    u64 digest = 0, words[2];
    if (read_user(&digest, sizeof digest, start + beam->module_digest) ||
        read_user(words, BEAM_DIGEST_BYTES, digest))
        return 0;
    u64 sum = words[0] * 31 + words[1];
    u32 checksum = (u32)(sum ^ sum >> 32);
    return checksum + !checksum;
}

/* Finds the compiled code that holds the address. */
static __always_inline int find_module(struct unwind_state *state, const struct beam_process *beam, u64 address) {
    struct beam_state *own = &state->beam;
    if (address - own->start < own->end - own->start)
        return 1;
    own->checksum = 0;
    for (u32 number = 0; number < BEAM_SHARED_CODE; number++) {
        if (is_in_range(&beam->shared[number], address)) {
            own->start = beam->shared[number].start;
            own->end = own->start + beam->shared[number].length;
            return 1;
        }
    }
    state->search_low = 0;
    state->search_high = own->module_count;
    for (u32 step = 0; step < MODULE_BISECTION_STEPS; step++) {
        u32 low = state->search_low, high = state->search_high;
        if (low >= high)
            break;
        u32 middle = (low + high) >> 1;
        u64 range[2];
        if (read_user(range, sizeof range, own->modules + middle * 16ull))
            break;
        if (address < range[0]) {
            state->search_high = middle;
        } else if (address >= range[1]) {
            state->search_low = middle + 1;
        } else {
            own->start = range[0];
            own->end = range[1];
            own->checksum = module_checksum(range[0], beam);
            return 1;
        }
    }
    return 0;
}

static __always_inline int record_code(struct scratch *scratch, const struct beam_process *beam, u64 pc, u32 checksum,
                                       u32 flags) {
    return record_runtime_frame(scratch, FRAME_BEAM, beam->attachment, pc, (u64)checksum << 32 | flags);
}

/* ---- Stacks ------------------------------------------------------------------------------------------------------ */

#if defined(__TARGET_ARCH_x86)
/* Bytes of code behind a call in which it must show where the stack pointer comes from. */
enum { CODE_BYTES = 64 };

/* Whether compiled code, called from C or about to call it, restores the process's stack pointer from RBP: which of two
 * instructions comes first, mov %rbp, %rsp or mov stop(%r13), %rsp. */
static __always_inline int stack_is_in_rbp(struct unwind_state *state, const struct beam_process *beam, u64 pc) {
    if (read_user(state->runtime_words, CODE_BYTES, pc))
        return 0;
    for (u32 index = 0; index < CODE_BYTES - 4; index++) {
        u32 code = (u32)(runtime_word(state, index) >> (index & 7) * 8);
        if ((index & 7) > 4)
            code |= (u32)(runtime_word(state, index + 8) << (64 - (index & 7) * 8));
        if ((code & 0xffffff) == 0xe58b48 || (code & 0xffffff) == 0xec8948)
            return 1;
        if (code == (0x00658b49 | (u32)beam->process_stop << 24))
            return 0;
    }
    return 0;
}
#endif

/* The stack pointer of a process whose thread works on its own stack; 0: none. */
static __always_inline u64 saved_stack(struct unwind_state *state, const struct beam_process *beam, u64 process,
                                       u64 pc) {
    u64 words[2]; /* htop, stop */
    (void)state;
    (void)pc;
    if (!process || read_user(words, sizeof words, process + beam->process_stop - 8))
        return 0;
    u64 stack = words[1];
#if defined(__TARGET_ARCH_x86)
    u64 saved = state->registers[REGISTER_FP];
    /* Stack and heap grow towards each other in one block of memory. */
    if (saved != stack && !(saved & 7) && saved >= words[0] && saved - words[0] < 1ull << 32 &&
        stack_is_in_rbp(state, beam, pc))
        stack = saved;
#endif
    return stack;
}

/* Moves from process_main to the C function that called it. */
static __always_inline int leave_scheduler(struct unwind_state *state, const struct beam_process *beam, int is_leaf) {
    u64 frame = state->registers[REGISTER_SP];
    (void)is_leaf;
#if defined(__TARGET_ARCH_x86)
    if (is_leaf)
        frame = state->registers[REGISTER_REGISTERS] - beam->registers;
#endif
    frame += beam->scheduler_frame_bytes;
    /* The frame was aligned to 64 bytes. */
    for (u32 number = 0; number < 4; number++) {
        u64 pair[2];
        if (read_user(pair, sizeof pair, frame + number * 16))
            return STOP_STACK_UNREADABLE;
        u64 address = code_address(pair[1]);
        if (!is_in_range(&beam->text, address))
            continue;
#if defined(__TARGET_ARCH_x86)
        u8 call = 0;
        if (read_user(&call, sizeof call, address - 5) || call != 0xe8)
            continue;
        state->registers[REGISTER_FP] = 0;
#else
        state->registers[REGISTER_FP] = pair[0];
#endif
        state->registers[REGISTER_SP] = frame + number * 16 + 16;
        state->registers[REGISTER_PC] = address;
        state->pc_is_return_address = 1;
        state->all_registers_valid = 0;
        state->is_in_activation = 0;
        return STOP_NONE;
    }
    return STOP_NO_RULE;
}

/* Begins with compiled code that native unwinding has come to. Returns a stop reason. */
static __always_inline int enter_beam(struct scratch *scratch, const struct beam_process *beam) {
    struct unwind_state *state = &scratch->state;
    struct beam_state *own = &state->beam;
    u64 pc = state->registers[REGISTER_PC];
    int is_leaf = state->all_registers_valid;
    u32 flags = state->pc_is_return_address ? BEAM_FRAME_IS_CALL : 0;
    state->wanted_runtime = 0;
    read_modules(own, beam);
    int is_known = find_module(state, beam, pc - state->pc_is_return_address);
    int stop = record_code(scratch, beam, pc, is_known ? own->checksum : 0, flags);
    if (stop)
        return stop;
    if (is_in_range(&beam->scheduler, pc))
        return leave_scheduler(state, beam, is_leaf);
    u64 process = 0;
    own->record = 0;
    if (is_leaf) {
        own->stack = state->registers[REGISTER_STACK];
#if defined(__TARGET_ARCH_x86)
        /* The thread's own stack ends where the registers begin. */
        if (state->registers[REGISTER_REGISTERS] - own->stack < 4096)
            own->stack = saved_stack(state, beam, state->registers[REGISTER_PROCESS], pc);
#endif
    } else {
        if (read_thread_value(&beam->current_process, &process))
            process = 0;
#if !defined(__TARGET_ARCH_x86)
        own->record = state->registers[REGISTER_FP];
#endif
        own->stack = saved_stack(state, beam, process, pc);
    }
    if (!own->stack)
        return STOP_STACK_UNREADABLE;
    own->words = 0;
    state->is_in_activation = 1;
    return STOP_NONE;
}

#if !defined(__TARGET_ARCH_x86)
/* Fragments that call C functions keep their return address on the thread's stack. Returns a stop reason. */
static __always_inline int step_record(struct scratch *scratch, const struct beam_process *beam) {
    struct unwind_state *state = &scratch->state;
    struct beam_state *own = &state->beam;
    u64 record = own->record, pair[2];
    own->record = 0;
    if (read_user(pair, sizeof pair, record))
        return STOP_NONE;
    u64 pc = code_address(pair[1]);
    if (!find_module(state, beam, pc - 1))
        return STOP_NONE;
    if (pair[0] - record == sizeof pair)
        own->record = pair[0];
    return record_code(scratch, beam, pc, own->checksum, BEAM_FRAME_IS_CALL);
}
#endif

/* Looks for the next return address on the process's stack, and records it. Returns a stop reason. */
static __always_inline int step_beam(struct scratch *scratch, const struct beam_process *beam) {
    struct unwind_state *state = &scratch->state;
    struct beam_state *own = &state->beam;
#if !defined(__TARGET_ARCH_x86)
    if (own->record)
        return step_record(scratch, beam);
#endif
    u32 limit = WORDS_PER_STEP;
    if (read_user(state->runtime_words, WORDS_PER_STEP * sizeof(u64), own->stack)) {
        /* The end of the memory that the stack lies in. */
        limit = 1;
        if (read_user(state->runtime_words, sizeof(u64), own->stack))
            return STOP_STACK_UNREADABLE;
    }
    u64 low = own->low, size = own->high - own->low;
    u32 index = 0;
    for (; index < WORDS_PER_STEP; index++) {
        if (index >= limit)
            break;
        u64 word = state->runtime_words[index & (WORDS_PER_STEP - 1)];
        if (!(word & 3) && word - low < size)
            break;
    }
    state->search_low = index;
    index = state->search_low;
    own->words += index;
    if (own->words > MAX_WORDS_PER_FUNCTION)
        return STOP_NO_RULE;
    if (index >= limit) {
        own->stack += limit * sizeof(u64);
        return STOP_NONE;
    }
    u64 pc = state->runtime_words[index & (WORDS_PER_STEP - 1)];
    own->stack += (index + 1) * sizeof(u64);
    if (pc == beam->normal_exit)
        return STOP_ROOT;
    own->words++;
    /* With frame pointers, words that point into the heap are on the stack too. */
    if (!find_module(state, beam, pc - 1))
        return STOP_NONE;
    own->words = 0;
    return record_code(scratch, beam, pc, own->checksum, BEAM_FRAME_IS_CALL);
}

SEC("perf_event")
int unwind_beam(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct beam_process *beam = bpf_map_lookup_elem(&beam_processes, &scratch->header.pid);
    if (!beam || state->is_draining) {
        /* The process has just let go of it, or there is nothing but native code. */
        leave_runtime(state, UNWINDER_BEAM);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    /* What it has is recorded where native unwinding comes to it, or not at all. */
    state->left_runtimes &= ~(1u << UNWINDER_BEAM);
    int stop = STOP_NONE;
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (stop || step >= settings.frames_per_call)
            break;
        if (state->wanted_runtime == UNWINDER_BEAM) {
            stop = enter_beam(scratch, beam);
        } else if (state->is_in_activation) {
            stop = step_beam(scratch, beam);
        } else {
            stop = unwind_frame(scratch, cache);
            if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_BEAM)
                stop = STOP_NONE;
        }
    }
    return go_on(context, scratch, UNWINDER_BEAM, stop);
}

LICENSE;
