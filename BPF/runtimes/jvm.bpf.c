/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * HotSpot, JDK 7 and later. Everything that its compilers, its interpreter and its stubs run lies in code heaps, which
 * are reserved once and never move. A map of segments leads from an address to its block, in which a CodeBlob says
 * what the code is and how large its frames are (code/codeBlob.hpp, memory/heap.hpp); where its fields are is told by
 * the tables that HotSpot exports for such purposes (runtime/vmStructs.cpp).
 *
 * Such code has no unwinding table. Frames of compiled code have a fixed size, with the caller's frame pointer and the
 * return address on top; those of the interpreter have a frame pointer. In between compiled code uses that register as
 * it likes. Native unwinding goes on where the return address lies in none of the code heaps.
 */
#include "runtime_unwinding.h"
#include "jvm_code.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct jvm_process);
} jvm_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };
enum { HOPS_PER_STEP = 3 };

/* Values in the map of segments (memory/heap.hpp): a block's first segment, and one that is free. */
enum { SEGMENT_FIRST = 0, SEGMENT_FREE = 0xff };

/* First four characters of blobs' names. */
enum {
    NAME_NMETHOD = 0x74656d6e,        /* nmethod */
    NAME_NATIVE_NMETHOD = 0x6974616e, /* native nmethod */
    NAME_INTERPRETER = 0x65746e49,    /* Interpreter */
    NAME_VTABLE = 0x62617476,         /* vtable chunks */
    NAME_ADAPTERS = 0x2f433249,       /* I2C/C2I adapters */
};

/* Words of an interpreted frame by their distance from what the frame pointer points to (interpreter frame_x86.hpp,
 * frame_aarch64.hpp). */
enum {
    INTERPRETED_WORDS_BELOW = 10,
    INTERPRETED_FP = 10,
    INTERPRETED_RETURN_ADDRESS = 11,
    INTERPRETED_SENDER_SP = 9,
    INTERPRETED_LAST_SP = 8,
    INTERPRETED_METHOD = 7,
    INTERPRETED_WORDS = 12,
};

/* Larger frames are taken for wrong: HotSpot's own limit of a method's locals and stack is 64 Ki words. */
enum { MAX_FRAME_WORDS = 1 << 17 };

/* Registers of the interrupted interpreter: its bytecode, and while a frame is made, the method and its caller's SP. */
#if defined(__TARGET_ARCH_x86)
enum { REGISTER_BYTECODE = X86_R13, REGISTER_METHOD = X86_RBX, REGISTER_SENDER_SP = X86_R13 };
#else
enum { REGISTER_BYTECODE = 22, REGISTER_METHOD = 12, REGISTER_SENDER_SP = 19 };
#endif

static __always_inline int is_interrupted(const struct unwind_state *state) {
    return state->all_registers_valid && !state->pc_is_return_address;
}

/* Answers in jvm.is_code whether an address lies in a code heap. */
static __always_inline void check_code(struct unwind_state *state, const struct jvm_process *jvm, u64 address) {
    state->jvm.is_code = 0;
    _Pragma("unroll") for (u32 number = 0; number < JVM_CODE_HEAPS; number++) {
        if (is_in_range(&jvm->heaps[number].code, address))
            state->jvm.is_code = 1;
    }
}

/* How a frame is left. */
enum jvm_way {
    WAY_KNOWN,          /* pc, sp and fp are those of the caller */
    WAY_RETURN_ADDRESS, /* nothing but the return address is left of the frame */
    WAY_PAIR,           /* {FP, return address} lie at sp, and the caller's stack begins behind */
};

static __always_inline void leave_bare_frame(struct unwind_state *state) {
    state->jvm.sp = state->registers[REGISTER_SP];
    state->jvm.way = WAY_RETURN_ADDRESS;
}

static __always_inline void leave_by_pair(struct unwind_state *state, u64 at) {
    state->jvm.sp = at;
    state->jvm.way = WAY_PAIR;
}

/* Moves to the caller's frame. */
static __always_inline int go_to_caller(struct unwind_state *state, const struct jvm_process *jvm) {
    struct jvm_state *own = &state->jvm;
    u64 old = state->registers[REGISTER_SP], fp = state->registers[REGISTER_FP];
    u64 pair[2] = {fp, 0};
    if (own->way == WAY_KNOWN) {
        pair[0] = own->fp;
        pair[1] = own->pc;
    } else if (own->way == WAY_PAIR) {
        /* The frame pointer's value says nothing in the end, when it is what led here. */
        if (own->sp < old)
            return STOP_NO_PROGRESS;
        if (read_stack(state, pair, 2, own->sp))
            return STOP_STACK_UNREADABLE;
        own->sp += 16;
    } else {
#if defined(__TARGET_ARCH_x86)
        if (read_stack(state, &pair[1], 1, own->sp))
            return STOP_STACK_UNREADABLE;
        own->sp += 8;
#else
        pair[1] = state->registers[ARM64_LR];
#endif
    }
    u64 sp = own->sp;
    if (sp < old || (sp == old && !is_interrupted(state)))
        return STOP_NO_PROGRESS;
    u64 pc = code_address(pair[1]);
    state->registers[REGISTER_PC] = pc;
    state->registers[REGISTER_SP] = sp;
    state->registers[REGISTER_FP] = pair[0];
    state->pc_is_return_address = 1;
    state->all_registers_valid = 0;
    own->shape = JVM_WHOLE_FRAME;
    check_code(state, jvm, pc - 1);
    own->is_in_code = own->is_code;
    return STOP_NONE;
}

/* ---- The interpreter --------------------------------------------------------------------------------------------- */

static __always_inline int record_interpreted(struct scratch *scratch, const struct jvm_process *jvm, u64 method,
                                              u64 slot, u64 live) {
    u64 const_method = 0;
    u32 place = JVM_PLACE_UNKNOWN;
    if (!read_user(&const_method, sizeof const_method, method + jvm->method_const_method)) {
        u64 bytecodes = const_method + jvm->const_method_bytes;
        if (live - bytecodes < JVM_PLACE_UNKNOWN)
            place = (u32)(live - bytecodes);
        else if (slot - bytecodes < JVM_PLACE_UNKNOWN)
            place = (u32)(slot - bytecodes);
    }
    return record_runtime_words(scratch, FRAME_JVM, jvm->attachment, 3, (method & ~7ull) | JVM_FRAME_INTERPRETED,
                                (u64)place << 32 | (u32)(const_method >> 3), const_method);
}

/* Records the interpreted frame and prepares to move to its caller's. */
static __always_inline int step_interpreted(struct scratch *scratch, const struct jvm_process *jvm) {
    struct unwind_state *state = &scratch->state;
    struct jvm_state *own = &state->jvm;
    volatile u64 *words = state->runtime_words;
    u64 sp = state->registers[REGISTER_SP], fp = state->registers[REGISTER_FP];
    if (fp - sp >= MAX_FRAME_WORDS * 8 || fp & 7 ||
        read_user((void *)words, INTERPRETED_WORDS * 8, fp - INTERPRETED_WORDS_BELOW * 8)) {
        if (!is_interrupted(state))
            return STOP_FRAME_POINTER_CHAIN_END;
        /* No frame of the interpreter's. */
        words[INTERPRETED_LAST_SP] = 1;
        words[INTERPRETED_RETURN_ADDRESS] = 0;
    }
    u64 live = 0;
    own->is_entry = 0;
    if (is_interrupted(state)) {
        u64 method = state->registers[REGISTER_METHOD];
#if defined(__TARGET_ARCH_x86)
        u64 top = 0;
        if (read_user(&top, sizeof top, sp))
            return STOP_STACK_UNREADABLE;
#else
        u64 top = code_address(state->registers[ARM64_LR]);
#endif
        live = state->registers[REGISTER_BYTECODE];
        own->pc = top;
        own->fp = fp;
        own->sp = state->registers[REGISTER_SENDER_SP];
        if (own->sp - sp >= MAX_FRAME_WORDS * 8)
            own->sp = sp + 8;
        /* The frame is only being made: the one that FP belongs to is in a call, or is none of the interpreter's. */
        if (words[INTERPRETED_LAST_SP] == 0) {
            check_code(state, jvm, words[INTERPRETED_RETURN_ADDRESS]);
            own->is_entry = !own->is_code;
        } else {
            own->is_entry = 1;
        }
        if (own->is_entry) {
            check_code(state, jvm, top);
            own->is_entry = own->is_code;
        }
        if (own->is_entry) {
            words[INTERPRETED_METHOD] = method;
            live = 0;
        } else if (fp - sp < 24) {
            /* Not all of the frame has been pushed. */
            words[INTERPRETED_METHOD] = method;
        }
    }
    if (!own->is_entry) {
        own->pc = words[INTERPRETED_RETURN_ADDRESS];
        own->fp = words[INTERPRETED_FP];
        own->sp = words[INTERPRETED_SENDER_SP];
        if (own->sp - fp >= MAX_FRAME_WORDS * 8)
            own->sp = fp + 16;
    }
    own->way = WAY_KNOWN;
    u64 slot = own->is_entry ? 0 : words[(INTERPRETED_WORDS_BELOW - jvm->bytecode_slot) & 15];
    return record_interpreted(scratch, jvm, words[INTERPRETED_METHOD], slot, live);
}

/* ---- Blobs ------------------------------------------------------------------------------------------------------- */

enum find_block { BLOCK_FOUND, BLOCK_LATER, BLOCK_MISSING };

/* Looks for the block of an address, some hops a step. */
static __always_inline enum find_block find_block(struct unwind_state *state, const struct jvm_process *jvm,
                                                  u64 address) {
    struct jvm_state *own = &state->jvm;
    if (!own->is_searching) {
        own->heap = 0;
        _Pragma("unroll") for (u32 number = 0; number < JVM_CODE_HEAPS; number++) {
            const struct jvm_code_heap *heap = &jvm->heaps[number];
            if (is_in_range(&heap->code, address)) {
                own->heap = heap->code.start;
                own->segments = heap->segments;
            }
        }
        own->segment = (address - own->heap) >> (jvm->segment_shift & 31);
        own->hops = 0;
        own->is_searching = 1;
    }
    for (u32 hop = 0; hop < HOPS_PER_STEP; hop++) {
        u8 back = SEGMENT_FREE;
        if (own->heap == 0 || read_user(&back, sizeof back, own->segments + own->segment) || back == SEGMENT_FREE ||
            back > own->segment || own->hops > JVM_SEGMENT_HOPS) {
            own->is_searching = 0;
            return BLOCK_MISSING;
        }
        if (back == SEGMENT_FIRST) {
            own->is_searching = 0;
            own->block = own->heap + (own->segment << (jvm->segment_shift & 31));
            return BLOCK_FOUND;
        }
        own->segment -= back;
        own->hops++;
    }
    return BLOCK_LATER;
}

static __always_inline s32 signed_half_word(const struct unwind_state *state, u32 offset) {
    return (s32)runtime_half_word(state, offset);
}

/* Where a blob's code begins or ends, or a handler lies, as the field at `offset` says. */
static __always_inline u64 code_place(const struct unwind_state *state, const struct jvm_process *jvm, u64 blob,
                                      u32 offset) {
    if (jvm->flags & JVM_HAS_CODE_OFFSETS)
        return blob + (s64)signed_half_word(state, offset);
    return runtime_word(state, offset);
}

/* Prepares to leave a frame whose size is not known: of the stubs that HotSpot makes for itself. */
static __always_inline void leave_stub(struct unwind_state *state, const struct jvm_process *jvm) {
    u64 fp = state->registers[REGISTER_FP];
    leave_by_pair(state, fp);
    if (!is_interrupted(state))
        return;
    /* Does the word on the stack say who called this stub? Those that push nothing, and those about to begin or end. */
#if defined(__TARGET_ARCH_x86)
    u64 top = 0;
    u8 call[8] = {};
    if (read_user(&top, sizeof top, state->registers[REGISTER_SP]))
        return;
    check_code(state, jvm, top - 1);
    /* call, whose target is relative */
    if (!state->jvm.is_code || read_user(call, 5, top - 5) || call[0] != 0xe8)
        return;
    s32 distance = (s32)(call[1] | (u32)call[2] << 8 | (u32)call[3] << 16 | (u32)call[4] << 24);
    check_code(state, jvm, top + (s64)distance);
#else
    u64 pair[2];
    u64 top = code_address(state->registers[ARM64_LR]);
    if (fp - state->registers[REGISTER_SP] < 4096 && !read_user(pair, sizeof pair, fp) && code_address(pair[1]) == top)
        return;
    check_code(state, jvm, top - 1);
#endif
    if (state->jvm.is_code)
        leave_bare_frame(state);
}

/* Prepares to leave a frame of a known size. */
static __always_inline void leave_sized_frame(struct unwind_state *state, u64 bytes, int keeps_frame_pointer) {
    u64 sp = state->registers[REGISTER_SP], fp = state->registers[REGISTER_FP];
    /* A wrapper may align its stack while it calls native code. */
    if (keeps_frame_pointer && !is_interrupted(state) && fp - sp < bytes + 48) {
        leave_by_pair(state, fp);
        return;
    }
#if defined(__TARGET_ARCH_arm64)
    /* stp xzr, x9, [sp, #-16]!; blr x8: calls of HotSpot's own functions leave a crumb. */
    u64 call = 0;
    if (!is_interrupted(state) && !read_user(&call, sizeof call, state->registers[REGISTER_PC] - 8) &&
        call == 0xd63f0100a9bf27ffull)
        sp += 16;
#endif
    leave_by_pair(state, sp + bytes - 16);
}

/* There is room for all of the frame, but the caller's frame pointer is still where the caller has it. */
static __always_inline int leave_frame_without_fp(struct unwind_state *state, u64 bytes) {
    u64 return_address = 0;
    u64 caller_sp = state->registers[REGISTER_SP] + bytes;
#if defined(__TARGET_ARCH_x86)
    if (read_user(&return_address, sizeof return_address, caller_sp - 8))
        return STOP_STACK_UNREADABLE;
#else
    return_address = state->registers[ARM64_LR];
#endif
    state->jvm.way = WAY_KNOWN;
    state->jvm.pc = return_address;
    state->jvm.sp = caller_sp;
    state->jvm.fp = state->registers[REGISTER_FP];
    return STOP_NONE;
}

/* Code that was given up returns to a handler at its end, and keeps where it would have returned to. */
static __always_inline void find_original_place(struct unwind_state *state, const struct jvm_process *jvm, u64 blob,
                                                u64 begin) {
    u64 pc = state->registers[REGISTER_PC];
    u64 end = code_place(state, jvm, blob, jvm->block_code_end);
    s32 offset = 0;
    u64 original = 0;
    if (!(jvm->block_deoptimize && pc == code_place(state, jvm, blob, jvm->block_deoptimize)) &&
        !(jvm->block_deoptimize_handle && pc == code_place(state, jvm, blob, jvm->block_deoptimize_handle)))
        return;
    if (!read_user(&offset, sizeof offset, blob + jvm->original_pc) &&
        !read_user(&original, sizeof original, state->registers[REGISTER_SP] + (u32)offset) &&
        original - begin < end - begin)
        state->jvm.place = original - begin;
}

/* Records the frame of the blob in runtime_words, but for the interpreter's, and prepares to move to its caller's. */
static __always_inline int step_blob(struct scratch *scratch, const struct jvm_process *jvm) {
    struct unwind_state *state = &scratch->state;
    u64 blob = state->jvm.block + jvm->block_header_bytes;
    u64 begin = code_place(state, jvm, blob, jvm->block_code_begin);
    u64 name_at = runtime_word(state, jvm->block_name);
    u32 name = state->jvm.name, detail = name;
    int is_compiled = name == NAME_NATIVE_NMETHOD || name == NAME_NMETHOD;
    u64 bytes = (u64)runtime_half_word(state, jvm->block_frame_size) * 8;
    u32 complete = runtime_half_word(state, jvm->block_frame_complete);
    complete = complete >> ((jvm->block_frame_complete & 2) * 8) & 0xffff;
    state->jvm.place = state->registers[REGISTER_PC] - begin;
    u64 kind = JVM_FRAME_STUB, third = name_at;
    if (is_compiled) {
        kind = JVM_FRAME_COMPILED;
        third = runtime_word(state, jvm->block_method);
        if (read_user(&detail, sizeof detail, blob + jvm->compilation))
            detail = 0;
        find_original_place(state, jvm, blob, begin);
    }
    int stop = record_runtime_words(scratch, FRAME_JVM, jvm->attachment, 3, (blob & ~7ull) | kind,
                                    state->jvm.place << 32 | detail, third);
    if (stop)
        return stop;
    if (bytes == 0 || bytes > MAX_FRAME_WORDS * 8) {
        if (is_interrupted(state) && (name == NAME_VTABLE || name == NAME_ADAPTERS))
            leave_bare_frame(state);
        else
            leave_stub(state, jvm);
        return STOP_NONE;
    }
    u8 shape = JVM_WHOLE_FRAME;
    if (is_interrupted(state)) {
        shape = state->jvm.shape;
        if (shape == JVM_WHOLE_FRAME && is_compiled && state->jvm.place < complete)
            shape = state->jvm.prologue;
    }
    if (shape == JVM_RETURN_ADDRESS)
        leave_bare_frame(state);
    else if (shape == JVM_PAIR)
        leave_by_pair(state, state->registers[REGISTER_SP]);
    else if (shape == JVM_FRAME_WITHOUT_FP)
        return leave_frame_without_fp(state, bytes);
    else
        leave_sized_frame(state, bytes, name == NAME_NATIVE_NMETHOD);
    return STOP_NONE;
}

/* ---- The program ------------------------------------------------------------------------------------------------- */

/* Looks at the code around the interrupted instruction. */
static __always_inline void look_at_code(struct unwind_state *state) {
    struct jvm_code *code = (struct jvm_code *)state->runtime_words;
    state->jvm.shape = JVM_WHOLE_FRAME;
    state->jvm.prologue = JVM_WHOLE_FRAME;
    if (!is_interrupted(state) || read_user(code, sizeof *code, state->registers[REGISTER_PC] - JVM_CODE_BEFORE))
        return;
    state->jvm.shape = epilogue_shape(code);
    state->jvm.prologue = prologue_shape(code);
}

/* Records the frame of code that HotSpot made and moves to its caller's, or prepares to. Returns a stop reason. */
static __always_inline int step_jvm(struct scratch *scratch, const struct jvm_process *jvm) {
    struct unwind_state *state = &scratch->state;
    u64 address = state->registers[REGISTER_PC] - state->pc_is_return_address;
    int stop;
    state->jvm.name = NAME_INTERPRETER;
    if (!is_in_range(&jvm->interpreter, address)) {
        enum find_block found = find_block(state, jvm, address);
        if (found == BLOCK_LATER)
            return STOP_NONE;
        u32 name = 0;
        if (found == BLOCK_MISSING || read_user(state->runtime_words, JVM_BLOCK_BYTES, state->jvm.block) ||
            !runtime_byte(state, jvm->block_used) ||
            read_user(&name, sizeof name, runtime_word(state, jvm->block_name))) {
            abandon_runtime(scratch, UNWINDER_JVM);
            state->jvm.is_in_code = 0;
            return STOP_NONE;
        }
        state->jvm.name = name;
    }
    if (state->jvm.name == NAME_INTERPRETER)
        stop = step_interpreted(scratch, jvm);
    else
        stop = step_blob(scratch, jvm);
    return stop ? stop : go_to_caller(state, jvm);
}

SEC("perf_event")
int unwind_jvm(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct jvm_process *jvm = bpf_map_lookup_elem(&jvm_processes, &scratch->header.pid);
    if (!jvm || state->is_draining) {
        /* The process has just let go of it; or native unwinding, which alone leads to Java's frames, has ended. */
        leave_runtime(state, UNWINDER_JVM);
        if (!jvm)
            state->runtimes &= ~(1u << UNWINDER_JVM);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    if (state->wanted_runtime == UNWINDER_JVM) {
        state->wanted_runtime = 0;
        state->jvm.is_searching = 0;
        state->left_runtimes &= ~(1u << UNWINDER_JVM);
        check_code(state, jvm, state->registers[REGISTER_PC] - state->pc_is_return_address);
        state->jvm.is_in_code = state->jvm.is_code;
        /* Code that somebody else made at run time. */
        if (!state->jvm.is_in_code)
            state->activation_is_done = 1;
        look_at_code(state);
    }
    int stop = STOP_NONE;
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (step >= settings.frames_per_call)
            break;
        if (state->jvm.is_in_code) {
            stop = step_jvm(scratch, jvm);
        } else {
            stop = unwind_frame(scratch, cache);
            /* What was interrupted is looked at more closely, when a program begins. */
            if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_JVM && !is_interrupted(state)) {
                state->wanted_runtime = 0;
                check_code(state, jvm, state->registers[REGISTER_PC] - 1);
                state->jvm.is_in_code = state->jvm.is_code;
                state->activation_is_done = !state->jvm.is_in_code;
                stop = STOP_NONE;
            }
        }
        if (stop)
            break;
    }
    return go_on(context, scratch, UNWINDER_JVM, stop);
}

LICENSE;
