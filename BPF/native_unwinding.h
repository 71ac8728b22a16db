/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * One step of native unwinding: from a frame's registers to its caller's, by the row tables that user space made from
 * .eh_frame and its like (see abi.h for their layout).
 */
#ifndef OTELCOL_NATIVE_UNWINDING_H
#define OTELCOL_NATIVE_UNWINDING_H

#include "maps.h"

/* What unwind_frame answers beyond the stop reasons: the present frame runs a runtime's loop, whose frames come first. */
enum { ENTER_RUNTIME = 256 };

/* 2^12 mappings a process at most, plus the step that finds the range empty. */
enum { MAPPING_BISECTION_STEPS = 13 };
/* At most 1023 rows a page. */
enum { ROW_BISECTION_STEPS = 10 };

static __always_inline u64 code_address(u64 value) {
#if defined(__TARGET_ARCH_arm64)
    return value & settings.pointer_mask;
#else
    return value;
#endif
}

static __always_inline struct place *place_at(struct unwind_state *state, u32 number) {
    return &state->places[number & (RECENT_PLACES - 1)];
}

static __always_inline int is_in(const struct place *place, u64 address) {
    return address >= place->mapping.start && address < place->mapping.end;
}

/* Finds the mapping of `address` and makes its place the present one. */
static __always_inline int find_mapping(struct unwind_state *state, u64 address) {
    if (is_in(place_at(state, state->place), address))
        return STOP_NONE;
    _Pragma("unroll") for (u32 number = 0; number < RECENT_PLACES; number++) {
        if (is_in(&state->places[number], address)) {
            state->place = number;
            return STOP_NONE;
        }
    }
    /* The first mapping behind the address lies in low...high. */
    state->search_low = 0;
    state->search_high = state->mapping_count;
    for (int step = 0; step < MAPPING_BISECTION_STEPS; step++) {
        u32 low = state->search_low, high = state->search_high;
        if (low >= high)
            break;
        u32 middle = (low + high) >> 1;
        const struct mapping *candidate = mapping_at(state->first_mapping + middle);
        if (!candidate)
            return STOP_NO_MAPPING;
        if (candidate->start <= address)
            state->search_low = middle + 1;
        else
            state->search_high = middle;
    }
    u32 behind = state->search_low;
    if (behind == 0)
        return STOP_NO_MAPPING;
    const struct mapping *found = mapping_at(state->first_mapping + behind - 1);
    if (!found || address < found->start || address >= found->end)
        return STOP_NO_MAPPING;
    u32 number = state->next_place;
    struct place *place = place_at(state, number);
    place->mapping = *found;
    if (found->executable) {
        const struct executable *executable = executable_at(found->executable);
        if (!executable) {
            place->mapping.end = 0;
            return STOP_TABLE_CORRUPT;
        }
        place->executable = *executable;
        if (executable->go.labels)
            state->go = executable->go;
    } else {
        place->executable.state = EXECUTABLE_WITHOUT_TABLE;
        place->executable.unwinder = 0;
    }
    if (found->unwinder >= UNWINDER_FIRST_RUNTIME) {
        /* Code that the runtime made: all of it takes part in activations of its loop. */
        place->executable.unwinder = found->unwinder;
        place->executable.loop[0].start = 0;
        place->executable.loop[0].length = ~0ull;
    }
    state->place = number;
    state->next_place = number + 1;
    return STOP_NONE;
}

/* The number of the rule at a distance from the start of the executable's table. `state` lends memory. */
static __always_inline int find_rule(struct unwind_state *state, const struct executable *executable, u64 distance,
                                     u32 *rule) {
    u32 shift = executable->page_shift & 31;
    u64 page = distance >> shift;
    if (page >= executable->page_count)
        return STOP_NO_RULE;
    u32 record = executable->page_records_word + (u32)page * 2;
    const struct table_block *block = block_of_word(record);
    if (!block)
        return STOP_TABLE_CORRUPT;
    u32 row = block->words[record & (TABLE_BLOCK_WORDS - 1)];
    u32 rule_and_count = block->words[(record + 1) & (TABLE_BLOCK_WORDS - 1)];
    u32 rows = rule_and_count & 0xffff;
    if (rows == 0) {
        *rule = rule_and_count >> 16;
        return STOP_NONE;
    }
    block = block_of_word(row);
    if (!block)
        return STOP_TABLE_CORRUPT;
    u32 offset = (u32)distance & ((1u << shift) - 1);
    /* The wanted row is one of `rows` from `low` on. */
    state->search_low = row;
    state->search_high = rows;
    for (int step = 0; step < ROW_BISECTION_STEPS; step++) {
        u32 low = state->search_low, count = state->search_high;
        if (count <= 1)
            break;
        u32 half = count >> 1;
        if ((block->words[(low + half) & (TABLE_BLOCK_WORDS - 1)] & 0xffff) <= offset)
            state->search_low = low + half;
        state->search_high = count - half;
    }
    *rule = block->words[state->search_low & (TABLE_BLOCK_WORDS - 1)] >> 16;
    return STOP_NONE;
}

/* The rule at a distance from the start of the executable's table: the remembered one, or looked up and remembered. */
static __always_inline int recall_rule(struct unwind_state *state, struct rule_cache *cache,
                                       const struct executable *executable, u64 distance,
                                       const struct unwind_rule **rule) {
    u32 table = executable->table;
    /* Fibonacci hashing of both. */
    struct cached_rule *entry = cache_entry(cache, (u32)distance * 0x9e3779b1u + table * 0x85ebca6bu);
    if (entry->distance != (u32)distance || entry->table != table || table == 0 || distance >> 32) {
        u32 number = 0;
        int stop = find_rule(state, executable, distance, &number);
        if (stop)
            return stop;
        const struct unwind_rule *found = rule_at(number);
        if (!found)
            return STOP_TABLE_CORRUPT;
        entry->rule = *found;
        entry->distance = (u32)distance;
        entry->table = distance >> 32 ? 0 : table;
    }
    *rule = &entry->rule;
    return STOP_NONE;
}

/* Reads one word of the stack, or two. Unwinding goes upwards, so what follows is read with them. */
static __always_inline int read_stack(struct unwind_state *state, u64 *to, u32 count, u64 from) {
    u64 offset = from - state->window_start;
    if (!state->window_start || offset > sizeof state->window - count * sizeof *to || (offset & 7)) {
        if (read_user(state->window, sizeof state->window, from)) {
            /* The end of the stack, or a page that was never touched, lies within the window. */
            state->window_start = 0;
            return read_user(to, count * sizeof *to, from) != 0;
        }
        state->window_start = from;
        offset = 0;
    }
    u32 word = (u32)(offset >> 3);
    asm volatile("" : "+r"(word)); /* the verifier wants to see the bounds itself */
    if (word > STACK_WINDOW_WORDS - count)
        return 1;
    to[0] = state->window[word];
    if (count > 1)
        to[1] = state->window[word + 1];
    return 0;
}

static __always_inline int step_by_frame_pointer(struct unwind_state *state) {
    u64 frame_pointer = state->registers[REGISTER_FP];
    u64 pair[2];
    if (frame_pointer == 0)
        return STOP_FRAME_POINTER_CHAIN_END;
    if (frame_pointer < state->registers[REGISTER_SP])
        return STOP_NO_PROGRESS;
    if (read_stack(state, pair, 2, frame_pointer))
        return STOP_STACK_UNREADABLE;
    state->registers[REGISTER_FP] = pair[0];
    state->registers[REGISTER_PC] = code_address(pair[1]);
    state->registers[REGISTER_SP] = frame_pointer + 16;
    return STOP_NONE;
}

static __always_inline int step_over_signal_frame(struct unwind_state *state) {
    u64 stack = state->registers[REGISTER_SP];
#if defined(__TARGET_ARCH_x86)
    /* SP points to the ucontext, its mcontext begins 40 bytes in: struct rt_sigframe, arch/x86/include/asm/sigframe.h;
     * struct sigcontext_64, arch/x86/include/uapi/asm/sigcontext.h. */
    u64 saved[17];
    if (read_user(saved, sizeof saved, stack + 40))
        return STOP_STACK_UNREADABLE;
    for (int index = 0; index < 8; index++)
        state->registers[X86_R8 + index] = saved[index];
    state->registers[X86_RDI] = saved[8];
    state->registers[X86_RSI] = saved[9];
    state->registers[X86_RBP] = saved[10];
    state->registers[X86_RBX] = saved[11];
    state->registers[X86_RDX] = saved[12];
    state->registers[X86_RAX] = saved[13];
    state->registers[X86_RCX] = saved[14];
    state->registers[X86_RSP] = saved[15];
    state->registers[X86_RIP] = saved[16];
#else
    /* struct rt_sigframe, arch/arm64/kernel/signal.c: siginfo (128), ucontext with its sigcontext at 176, whose regs
     * begin at 8: x0..x30, sp, pc. */
    if (read_user(state->registers, 33 * sizeof(u64), stack + 312))
        return STOP_STACK_UNREADABLE;
    state->registers[REGISTER_PC] = code_address(state->registers[REGISTER_PC]);
#endif
    state->all_registers_valid = 1;
    state->pc_is_return_address = 0;
    return STOP_NONE;
}

/* UNWIND_CFA and UNWIND_CFA_DEREFERENCED. */
static __always_inline int step_by_cfa(struct unwind_state *state, const struct unwind_rule *rule) {
    u32 base = rule->cfa_register;
    if (base >= ABI_REGISTER_COUNT)
        return STOP_TABLE_CORRUPT;
    if (base != REGISTER_SP && base != REGISTER_FP && !state->all_registers_valid)
        return STOP_SCRATCH_REGISTER;
    u64 cfa = state->registers[base] + (s64)rule->cfa_offset;
    if (rule->kind == UNWIND_CFA_DEREFERENCED) {
        if (read_user(&cfa, sizeof cfa, cfa))
            return STOP_STACK_UNREADABLE;
        cfa += (s64)rule->cfa_added;
    }
    /* A callee's frame lies below its caller's. Only code that pushes nothing leaves SP where it is, and it can only be
     * the interrupted function, so that stacks cannot loop. */
    u64 stack = state->registers[REGISTER_SP];
    if (cfa < stack || (cfa == stack && !state->all_registers_valid))
        return STOP_NO_PROGRESS;

    u64 pair[2]; /* saved FP, return address */
    u64 frame_pointer = state->registers[REGISTER_FP];
    u64 return_address_at = cfa + (s64)rule->return_address_offset;
    u64 frame_pointer_at = cfa + (s64)rule->frame_pointer_offset;
    int fp_on_stack = rule->frame_pointer == UNWIND_FP_ON_STACK;
    if (rule->return_address == UNWIND_RA_IN_REGISTER) {
        u32 source = rule->return_address_register;
        if (source >= ABI_REGISTER_COUNT)
            return STOP_TABLE_CORRUPT;
        if (!state->all_registers_valid)
            return STOP_SCRATCH_REGISTER;
        pair[1] = state->registers[source];
    } else if (fp_on_stack && frame_pointer_at + 8 == return_address_at) {
        /* The usual prologue leaves both side by side: one read. */
        if (read_stack(state, pair, 2, frame_pointer_at))
            return STOP_STACK_UNREADABLE;
        frame_pointer = pair[0];
        fp_on_stack = 0;
    } else if (read_stack(state, &pair[1], 1, return_address_at)) {
        return STOP_STACK_UNREADABLE;
    }
    if (fp_on_stack) {
        if (read_stack(state, &frame_pointer, 1, frame_pointer_at))
            return STOP_STACK_UNREADABLE;
    } else if (rule->frame_pointer == UNWIND_FP_FROM_FP) {
        if (read_user(&frame_pointer, sizeof frame_pointer, frame_pointer + (s64)rule->frame_pointer_offset))
            return STOP_STACK_UNREADABLE;
    } else if (rule->frame_pointer == UNWIND_FP_UNDEFINED) {
        frame_pointer = 0;
    }
    state->registers[REGISTER_FP] = frame_pointer;
    state->registers[REGISTER_SP] = cfa;
    state->registers[REGISTER_PC] = code_address(pair[1]);
    return STOP_NONE;
}

#include "go_stacks.h"

static __always_inline int step_over_plt(struct unwind_state *state, s32 pushed_from) {
#if defined(__TARGET_ARCH_x86)
    /* The second half of a lazy PLT entry has pushed the relocation's index (psABI figure 5.2). */
    int is_pushed = (s32)(state->registers[X86_RIP] & 15) >= pushed_from;
    u64 cfa = state->registers[X86_RSP] + 8 + (is_pushed ? 8 : 0);
    u64 return_address;
    if (read_user(&return_address, sizeof return_address, cfa - 8))
        return STOP_STACK_UNREADABLE;
    state->registers[X86_RSP] = cfa;
    state->registers[X86_RIP] = return_address;
    return STOP_NONE;
#else
    (void)state;
    (void)pushed_from;
    return STOP_NO_RULE;
#endif
}

/* Moves from the frame in state->registers to its caller's. `address` is the frame's address to look up. */
static __always_inline int step_to_caller(struct unwind_state *state, struct rule_cache *cache,
                                          const struct place *place, u64 address) {
    int stop;
    if (place->executable.state == EXECUTABLE_WITHOUT_TABLE) {
        stop = step_by_frame_pointer(state);
        if (stop)
            return stop;
    } else if (place->executable.state != EXECUTABLE_HAS_TABLE) {
        return STOP_TABLE_PENDING;
    } else {
        const struct unwind_rule *rule = 0;
        u64 distance = address - place->mapping.bias - place->executable.first_page_address;
        stop = recall_rule(state, cache, &place->executable, distance, &rule);
        if (stop)
            return stop;
        u32 kind = rule->kind;
        if (kind >= UNWIND_GO_FIRST && kind <= UNWIND_GO_LAST) {
            stop = switch_go_stack(state, rule);
            if (stop == GO_CALLER_IS_KNOWN)
                return STOP_NONE;
            if (stop)
                return stop;
            kind = UNWIND_CFA;
        }
        if (kind == UNWIND_CFA || kind == UNWIND_CFA_DEREFERENCED)
            stop = step_by_cfa(state, rule);
        else if (kind == UNWIND_FRAME_POINTER)
            stop = step_by_frame_pointer(state);
        else if (kind == UNWIND_SIGNAL)
            return step_over_signal_frame(state);
        else if (kind == UNWIND_PLT)
            stop = step_over_plt(state, rule->cfa_added);
        else if (kind == UNWIND_END_OF_STACK)
            return STOP_ROOT;
        else
            return STOP_NO_RULE;
        if (stop)
            return stop;
    }
    state->pc_is_return_address = 1;
    state->all_registers_valid = 0;
    return STOP_NONE;
}

/* Records that frames are missing here; see enum frame_marker. */
static __always_inline void record_marker(struct scratch *scratch, u32 marker) {
    u32 word = scratch->header.word_count;
    if (word > ABI_TRACE_WORDS - 1)
        return;
    scratch->words[word] = (u64)FRAME_MARKER << 56 | (u64)1 << 40 | marker;
    scratch->header.word_count = word + 1;
}

static __always_inline int is_in_range(const struct code_range *range, u64 address) {
    return address - range->start < range->length;
}

/* Whether a runtime has frames to record before the native frame at this place. */
static __always_inline int enters_runtime(struct scratch *scratch, const struct place *place, u64 address) {
    struct unwind_state *state = &scratch->state;
    u32 unwinder = place->executable.unwinder;
    if (unwinder == 0 || state->activation_is_done)
        return 0;
    u64 elf_address = address - place->mapping.bias;
    if (!is_in_range(&place->executable.loop[0], elf_address) && !is_in_range(&place->executable.loop[1], elf_address))
        return 0;
    u32 bit = 1u << (unwinder & 31);
    /* Only the runtime knows how to get through code that it made, whether or not it has frames left. */
    u32 asked = place->mapping.unwinder == unwinder ? state->runtimes : state->left_runtimes;
    if (asked & bit) {
        state->wanted_runtime = unwinder;
        return 1;
    }
    if (!(state->runtimes & bit) && !state->has_marker) {
        state->has_marker = 1;
        record_marker(scratch, state->refused_runtimes & bit ? MARKER_RUNTIME_REFUSED : MARKER_RUNTIME_PENDING);
    }
    return 0;
}

/* Records the frame in state->registers and moves to its caller's. */
static __always_inline int unwind_frame(struct scratch *scratch, struct rule_cache *cache) {
    struct unwind_state *state = &scratch->state;
    u64 pc = state->registers[REGISTER_PC];
    if (pc == 0)
        return STOP_ZERO_PC;
    if (pc >> 56)
        return STOP_KERNEL_PC;
    u64 address = pc - state->pc_is_return_address;
    int stop = find_mapping(state, address);
    if (stop)
        return stop;
    const struct place *place = place_at(state, state->place);
    if (enters_runtime(scratch, place, address))
        return ENTER_RUNTIME;
    if (scratch->header.user_frame_count >= ABI_MAX_USER_FRAMES)
        return STOP_TRUNCATED_FRAMES;
    u32 word = scratch->header.word_count;
    if (word > ABI_TRACE_WORDS - 2)
        return STOP_TRUNCATED_FRAMES;
    u64 flags = state->pc_is_return_address ? FRAME_RETURN_ADDRESS : 0;
    scratch->words[word] = (u64)FRAME_NATIVE << 56 | flags << 48 | (u64)2 << 40 | place->mapping.executable;
    scratch->words[word + 1] = pc - place->mapping.bias;
    scratch->header.word_count = word + 2;
    scratch->header.user_frame_count++;
    state->activation_is_done = 0;
    stop = step_to_caller(state, cache, place, address);
    /* A signal trampoline is entered by a return that no call precedes: its address is that of its first instruction,
     * and the byte before belongs to somebody else. */
    if (!state->pc_is_return_address)
        scratch->words[word] &= ~((u64)FRAME_RETURN_ADDRESS << 48);
    return stop;
}

/* Makes the state ready for the first frame; the registers are in place. */
static __always_inline void begin_unwinding(struct scratch *scratch, const struct process *process) {
    struct unwind_state *state = &scratch->state;
    state->first_mapping = process->first_mapping;
    state->mapping_count = process->mapping_count;
    state->process_flags = process->flags;
    for (u32 number = 0; number < RECENT_PLACES; number++)
        state->places[number].mapping.end = 0;
    state->place = 0;
    state->next_place = 0;
    state->window_start = 0;
    state->go.labels = 0;
    state->go_callback_stack = 0;
    state->calls = 0;
    state->wanted_runtime = 0;
    state->activation_is_done = 0;
    state->is_in_activation = 0;
    state->is_draining = 0;
    state->has_marker = 0;
    state->has_gap = 0;
    state->started_runtimes = 0;
    state->runtimes = process->runtimes;
    state->left_runtimes = process->runtimes;
    state->refused_runtimes = process->refused_runtimes;
    state->all_registers_valid = 1;
    state->pc_is_return_address = (scratch->header.flags & TRACE_IN_SYSTEM_CALL) != 0;
}

/* What ends every unwinding program: goes on with another one, or finishes. `stop` is a stop reason or ENTER_RUNTIME; with
 * none, the program `same` goes on. */
static __always_inline int go_on(struct bpf_perf_event_data *context, struct scratch *scratch, u32 same, u32 stop) {
    struct unwind_state *state = &scratch->state;
    struct trace_header *header = &scratch->header;
    if (!stop || stop == ENTER_RUNTIME) {
        header->stop_reason = STOP_TRUNCATED_FRAMES;
        state->calls++;
        if (state->calls < MAX_UNWINDER_CALLS) {
            if (stop) {
                TAIL_CALL(context, state->wanted_runtime);
                /* Its program is not there. */
                u32 others = ~(1u << (state->wanted_runtime & 31));
                state->runtimes &= others;
                state->left_runtimes &= others;
                same = UNWINDER_NATIVE;
            }
            TAIL_CALL(context, same);
            header->stop_reason = STOP_TAIL_CALL_FAILED;
        }
    } else {
        header->stop_reason = stop;
        /* Frames that no native one led to, because native unwinding ended too early. */
        if (state->left_runtimes && stop != STOP_TRUNCATED_FRAMES && state->calls < MAX_UNWINDER_CALLS) {
            state->calls++;
            state->final_stop = stop;
            state->is_draining = 1;
            _Pragma("unroll") for (u32 unwinder = UNWINDER_FIRST_RUNTIME; unwinder < UNWINDER_COUNT; unwinder++) {
                if (state->left_runtimes >> unwinder & 1) {
                    state->left_runtimes &= ~(1u << unwinder);
                    state->wanted_runtime = unwinder;
                    TAIL_CALL(context, unwinder);
                }
            }
        }
    }
    TAIL_CALL(context, UNWINDER_FINISH);
    return 0;
}

#endif
