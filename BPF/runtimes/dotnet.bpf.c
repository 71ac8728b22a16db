/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * .NET (CoreCLR) 6 and later. Its methods are machine code: compiled at run time, into heaps of code, or ahead of time, in
 * images of assemblies that are mapped section by section (ReadyToRun). They have no frames of an interpreter: each machine
 * frame is one of a method, and this program gets through it.
 *
 * The runtime itself knows each range of code (RangeSection, codeman.h), in a tree of five levels by address, or in a list
 * until .NET 7. A heap of code has a nibble map, which says where methods start, and 8 bytes before a method lies the
 * pointer to its header; an image has a table of its functions, sorted by address. Both lead to the same description of a
 * frame on x86_64: that of Windows (UNWIND_INFO, as its ABI documents it), for optimised methods keep no frame pointer. On
 * arm64 all methods keep one.
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct dotnet_process);
} dotnet_processes SEC(".maps");

/* As many as the verifier takes: some 14,000 of its steps each. */
enum { MAX_STEPS_PER_CALL = 16 };

enum {
    SECTION_LEVELS = 5,
    MAX_FRAGMENTS = 4,     /* of ranges in 128 KiB */
    MAX_LISTED = 64,       /* sections in a list */
    MAX_MAP_WORDS = 128,   /* of a nibble map: methods of up to 32 KiB */
    FUNCTION_STEPS = 20,
    FUNCTION_BYTES = 12,   /* RUNTIME_FUNCTION on x86_64 */
    MAX_CODES = 30,
    MAX_EPILOGUE_STEPS = 14,
    LAST_STUB_KIND = 31,   /* what lies in place of a pointer to a header before a stub */
};

/* Codes of UNWIND_INFO, and how many slots of 2 bytes each takes, one in 4 bits; a large allocation may take one more. The
 * last one is the runtime's own. */
enum {
    UNWIND_PUSH = 0,
    UNWIND_ALLOCATE = 1,
    UNWIND_ALLOCATE_SMALL = 2,
    UNWIND_SET_FRAME = 3,
    UNWIND_SAVE = 4,
    UNWIND_SAVE_FAR = 5,
    UNWIND_SAVE_VECTOR = 8,
    UNWIND_SAVE_VECTOR_FAR = 9,
    UNWIND_SET_FRAME_FAR = 11,
    KNOWN_CODES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11,
    X86_RBP_UNWIND = 5,
};
#define SLOTS_OF_CODES 0x303200321121ull

/* What a call puts on the stack. */
#if defined(__TARGET_ARCH_x86)
enum { STUB_STACK_BYTES = 8 };
#else
enum { STUB_STACK_BYTES = 0 };
#endif

enum code_kind { CODE_UNKNOWN = 0, CODE_METHOD = 1, CODE_IMAGE = 2, CODE_STUB = 3, CODE_NOT_SOUGHT = 4 };

static __always_inline int is_within(const struct dotnet_code *code, u64 address) {
    return address >= code->start && address < code->end;
}

/* The verifier wants to see the bounds itself: what the compiler knows of them it must not use. */
static __always_inline u32 half_word_at(const u64 *words, u32 index) {
    asm volatile("" : "+r"(index));
    return ((const u32 *)words)[index & 63];
}

static __always_inline u8 byte_at(const u64 *words, u32 index) {
    asm volatile("" : "+r"(index));
    return ((const u8 *)words)[index & 255];
}

/* Reads the section of an address into runtime_words. */
static __always_inline int find_section(struct unwind_state *state, const struct dotnet_process *dotnet, u64 address) {
    volatile u64 *place = &state->dotnet.place;
    if (dotnet->flags & DOTNET_HAS_SECTION_LIST) {
        u64 first = 0;
        if (read_user(&first, sizeof first, dotnet->sections))
            return 1;
        *place = first;
        for (u32 step = 0; step < MAX_LISTED; step++) {
            u64 section = *place;
            if (!section || read_user(state->runtime_words, DOTNET_SECTION_BYTES, section))
                return 1;
            if (address >= runtime_word(state, dotnet->section_begin) &&
                address < runtime_word(state, dotnet->section_end))
                return 0;
            *place = runtime_word(state, dotnet->section_next);
        }
        return 1;
    }
    u64 table = dotnet->sections;
    _Pragma("unroll") for (u32 level = 0; level < SECTION_LEVELS; level++) {
        u64 index = address >> (49 - 8 * level) & 255;
        if (read_user(&table, sizeof table, table + 8 * index))
            return 1;
        /* The lowest bit says that what follows may be freed. */
        table &= ~1ull;
        if (!table)
            return 1;
    }
    *place = table;
    for (u32 step = 0; step < MAX_FRAGMENTS; step++) {
        /* RangeSectionFragment: next, begin, end, section. */
        u64 fragment[4];
        u64 at = *place;
        if (!at || read_user(fragment, sizeof fragment, at))
            return 1;
        if (address >= fragment[1] && address < fragment[2])
            return read_user(state->runtime_words, DOTNET_SECTION_BYTES, fragment[3]) != 0;
        *place = fragment[0] & ~1ull;
    }
    return 1;
}

/* Finds the table of functions of an image: PE headers as Microsoft's specification has them, ECMA-335 II.25.3.3, and the
 * header that "ReadyToRun format" of the runtime's documentation describes. */
static __always_inline void find_functions(struct unwind_state *state, struct dotnet_code *image) {
    u64 base = image->base;
    u32 header = 0, directory = 0, native = 0;
    image->functions = 0;
    image->function_count = 0;
    /* e_lfanew; data directory 14 of a PE32+ optional header; ManagedNativeHeader. */
    if (read_user(&header, sizeof header, base + 60) ||
        read_user(&directory, sizeof directory, base + header + 24 + 112 + 14 * 8) || !directory ||
        read_user(&native, sizeof native, base + directory + 64) || !native ||
        read_user(state->runtime_words, 16 + 4 * 12, base + native))
        return;
    if (half_word_at(state->runtime_words, 0) != 0x00525452) /* "RTR" */
        return;
    /* Sections {type, address, bytes} are sorted by type; that of functions is 102. */
    _Pragma("unroll") for (u32 section = 0; section < 4; section++) {
        u32 at = 4 + section * 3;
        if (half_word_at(state->runtime_words, at) == 102) {
            image->functions = base + half_word_at(state->runtime_words, at + 1);
            image->function_count = half_word_at(state->runtime_words, at + 2) / FUNCTION_BYTES;
        }
    }
}

/* What kind of code lies at an address, as far as it was sought. */
static __always_inline enum code_kind known_code(const struct dotnet_state *search, u64 address) {
    if (is_within(&search->heap, address))
        return CODE_METHOD;
    if (is_within(&search->image, address))
        return CODE_IMAGE;
    return search->sought == address ? (enum code_kind)search->sought_kind : CODE_NOT_SOUGHT;
}

/* Finds out what kind of code lies at an address; where its tables are is in `heap` or `image` then. */
static __always_inline enum code_kind find_code(struct unwind_state *state, const struct dotnet_process *dotnet,
                                                u64 address) {
    struct dotnet_state *search = &state->dotnet;
    if (find_section(state, dotnet, address))
        return CODE_UNKNOWN;
    u64 begin = runtime_word(state, dotnet->section_begin), end = runtime_word(state, dotnet->section_end);
    u32 flags = runtime_half_word(state, dotnet->section_flags);
    if (flags & dotnet->stubs_flag)
        return CODE_STUB;
    if (flags & dotnet->code_heap_flag) {
        u64 heap = runtime_word(state, dotnet->section_heap);
        if (read_user(state->runtime_words, DOTNET_HEAP_BYTES, heap))
            return CODE_UNKNOWN;
        search->heap.base = runtime_word(state, dotnet->heap_base);
        search->heap.map = runtime_word(state, dotnet->heap_map);
        search->heap.start = begin;
        search->heap.end = end;
        return CODE_METHOD;
    }
    search->image.base = begin;
    search->image.start = begin;
    search->image.end = end;
    find_functions(state, &search->image);
    return CODE_IMAGE;
}

/* All bits when two small numbers are equal. Without branches, and the compiler shall not make any: in loops they would
 * double what the verifier follows. */
static __always_inline u64 if_equal(u64 left, u64 right) {
    u64 difference = left ^ right;
    u64 mask = 0 - ((difference - 1) >> 63);
    asm volatile("" : "+r"(mask));
    return mask;
}

/* All bits when a small number is not larger than another. */
static __always_inline u64 if_at_most(u64 left, u64 right) {
    u64 mask = ((right - left) >> 63) - 1;
    asm volatile("" : "+r"(mask));
    return mask;
}

/* The number of the lowest nibble that is not 0. */
static __always_inline u32 lowest_nibble(u32 word) {
    u32 number = 0;
    if (!(word & 0xffff)) {
        number += 4;
        word >>= 16;
    }
    if (!(word & 0xff)) {
        number += 2;
        word >>= 8;
    }
    return number + !(word & 0xf);
}

/* Finds where the method at an address starts. Of a nibble map each word is for 256 bytes, its highest nibble for the
 * lowest 32 of them: n > 0 says that a method starts at 4 * (n - 1) of these. */
static __always_inline int find_method_start(struct unwind_state *state, const struct dotnet_process *dotnet,
                                             u64 address) {
    struct dotnet_state *search = &state->dotnet;
    u64 distance = address - search->heap.base;
    if (distance >> 32)
        return 1;
    u32 nibble = 7 - ((u32)distance >> 5 & 7);
    u32 word = 0;
    search->place = distance >> 8;
    if (read_user(&word, sizeof word, search->heap.map + (distance >> 8) * 4))
        return 1;
    int is_pointer = dotnet->flags & DOTNET_MAP_HAS_POINTERS && (word & 15) > 8;
    u32 shifted = word >> nibble * 4;
    if (!is_pointer) {
        u32 own = shifted & 15;
        /* A method that starts in these 32 bytes may start behind the address. */
        if (own && ((own - 1) << 2) > ((u32)distance & 31))
            shifted &= ~15u;
        search->rest = shifted;
        search->skipped = nibble;
        for (u32 step = 0; step < MAX_MAP_WORDS; step++) {
            u64 place = search->place;
            if (search->rest)
                break;
            if (place == 0 || read_user(&word, sizeof word, search->heap.map + (place - 1) * 4))
                return 1;
            search->place = place - 1;
            search->skipped = 0;
            search->rest = word;
            if (dotnet->flags & DOTNET_MAP_HAS_POINTERS) {
                /* The word before is that of the method's start, or leads there. */
                is_pointer = (word & 15) > 8;
                break;
            }
        }
    }
    if (is_pointer) {
        search->method_start = search->heap.base + (word & ~15u) + (((word & 15) - 9) << 2);
        return 0;
    }
    u32 rest = (u32)search->rest;
    if (!rest)
        return 1;
    u32 number = lowest_nibble(rest);
    u32 value = rest >> number * 4 & 15;
    u64 bucket = (search->place << 3) + 7 - ((search->skipped + number) & 7);
    search->method_start = search->heap.base + (bucket << 5) + (((value - 1) & 15) << 2);
    return 0;
}

static __always_inline int record_dotnet_frame(struct scratch *scratch, const struct dotnet_process *dotnet, u64 what,
                                               u64 offset, u32 checksum) {
    if (scratch->state.pc_is_return_address)
        offset |= DOTNET_RETURN_ADDRESS;
    return record_runtime_frame(scratch, FRAME_DOTNET, dotnet->attachment, what, offset << 32 | checksum);
}

/* Moves out of a frame whose return address and frame pointer were found. */
static __always_inline void leave_dotnet_frame(struct unwind_state *state, u64 pc, u64 stack) {
    state->registers[REGISTER_PC] = code_address(pc);
    state->registers[REGISTER_SP] = stack;
    state->pc_is_return_address = 1;
    state->all_registers_valid = 0;
    state->activation_is_done = 0;
}

/* Where a stub will return to: stubs jump on, and keep nothing on the stack. */
static __always_inline int find_return_address(struct unwind_state *state, u64 *to) {
    if (!state->all_registers_valid)
        return 1;
#if defined(__TARGET_ARCH_arm64)
    *to = code_address(state->registers[ARM64_LR]);
#else
    if (read_user(to, sizeof *to, state->registers[REGISTER_SP]))
        return 1;
#endif
    return find_mapping(state, *to - 1) != STOP_NONE;
}

#if defined(__TARGET_ARCH_x86)

/* Finds the function at a distance from the base in the present table. */
static __always_inline int find_function(struct unwind_state *state, u64 base, u64 distance) {
    struct dotnet_state *search = &state->dotnet;
    if (distance >> 32 || !search->functions || search->function_count == 0)
        return 1;
    /* The wanted one is among `rest` from `place` on. */
    search->place = 0;
    search->rest = search->function_count;
    for (u32 step = 0; step < FUNCTION_STEPS; step++) {
        u64 rest = search->rest, place = search->place;
        if (rest <= 1)
            break;
        u64 half = rest >> 1;
        u32 begin = 0;
        if (read_user(&begin, sizeof begin, search->functions + (place + half) * FUNCTION_BYTES))
            return 1;
        if (begin <= (u32)distance)
            search->place = place + half;
        search->rest = rest - half;
    }
    if (read_user(search->function, FUNCTION_BYTES, search->functions + search->place * FUNCTION_BYTES) ||
        (u32)distance < search->function[0])
        return 1;
    /* Most have a few codes; the rest of a page may end before. */
    u64 information = base + search->function[2];
    if (read_user(search->unwind, sizeof search->unwind, information) &&
        read_user(search->unwind, 32, information) && read_user(search->unwind, 12, information))
        return 1;
    return (search->unwind[0] & 7) != 1;
}

/* Whether what is executing undoes the frame already: `add $n, %rsp` or `lea n(%rbp), %rsp`, pops, and a return or a jump
 * to another function. `stack` is where the return address lies then, `frame_pointer` where that was saved or 0. */
static __always_inline int is_in_epilogue(struct unwind_state *state, u64 pc) {
    struct dotnet_state *search = &state->dotnet;
    if (read_user(state->runtime_words, 64, pc))
        return 0;
    search->place = 0;
    search->stack = state->registers[REGISTER_SP];
    search->frame_pointer = 0;
    for (u32 step = 0; step < MAX_EPILOGUE_STEPS; step++) {
        u32 at = (u32)search->place;
        if (at > 48)
            return 0;
        u32 opcode = byte_at(state->runtime_words, at);
        u32 bytes = opcode | (u32)byte_at(state->runtime_words, at + 1) << 8 |
                    (u32)byte_at(state->runtime_words, at + 2) << 16;
        s64 near = (s64)((u64)byte_at(state->runtime_words, at + 3) << 56) >> 56;
        u32 wide_at = opcode == 0xe9 ? at + 1 : at + 3;
        s32 wide = (s32)((u32)byte_at(state->runtime_words, wide_at) |
                         (u32)byte_at(state->runtime_words, wide_at + 1) << 8 |
                         (u32)byte_at(state->runtime_words, wide_at + 2) << 16 |
                         (u32)byte_at(state->runtime_words, wide_at + 3) << 24);
        u64 stack = search->stack;
        u32 length;
        if (opcode == 0xc3 || (bytes & 0xffff) == 0x25ff || (bytes & 0xf8ffff) == 0xe0ff48)
            return 1;
        if (opcode == 0xe9) {
            /* A jump alone may be one within the function. */
            return at > 0;
        }
        if ((opcode & 0xf8) == 0x58) {
            if (opcode == 0x5d)
                search->frame_pointer = stack;
            search->stack = stack + 8;
            length = 1;
        } else if ((bytes & 0xf8ff) == 0x5841) {
            search->stack = stack + 8;
            length = 2;
        } else if (bytes == 0xc48348) {
            search->stack = stack + near;
            length = 4;
        } else if (bytes == 0xc48148) {
            search->stack = stack + wide;
            length = 7;
        } else if (bytes == 0x658d48) {
            search->stack = state->registers[REGISTER_FP] + near;
            length = 4;
        } else if (bytes == 0xa58d48) {
            search->stack = state->registers[REGISTER_FP] + wide;
            length = 7;
        } else if (bytes == 0x77f8c5) { /* vzeroupper */
            length = 3;
        } else {
            return 0;
        }
        search->place = at + length;
    }
    return 0;
}

static __always_inline u32 code_at(const struct dotnet_state *search, u32 number) {
    asm volatile("" : "+r"(number));
    return ((const u16 *)search->unwind)[(number + 2) & 31];
}

/* Undoes what the function's prologue has done up to a distance from its start. */
static __always_inline int undo_prologue(struct unwind_state *state, u64 distance) {
    struct dotnet_state *search = &state->dotnet;
    u32 header = search->unwind[0];
    u32 count = header >> 16 & 0xff;
    search->place = 0;
    search->stack = state->registers[REGISTER_SP];
    search->frame_pointer = 0;
    if (count > MAX_CODES)
        return 1;
    for (u32 step = 0; step < MAX_CODES; step++) {
        u32 at = (u32)search->place;
        if (at >= count)
            break;
        u32 code = code_at(search, at), next = code_at(search, at + 1), after = code_at(search, at + 2);
        u64 operation = code >> 8 & 15, value = code >> 12;
        if (1u << operation & ~KNOWN_CODES)
            return 1;
        u64 wide = (u64)next | (u64)after << 16;
        u64 stack = search->stack, frame_pointer = search->frame_pointer;
        u64 happened = if_at_most(code & 0xff, distance);
        u64 is_push = if_equal(operation, UNWIND_PUSH), is_large = if_equal(operation, UNWIND_ALLOCATE);
        u64 is_small = if_equal(operation, UNWIND_ALLOCATE_SMALL), is_wide = is_large & ~if_equal(value, 0);
        u64 sets = (if_equal(operation, UNWIND_SET_FRAME) | if_equal(operation, UNWIND_SET_FRAME_FAR)) & happened;
        u64 is_frame_pointer = if_equal(value, X86_RBP_UNWIND) & happened;
        u64 saved = is_frame_pointer & if_equal(operation, UNWIND_SAVE);
        u64 saved_far = is_frame_pointer & if_equal(operation, UNWIND_SAVE_FAR);
        u64 distance_of_frame =
            ((header >> 28 & if_equal(operation, UNWIND_SET_FRAME)) | (wide & if_equal(operation, UNWIND_SET_FRAME_FAR))) * 16;
        u64 bottom = state->registers[REGISTER_SP];
        is_push &= happened;
        frame_pointer = (frame_pointer & ~(is_push & is_frame_pointer)) | (stack & is_push & is_frame_pointer);
        frame_pointer = (frame_pointer & ~saved) | ((bottom + (u64)next * 8) & saved);
        frame_pointer = (frame_pointer & ~saved_far) | ((bottom + wide) & saved_far);
        stack += happened & ((8 & is_push) | ((value * 8 + 8) & is_small) | ((u64)next * 8 & is_large & ~is_wide) |
                             (wide & is_wide));
        stack = (stack & ~sets) | ((state->registers[REGISTER_FP] - distance_of_frame) & sets);
        search->stack = stack;
        search->frame_pointer = frame_pointer;
        u32 slots = (SLOTS_OF_CODES >> operation * 4 & 15) + (1 & is_wide);
        search->place = at + slots;
    }
    return 0;
}

/* Moves out of the present function's frame. Returns a stop reason. */
static __always_inline int step_out_of_function(struct unwind_state *state, u64 pc, u64 base) {
    struct dotnet_state *search = &state->dotnet;
    if (search->is_in_epilogue)
        search->is_in_epilogue = 0;
    else if (undo_prologue(state, pc - base - search->function[0]))
        return STOP_NO_RULE;
    u64 stack = search->stack, saved_at = search->frame_pointer;
    if (stack < state->registers[REGISTER_SP])
        return STOP_NO_PROGRESS;
    u64 pair[2];
    if (saved_at) {
        if (read_stack(state, pair, 1, saved_at))
            return STOP_STACK_UNREADABLE;
        state->registers[REGISTER_FP] = pair[0];
    }
    if (read_stack(state, &pair[1], 1, stack))
        return STOP_STACK_UNREADABLE;
    leave_dotnet_frame(state, pair[1], stack + 8);
    return STOP_NONE;
}

#else

static __always_inline int step_out_of_function(struct unwind_state *state, u64 pc, u64 base) {
    (void)pc;
    (void)base;
    int stop = step_by_frame_pointer(state);
    if (!stop)
        leave_dotnet_frame(state, state->registers[REGISTER_PC], state->registers[REGISTER_SP]);
    return stop;
}

static __always_inline int is_in_epilogue(struct unwind_state *state, u64 pc) {
    (void)state;
    (void)pc;
    return 0;
}

static __always_inline int find_function(struct unwind_state *state, u64 base, u64 distance) {
    (void)state;
    (void)base;
    (void)distance;
    return 0;
}

#endif

/* Records the present frame, which is in code of .NET's, and moves to its caller's. Returns a stop reason. */
static __always_inline int step_dotnet(struct scratch *scratch, const struct dotnet_process *dotnet) {
    struct unwind_state *state = &scratch->state;
    struct dotnet_state *search = &state->dotnet;
    u64 pc = state->registers[REGISTER_PC];
    u64 address = pc - state->pc_is_return_address;
    enum code_kind kind = known_code(search, address);
    if (kind == CODE_NOT_SOUGHT) {
        /* Sought where the program begins: in its loop it would cost the verifier too much. */
        state->wanted_runtime = UNWINDER_DOTNET;
        return ENTER_RUNTIME;
    }
    u64 base = search->image.base, header = 0;
    u64 start = search->image.base;
    u32 checksum = 0;
    int stop;
    if (kind == CODE_METHOD) {
        if (find_method_start(state, dotnet, address) ||
            read_user(&header, sizeof header, search->method_start - 8)) {
            kind = CODE_UNKNOWN;
        } else if (header <= LAST_STUB_KIND) {
            kind = CODE_STUB;
        } else if (read_user(state->runtime_words, DOTNET_HEADER_BYTES, header)) {
            kind = CODE_UNKNOWN;
        } else {
            base = search->heap.base;
            start = search->method_start;
            search->method = header;
            search->functions = header + dotnet->header_functions;
            search->function_count = runtime_half_word(state, dotnet->header_function_count);
            u64 sum = runtime_word(state, dotnet->header_method);
            sum = sum * 31 + runtime_word(state, dotnet->header_debug_info);
            sum = sum * 31 + runtime_half_word(state, dotnet->header_functions + 4);
            checksum = (u32)(sum ^ sum >> 32);
        }
    } else if (kind == CODE_IMAGE) {
        search->functions = search->image.functions;
        search->function_count = search->image.function_count;
    }
    if (kind == CODE_METHOD || kind == CODE_IMAGE) {
        if (find_function(state, base, address - base)) {
            kind = CODE_UNKNOWN;
        } else {
            u64 what = kind == CODE_METHOD ? header | DOTNET_FRAME_METHOD : start | DOTNET_FRAME_IMAGE;
            stop = record_dotnet_frame(scratch, dotnet, what, (u32)(pc - start) & ~DOTNET_RETURN_ADDRESS, checksum);
            if (stop)
                return stop;
            search->method_start = base + search->function[0];
            return step_out_of_function(state, pc, base);
        }
    }
    u64 caller = 0;
    if (find_return_address(state, &caller) == 0) {
        stop = record_dotnet_frame(scratch, dotnet, (pc & ~3ull) | DOTNET_FRAME_STUB, header, 0);
        if (!stop)
            leave_dotnet_frame(state, caller, state->registers[REGISTER_SP] + STUB_STACK_BYTES);
        return stop;
    }
    /* None of .NET's code, or not as it is known: the usual ways remain. */
    state->activation_is_done = 1;
    return STOP_NONE;
}

SEC("perf_event")
int unwind_dotnet(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct dotnet_process *dotnet = bpf_map_lookup_elem(&dotnet_processes, &scratch->header.pid);
    if (!dotnet) {
        /* The process has just let go of it. */
        state->runtimes &= ~(1u << UNWINDER_DOTNET);
        leave_runtime(state, UNWINDER_DOTNET);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    /* Each of its frames is a machine frame: none is left when these have ended. */
    state->left_runtimes &= ~(1u << UNWINDER_DOTNET);
    int is_wanted = state->wanted_runtime == UNWINDER_DOTNET;
    state->wanted_runtime = 0;
    if (state->is_draining)
        return go_on(context, scratch, UNWINDER_DOTNET, state->final_stop);
    if (!(state->started_runtimes & 1u << UNWINDER_DOTNET)) {
        state->started_runtimes |= 1u << UNWINDER_DOTNET;
        state->dotnet.heap.end = 0;
        state->dotnet.image.end = 0;
        state->dotnet.sought = 0;
        state->dotnet.is_in_epilogue = is_wanted && state->all_registers_valid && !state->pc_is_return_address &&
                                       is_in_epilogue(state, state->registers[REGISTER_PC]);
    }
    if (is_wanted) {
        u64 address = state->registers[REGISTER_PC] - state->pc_is_return_address;
        if (known_code(&state->dotnet, address) == CODE_NOT_SOUGHT) {
            state->dotnet.sought_kind = find_code(state, dotnet, address);
            state->dotnet.sought = address;
        }
    }
    int stop = STOP_NONE;
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (step >= settings.frames_per_call)
            break;
        stop = unwind_frame(scratch, cache);
        if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_DOTNET) {
            state->wanted_runtime = 0;
            stop = step_dotnet(scratch, dotnet);
        }
        if (stop)
            break;
    }
    return go_on(context, scratch, UNWINDER_DOTNET, stop);
}

LICENSE;
