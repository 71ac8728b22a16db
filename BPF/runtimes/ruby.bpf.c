/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * CRuby 2.5 and later. A thread's execution context leads to its stack of control frames (rb_control_frame_t, vm_core.h),
 * which lie one after the other, the youngest first. Each leads to an environment, whose words say what the frame is, and
 * whether the interpreter returns to C behind it: such a frame is the last one of its activation of rb_vm_exec.
 *
 * A method that is written in C has a frame too. It is recorded in its place among the others of its activation, and so
 * behind the native frames of its C function, which the activation called.
 *
 * What the frames refer to has the same layout in all these versions as far as it is read here; user space reads the rest.
 *
 * Code that was compiled at run time has no unwinding table. All of it that one call of C code entered runs in one machine
 * frame, a few words large, above which lies the return address into rb_vm_exec or vm_exec_core: it is looked for.
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct ruby_process);
} ruby_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };
/* Blocks within blocks. */
enum { MAX_HOPS = 16 };

/* The first word of an environment (VM_FRAME_MAGIC_* and VM_FRAME_FLAG_*, vm_core.h). */
enum {
    FRAME_MAGIC = 0x7fff0001,
    FRAME_C_FUNCTION = 0x55550001,
    FRAME_C_BLOCK = 0x66660001,
    FRAME_DUMMY = 0x79990001, /* the bottom of a stack */
    FRAME_FINISH = 0x20,      /* the interpreter returns to C */
    FRAME_LOCAL = 0x02,       /* the environment is a method's own, not one within another */
};

/* An object's flags: its type, and that of an internal object (internal/imemo.h). */
enum {
    OBJECT_TYPE = 0x1f,
    OBJECT_INTERNAL = 0x1a,
    INTERNAL_SPECIAL_VARIABLES = 2,
    INTERNAL_METHOD_ENTRY = 6,
};

/* Of the collector's flags (struct rb_objspace, gc.c): what it is about, and whether it runs. */
enum { COLLECTOR_MODE = 3, COLLECTOR_RUNS = 1 << 5 };

/* Finds the thread's youngest frame. */
static __always_inline int start_ruby(struct scratch *scratch, const struct ruby_process *ruby) {
    struct unwind_state *state = &scratch->state;
    u64 context = 0;
    state->started_runtimes |= 1u << UNWINDER_RUBY;
    state->ruby.environment = 0;
    state->ruby.is_innermost = 1;
    if (read_thread_value(&ruby->execution_context, &context)) {
        abandon_runtime(scratch, UNWINDER_RUBY);
        return STOP_NONE;
    }
    if (!context) {
        /* A thread that is none of Ruby's. */
        leave_runtime(state, UNWINDER_RUBY);
        return STOP_NONE;
    }
    /* rb_execution_context_t: vm_stack, vm_stack_size in words, cfp. */
    if (read_user(state->runtime_words, 24, context)) {
        abandon_runtime(scratch, UNWINDER_RUBY);
        return STOP_NONE;
    }
    state->ruby.frame = state->runtime_words[2];
    state->ruby.end = state->runtime_words[0] + state->runtime_words[1] * 8;
    if (!state->ruby.frame) {
        leave_runtime(state, UNWINDER_RUBY);
        return STOP_NONE;
    }
    u32 collector = 0;
    if (!ruby->collector_flags || read_user(&collector, sizeof collector, ruby->collector_flags) ||
        !(collector & COLLECTOR_RUNS))
        return STOP_NONE;
    /* Other threads wait meanwhile, but for those that have let go of the interpreter's lock to do something else. */
    u64 thread = 0, blocking = 0;
    if (ruby->thread_blocking && !read_user(&thread, sizeof thread, context + ruby->context_thread) && thread &&
        !read_user(&blocking, sizeof blocking, thread + ruby->thread_blocking) && blocking)
        return STOP_NONE;
    return record_runtime_frame(scratch, FRAME_RUBY, ruby->attachment, RUBY_FRAME_COLLECTOR,
                                (u64)(collector & COLLECTOR_MODE) << 32);
}

/* The flags of an object that is of an internal type, or 0. */
static __always_inline u32 internal_type(u64 object) {
    u64 flags = 0;
    if (!object || read_user(&flags, sizeof flags, object) || (flags & OBJECT_TYPE) != OBJECT_INTERNAL)
        return 0;
    return flags >> 12 & 15;
}

/* What tells bodies apart that lie at one address one after the other: what was read of them, and the text of their name,
 * or where that is longer its length and where it lies. None of it changes when objects are moved. */
static __always_inline u32 body_checksum(struct unwind_state *state) {
    u64 sum = runtime_word(state, 0);            /* type, iseq_size */
    sum = sum * 31 + runtime_word(state, 8);     /* iseq_encoded */
    sum = sum * 31 + runtime_word(state, 88);    /* location.first_lineno */
    u64 name = runtime_word(state, 72);          /* location.base_label */
    if (read_user(state->runtime_words, RUBY_TEXT_BYTES, name + 16))
        return 0;
    sum = sum * 31 + runtime_word(state, 0);
    sum = sum * 31 + runtime_word(state, 8);
    sum = sum * 31 + runtime_word(state, 16);
    return (u32)(sum ^ sum >> 32);
}

/* Moves to the caller's frame. */
static __always_inline void leave_frame(struct unwind_state *state, const struct ruby_process *ruby) {
    state->ruby.environment = 0;
    state->ruby.frame += ruby->frame_bytes;
    if (state->ruby.is_last && !state->is_draining)
        leave_activation(state);
}

/* Reads the next frame, up to what its environment says. */
static __always_inline int read_frame(struct scratch *scratch, const struct ruby_process *ruby) {
    struct unwind_state *state = &scratch->state;
    u64 frame = state->ruby.frame;
    if (frame >= state->ruby.end) {
        leave_runtime(state, UNWINDER_RUBY);
        return 1;
    }
    /* rb_control_frame_t: pc, sp, iseq, self, ep. */
    u64 pair[3];
    if (read_user(state->runtime_words, 40, frame) ||
        read_user(pair, sizeof pair, runtime_word(state, 32) - 16)) {
        abandon_runtime(scratch, UNWINDER_RUBY);
        return 1;
    }
    u64 pc = runtime_word(state, 0), iseq = runtime_word(state, 16), environment = runtime_word(state, 32);
    u32 magic = (u32)pair[2] & FRAME_MAGIC;
    int is_innermost = state->ruby.is_innermost && !state->is_draining;
    state->ruby.is_innermost = 0;
    if (magic == FRAME_DUMMY) {
        /* Both stacks have ended: Ruby puts a return address of zero at the bottom of the stacks that it makes, which are
         * those of fibers and of threads that share the system's. */
        if (state->is_draining && state->final_stop == STOP_ZERO_PC && !state->has_gap)
            state->final_stop = STOP_ROOT;
        leave_runtime(state, UNWINDER_RUBY);
        return 1;
    }
    /* The interpreter itself was interrupted, but the youngest frame is one of C code, which is not running: the frames
     * of this activation have been left already. */
    if (is_innermost && (magic == FRAME_C_FUNCTION || magic == FRAME_C_BLOCK) && scratch->header.user_frame_count <= 1) {
        leave_activation(state);
        return 1;
    }
    state->ruby.is_last = (pair[2] & FRAME_FINISH) != 0;
    state->ruby.hops = 0;
    state->ruby.is_c_function = magic == FRAME_C_FUNCTION;
    if (magic == FRAME_C_FUNCTION) {
        state->ruby.environment = environment;
        return 0;
    }
    if (magic == FRAME_C_BLOCK || !iseq) {
        leave_frame(state, ruby);
        return 1;
    }
    u64 body = 0;
    u32 place = RUBY_PLACE_UNKNOWN, checksum = 0;
    /* What cannot be read here, because it was swapped out, user space can. */
    if (!read_user(&body, sizeof body, iseq + 16) && body && !read_user(state->runtime_words, RUBY_BODY_BYTES, body)) {
        u64 distance = pc - runtime_word(state, 8);
        /* The compiler of hot code leaves the place out now and then. */
        if (pc && distance >> 3 <= runtime_half_word(state, 4))
            place = (u32)(distance >> 3);
        checksum = body_checksum(state);
    }
    if (!body) {
        leave_frame(state, ruby);
        return 1;
    }
    /* C code has made this frame and is about to enter the interpreter: the activation that follows is its caller's. */
    if (is_innermost && place == 0 && scratch->header.user_frame_count > 2)
        state->ruby.is_last = 0;
    state->ruby.words[0] = (body & ~3ull) | RUBY_FRAME_CODE;
    state->ruby.words[1] = (u64)place << 32 | checksum;
    state->ruby.environment = environment;
    return 0;
}

/* Reads the next frame, or goes on to look for its method. Returns a stop reason. */
static __always_inline int step_ruby(struct scratch *scratch, const struct ruby_process *ruby) {
    struct unwind_state *state = &scratch->state;
    if (!state->ruby.environment && read_frame(scratch, ruby))
        return STOP_NONE;
    if (!state->ruby.is_c_function && !(ruby->flags & RUBY_HAS_CLASS_NAMES)) {
        int stop = record_runtime_frame(scratch, FRAME_RUBY, ruby->attachment, state->ruby.words[0],
                                        state->ruby.words[1]);
        leave_frame(state, ruby);
        return stop;
    }
    /* An environment ends in three words: method entry, class reference or special variables; what it lies within, or the
     * block that was passed; flags. */
    u64 ends[3];
    u64 method = 0;
    if (!read_user(ends, sizeof ends, state->ruby.environment - 16)) {
        method = ends[0];
        u32 type = internal_type(method);
        if (ends[2] & FRAME_LOCAL && type == INTERNAL_SPECIAL_VARIABLES) {
            /* struct vm_svar: flags, then the method entry or class reference. */
            if (read_user(&method, sizeof method, method + 8))
                method = 0;
            type = internal_type(method);
        }
        if (type != INTERNAL_METHOD_ENTRY)
            method = 0;
        if (!method && !(ends[2] & FRAME_LOCAL) && state->ruby.hops < MAX_HOPS) {
            state->ruby.hops++;
            state->ruby.environment = ends[1] & ~3ull;
            if (state->ruby.environment)
                return STOP_NONE;
        }
    }
    int stop = STOP_NONE;
    if (state->ruby.is_c_function) {
        /* rb_method_entry_t: def at 16; rb_method_definition_t: original_id at 32 (method.h). */
        u64 definition = 0, name = 0;
        if (method && !read_user(&definition, sizeof definition, method + 16) &&
            !read_user(&name, sizeof name, definition + 32))
            stop = record_runtime_words(scratch, FRAME_RUBY, ruby->attachment, 3,
                                        (definition & ~3ull) | RUBY_FRAME_C_FUNCTION, name << 32, method);
    } else if (method) {
        stop = record_runtime_words(scratch, FRAME_RUBY, ruby->attachment, 3, state->ruby.words[0],
                                    state->ruby.words[1], method);
    } else {
        stop = record_runtime_frame(scratch, FRAME_RUBY, ruby->attachment, state->ruby.words[0],
                                    state->ruby.words[1]);
    }
    leave_frame(state, ruby);
    return stop;
}

/* The present native frame is one of code that Ruby compiled at run time. */
static __always_inline int is_in_compiled_code(struct unwind_state *state) {
    return !state->is_draining && place_at(state, state->place)->mapping.unwinder == UNWINDER_RUBY;
}

static __always_inline int is_caller(const struct ruby_process *ruby, u64 address) {
    int is_one = 0;
    _Pragma("unroll") for (u32 number = 0; number < RUBY_CALLERS; number++)
        is_one |= is_in_range(&ruby->callers[number], address);
    return is_one;
}

/* Records the machine frame of compiled code and moves to its caller's. Returns a stop reason. */
static __always_inline int leave_compiled_code(struct scratch *scratch, const struct ruby_process *ruby) {
    struct unwind_state *state = &scratch->state;
    u64 stack = state->registers[REGISTER_SP];
    volatile u64 *found = &state->ruby.words[0];
    /* Its C functions have frames, which are not what was interrupted. */
    state->ruby.is_innermost = 0;
    *found = 0;
    for (u32 part = 0; part < 2; part++) {
        u64 start = stack + part * sizeof state->runtime_words;
        if (*found || read_user(state->runtime_words, sizeof state->runtime_words, start))
            break;
        for (u32 word = 0; word < 32; word++) {
            /* A return address lies behind the call. */
            if (!*found && is_caller(ruby, code_address(state->runtime_words[word]) - 1))
                *found = start + word * 8;
        }
    }
    u64 at = *found;
    u64 pair[2]; /* perhaps the frame pointer, then the return address */
    if (!at || read_user(pair, sizeof pair, at - 8)) {
        /* None of Ruby's code, or not as it is known: the usual ways remain. */
        state->activation_is_done = 1;
        return STOP_NONE;
    }
    u32 word = scratch->header.word_count;
    if (scratch->header.user_frame_count >= ABI_MAX_USER_FRAMES || word > ABI_TRACE_WORDS - 2)
        return STOP_TRUNCATED_FRAMES;
    const struct place *place = place_at(state, state->place);
    u64 flags = state->pc_is_return_address ? FRAME_RETURN_ADDRESS : 0;
    scratch->words[word] = (u64)FRAME_NATIVE << 56 | flags << 48 | (u64)2 << 40 | place->mapping.executable;
    scratch->words[word + 1] = state->registers[REGISTER_PC] - place->mapping.bias;
    scratch->header.word_count = word + 2;
    scratch->header.user_frame_count++;
    if (state->registers[REGISTER_FP] == at - 8)
        state->registers[REGISTER_FP] = pair[0];
    state->registers[REGISTER_PC] = code_address(pair[1]);
    state->registers[REGISTER_SP] = at + 8;
    state->pc_is_return_address = 1;
    state->all_registers_valid = 0;
    state->activation_is_done = 0;
    return STOP_NONE;
}

SEC("perf_event")
int unwind_ruby(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct ruby_process *ruby = bpf_map_lookup_elem(&ruby_processes, &scratch->header.pid);
    if (!ruby) {
        /* The process has just let go of it. */
        leave_runtime(state, UNWINDER_RUBY);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    int stop = STOP_NONE;
    if (state->wanted_runtime == UNWINDER_RUBY) {
        state->wanted_runtime = 0;
        state->is_in_activation = 1;
        if (!(state->started_runtimes & 1u << UNWINDER_RUBY))
            stop = start_ruby(scratch, ruby);
        if (!stop && is_in_compiled_code(state)) {
            state->is_in_activation = 0;
            stop = leave_compiled_code(scratch, ruby);
        }
    }
    if (!stop) {
        for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
            if (step >= settings.frames_per_call)
                break;
            if (state->is_in_activation) {
                stop = step_ruby(scratch, ruby);
            } else if (state->is_draining) {
                stop = state->final_stop;
            } else {
                stop = unwind_frame(scratch, cache);
                if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_RUBY &&
                    state->started_runtimes & 1u << UNWINDER_RUBY && !is_in_compiled_code(state)) {
                    state->wanted_runtime = 0;
                    state->is_in_activation = 1;
                    stop = STOP_NONE;
                }
            }
            if (stop)
                break;
        }
    }
    return go_on(context, scratch, UNWINDER_RUBY, stop);
}

LICENSE;
