/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * V8 8.1 and later. Its frames lie on the native stack, and all of them keep frame pointers: those of the interpreter and
 * of builtins, which run in V8's part of the executable ("embedded builtins") without unwinding rules, and those of code
 * that was made at run time (src/execution/frame-constants.h). Both count as activations of V8's loop.
 *
 * At FP: the caller's FP, the return address. Below: the function's context, whose lowest bit is set, or the frame's type;
 * JSFunction; number of arguments; where a function is interpreted, its BytecodeArray and the offset in it as a small
 * integer (the value in the high 32 bits). Objects' addresses have the lowest bit set.
 *
 * User space tells compiled functions, and what was inlined into them, by the address.
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct v8_process);
} v8_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };

static __always_inline int is_object(u64 word) {
    return (word & 3) == 1 && word >> 48 == 0;
}

/* Records the frame that was made. Returns a stop reason. */
static __always_inline int record_v8(struct scratch *scratch, const struct v8_process *v8) {
    const struct v8_state *own = &scratch->state.v8;
    u32 word = scratch->header.word_count;
    if (scratch->header.user_frame_count >= ABI_MAX_USER_FRAMES || word > ABI_TRACE_WORDS - 5)
        return STOP_TRUNCATED_FRAMES;
    scratch->words[word] = (u64)FRAME_V8 << 56 | (u64)5 << 40 | v8->attachment;
    scratch->words[word + 1] = own->kind_and_number;
    scratch->words[word + 2] = own->function;
    scratch->words[word + 3] = own->identity;
    scratch->words[word + 4] = own->bytecode;
    scratch->header.word_count = word + 5;
    scratch->header.user_frame_count++;
    count(COUNTER_RUNTIME_FRAMES, 1);
    return STOP_NONE;
}

static __always_inline void clear_frame(struct v8_state *own) {
    own->function = 0;
    own->identity = 0;
    own->bytecode = 0;
    own->offset = 0;
}

/* Whether an object's map says that it is bytecode. */
static __always_inline int is_bytecode(const struct v8_process *v8, u64 object) {
    u64 map = 0;
    u32 type = 0;
    if (!is_object(object) || read_user(&map, sizeof map, object - 1))
        return 0;
    /* A number of 2 bytes, and two bytes of flags. */
    if (read_user(&type, sizeof type, map - 1 + V8_MAP_INSTANCE_TYPE))
        return 0;
    return (u16)type == v8->bytecode_array_type;
}

/* Finds out which function a JSFunction runs. */
static __always_inline void identify_function(struct unwind_state *state, const struct v8_process *v8, u64 closure) {
    u64 shared = 0;
    u32 script_number = 0;
    if (!is_object(closure) || read_user(&shared, sizeof shared, closure - 1 + v8->function_shared) ||
        !is_object(shared) || read_user(state->runtime_words, V8_SHARED_BYTES, shared - 1))
        return;
    /* A small integer. Functions that belong to no script have another object there, and no number. */
    read_user(&script_number, sizeof script_number,
              runtime_word(state, v8->shared_script) - 1 + v8->script_number + 4);
    state->v8.function = shared;
    state->v8.identity = (u64)script_number << 32 | runtime_half_word(state, v8->shared_number);
}

/* The interpreter writes the offset to the frame only before it calls somebody: while it runs it has both in registers. */
static __always_inline void take_offset_in_register(struct unwind_state *state) {
    u64 length = 0;
    u64 offset = state->v8.interrupted_offset;
    u64 bytecode = state->v8.interrupted_bytecode;
    if (bytecode == state->v8.bytecode && offset < 1 << 28 &&
        !read_user(&length, sizeof length, bytecode - 1 + V8_ARRAY_LENGTH) &&
        offset < (length >> 32) + V8_BYTECODE_HEADER_BYTES)
        state->v8.offset = offset;
}

/* Whether the place is memory that V8 made code in, and not its part of the executable. */
static __always_inline int is_made(const struct place *place) {
    return place->mapping.unwinder == UNWINDER_V8;
}

/* The kind of the present place's code that is no function's, with the address. */
static __always_inline u64 code_number(const struct unwind_state *state, const struct place *place, u32 kind) {
    u64 pc = state->registers[REGISTER_PC];
    if (is_made(place))
        return (u64)(kind == V8_FRAME_BUILTIN ? V8_FRAME_STUB : kind) << V8_FRAME_KIND_SHIFT |
               (u64)state->pc_is_return_address << V8_FRAME_RETURN_ADDRESS_SHIFT | pc;
    return (u64)kind << V8_FRAME_KIND_SHIFT | (pc - state->pc_is_return_address - place->mapping.bias);
}

#if defined(__TARGET_ARCH_x86)

/* Whether an address is in code of V8's, made or its own; the present place is then the address's. */
static __always_inline int find_v8(struct unwind_state *state, u64 address) {
    if (find_mapping(state, address))
        return 0;
    const struct place *place = place_at(state, state->place);
    return place->executable.unwinder == UNWINDER_V8 &&
           is_in_range(&place->executable.loop[0], address - place->mapping.bias);
}

/* 1 where a number of 32 bits is 0, without a branch. */
static __always_inline u64 is_zero(u32 number) {
    return ((u64)number - 1) >> 63;
}

/* Whether the code at an address has not made its frame yet, or has left it: `push %rbp; mov %rsp, %rbp` comes within some
 * bytes, or its second half is next, or a return. Without branches, of which the verifier would follow all. */
static __always_inline u64 is_without_frame(struct v8_state *own, u64 address) {
    enum { PROLOGUE_WORDS = 5, PUSH_AND_MOVE = 0xe5894855, MOVE = 0xe58948 };
    u32 words[PROLOGUE_WORDS + 1];
    own->is_pushed = 0;
    if (read_user(words, sizeof words, address))
        return 0;
    own->is_pushed = (u8)is_zero((words[0] & 0xffffff) ^ MOVE);
    /* c2 and c3 */
    u64 found = is_zero((words[0] & 0xfe) ^ 0xc2) | own->is_pushed;
    _Pragma("unroll") for (u32 index = 0; index < PROLOGUE_WORDS; index++) {
        u64 pair = words[index] | (u64)words[index + 1] << 32;
        _Pragma("unroll") for (u32 byte = 0; byte < 4; byte++)
            found |= is_zero((u32)(pair >> byte * 8) ^ PUSH_AND_MOVE);
    }
    return found;
}

/* The interrupted function may have no frame of its own: some builtins never have one, and none has it at its first and
 * its last instructions. Records such a function and moves to its caller's frame. The return address is then on top of
 * the stack, or below the caller's frame pointer that has just been pushed there. Returns a stop reason. */
static __always_inline int leave_frameless(struct scratch *scratch, const struct v8_process *v8) {
    struct unwind_state *state = &scratch->state;
    struct v8_state *own = &state->v8;
    u64 stack = state->registers[REGISTER_SP], frame = state->registers[REGISTER_FP];
    u64 top[2], slots[2];
    if (frame <= stack || read_user(top, sizeof top, stack) || read_user(slots, sizeof slots, frame - sizeof slots))
        return STOP_NONE;
    own->place = state->place;
    own->is_made = is_made(place_at(state, state->place));
    own->is_frameless = is_without_frame(own, state->registers[REGISTER_PC]);
    own->caller = own->is_pushed ? top[1] : top[0];
    clear_frame(own);
    if (!own->is_frameless) {
        /* In the frame of a JavaScript function that is no builtin, a builtin can only work for it. */
        if (own->is_made || !is_object(slots[1]))
            return STOP_NONE;
        identify_function(state, v8, slots[0]);
        if (!own->function || (u32)own->identity == V8_NO_FUNCTION_NUMBER)
            return STOP_NONE;
    }
    int found = find_v8(state, own->caller - 1);
    u32 caller_is_made = is_made(place_at(state, state->place));
    state->place = own->place;
    if (!found)
        return STOP_NONE;
    clear_frame(own);
    if (own->is_made) {
        identify_function(state, v8, state->registers[X86_RDI]); /* kJSFunctionRegister, at the function's entry */
    } else if (!caller_is_made) {
        /* The interpreter calls the code of each bytecode, which works in the frame of the function. */
        u64 bytecode = 0;
        if (!read_user(&bytecode, sizeof bytecode, state->registers[REGISTER_FP] - v8->frame_bytecode_array) &&
            is_object(bytecode) && own->interrupted_bytecode == bytecode)
            return STOP_NONE;
    }
    const struct place *place = place_at(state, state->place);
    own->kind_and_number = code_number(state, place, own->is_made ? V8_FRAME_COMPILED : V8_FRAME_BUILTIN);
    state->registers[REGISTER_PC] = own->caller;
    state->registers[REGISTER_SP] += own->is_pushed ? 16 : 8;
    state->pc_is_return_address = 1;
    state->all_registers_valid = 0;
    state->wanted_runtime = 0;
    return record_v8(scratch, v8);
}

#endif

/* Makes the frame's words, from what was read of it: the words from V8_FRAME_BYTES_BELOW below the frame pointer on. */
static __always_inline void make_frame(struct unwind_state *state, const struct v8_process *v8) {
    struct v8_state *own = &state->v8;
    const struct place *place = place_at(state, state->place);
    u64 type = runtime_word(state, V8_FRAME_BYTES_BELOW - 8);
    clear_frame(own);
    /* An interrupted function may not have filled its frame yet. */
    if (!state->pc_is_return_address && state->registers[REGISTER_FP] - state->registers[REGISTER_SP] < 3 * sizeof(u64)) {
#if defined(__TARGET_ARCH_x86)
        if (is_made(place)) {
            identify_function(state, v8, state->registers[X86_RDI]);
            own->kind_and_number = code_number(state, place, V8_FRAME_COMPILED);
            return;
        }
#endif
        own->kind_and_number = code_number(state, place, V8_FRAME_BUILTIN);
        return;
    }
    if (!(type & 1)) {
        own->function = type >> 1 & 0xff;
        if (own->function && own->function == v8->webassembly_frame)
            own->identity = runtime_word(state, V8_FRAME_BYTES_BELOW - 16);
        own->kind_and_number = code_number(state, place, V8_FRAME_BUILTIN);
        return;
    }
    u32 below = v8->frame_bytecode_array;
    u64 bytecode = runtime_word(state, V8_FRAME_BYTES_BELOW - below);
    u64 offset = runtime_word(state, V8_FRAME_BYTES_BELOW - below - 8);
    identify_function(state, v8, runtime_word(state, V8_FRAME_BYTES_BELOW - 16));
    if (is_bytecode(v8, bytecode)) {
        own->bytecode = bytecode;
        own->offset = (u32)offset ? 0 : offset >> 32;
        if (own->interrupted_bytecode && !is_made(place))
            take_offset_in_register(state);
    }
    own->interrupted_bytecode = 0;
    if (is_made(place)) {
        own->kind_and_number = code_number(state, place, V8_FRAME_COMPILED);
    } else if (own->offset) {
        own->kind_and_number = (u64)V8_FRAME_INTERPRETED << V8_FRAME_KIND_SHIFT | own->offset;
    } else {
        own->bytecode = 0;
        own->kind_and_number = code_number(state, place, V8_FRAME_BUILTIN_FUNCTION);
    }
}

/* Records the frame in the state's registers and moves to its caller's. Returns a stop reason. */
static __always_inline int step_v8(struct scratch *scratch, const struct v8_process *v8) {
    struct unwind_state *state = &scratch->state;
    u64 frame = state->registers[REGISTER_FP];
    int stop = STOP_NONE;
    if (frame < state->registers[REGISTER_SP])
        stop = STOP_NO_PROGRESS;
    else if (read_user(state->runtime_words, V8_FRAME_BYTES_BELOW + 16, frame - V8_FRAME_BYTES_BELOW))
        stop = STOP_STACK_UNREADABLE;
    if (stop) {
        clear_frame(&state->v8);
        state->v8.kind_and_number = code_number(state, place_at(state, state->place), V8_FRAME_BUILTIN);
    } else {
        state->v8.caller = runtime_word(state, V8_FRAME_BYTES_BELOW + 8);
        u64 caller_frame = runtime_word(state, V8_FRAME_BYTES_BELOW);
        make_frame(state, v8);
        state->registers[REGISTER_FP] = caller_frame;
        state->registers[REGISTER_PC] = code_address(state->v8.caller);
        state->registers[REGISTER_SP] = frame + 16;
        state->pc_is_return_address = 1;
        state->all_registers_valid = 0;
    }
    int record_stop = record_v8(scratch, v8);
    return record_stop ? record_stop : stop;
}

SEC("perf_event")
int unwind_v8(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct v8_process *v8 = bpf_map_lookup_elem(&v8_processes, &scratch->header.pid);
    if (!v8 || state->is_draining) {
        /* The process has just let go of it; or native unwinding is over, and with it V8's. */
        state->runtimes &= ~(1u << UNWINDER_V8);
        leave_runtime(state, UNWINDER_V8);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    int stop = STOP_NONE;
    if (!(state->started_runtimes & 1u << UNWINDER_V8)) {
        state->started_runtimes |= 1u << UNWINDER_V8;
        state->v8.interrupted_bytecode = 0;
        if (state->wanted_runtime == UNWINDER_V8 && state->all_registers_valid && !state->pc_is_return_address) {
            state->v8.interrupted_bytecode = state->registers[v8->register_bytecode & 31];
            state->v8.interrupted_offset = state->registers[v8->register_offset & 31];
#if defined(__TARGET_ARCH_x86)
            stop = leave_frameless(scratch, v8);
#endif
        }
    }
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (stop || step >= settings.frames_per_call)
            break;
        if (state->wanted_runtime == UNWINDER_V8) {
            state->wanted_runtime = 0;
            stop = step_v8(scratch, v8);
        } else {
            stop = unwind_frame(scratch, cache);
            if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_V8)
                stop = STOP_NONE;
        }
    }
    if (!stop && state->wanted_runtime == UNWINDER_V8)
        stop = ENTER_RUNTIME;
    return go_on(context, scratch, UNWINDER_V8, stop);
}

LICENSE;
