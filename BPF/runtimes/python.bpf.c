/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * CPython 3.6 and later. A thread's state leads to its youngest frame, and each frame to the one that it was called from:
 * PyFrameObject (Include/frameobject.h) until 3.10, _PyInterpreterFrame (Include/internal/pycore_frame.h) since.
 *
 * What an activation of the loop runs, leaf first: until 3.10 one frame; in 3.11 the frames up to the one that is marked
 * as its entry; since 3.12 the frames up to a shim on the C stack, which is none of the program's.
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct python_process);
} python_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };

/* A thread state's youngest frame. */
static __always_inline int youngest_frame(const struct python_process *python, u64 thread_state, u64 *frame) {
    /* A thread that never ran Python code has none. */
    if (!thread_state)
        return 0;
    if (read_user(frame, sizeof *frame, thread_state + python->thread_state_frame))
        return 1;
    if (!(python->flags & PYTHON_HAS_C_FRAME) || !*frame)
        return 0;
    return read_user(frame, sizeof *frame, *frame + python->c_frame_frame);
}

/* The state that this thread runs with when that is not the first one that it had; 0 otherwise. */
static __always_inline u64 later_thread_state(const struct python_process *python, u64 first) {
    u64 current = 0, thread = 0, pointer = 0;
    if (!python->current_thread_state || read_user(&current, sizeof current, python->current_thread_state))
        return 0;
    if (!current || current == first || thread_pointer(&pointer))
        return 0;
    if (read_user(&thread, sizeof thread, current + python->thread_state_thread))
        return 0;
    return thread == pointer ? current : 0;
}

/* Finds the thread's youngest frame. */
static __always_inline void start_python(struct scratch *scratch, const struct python_process *python) {
    struct unwind_state *state = &scratch->state;
    u64 thread_state = 0, frame = 0, outer = 0;
    state->started_runtimes |= 1u << UNWINDER_PYTHON;
    if (read_thread_value(&python->thread_state, &thread_state) || youngest_frame(python, thread_state, &frame)) {
        abandon_runtime(scratch, UNWINDER_PYTHON);
        return;
    }
    u64 later = later_thread_state(python, thread_state);
    if (later) {
        outer = frame;
        if (youngest_frame(python, later, &frame)) {
            abandon_runtime(scratch, UNWINDER_PYTHON);
            return;
        }
    }
    state->python.frame = frame;
    state->python.outer = outer;
    if (!frame)
        leave_runtime(state, UNWINDER_PYTHON);
}

/* What tells code objects apart that lie at one address one after the other. Their parts often lie where those of the one
 * before did, hence the hash of the name, which strings remember. */
static __always_inline u32 code_checksum(const struct unwind_state *state, const struct python_process *python) {
    u64 name = runtime_word(state, python->code_name);
    u64 hash = 0;
    if (read_user(&hash, sizeof hash, name + python->string_hash))
        return 0;
    u64 sum = runtime_word(state, python->code_file_name);
    sum = sum * 31 + name;
    sum = sum * 31 + hash;
    sum = sum * 31 + runtime_word(state, python->code_line_table);
    sum = sum * 31 + runtime_half_word(state, python->code_first_line);
    return (u32)(sum ^ sum >> 32);
}

/* Records the next frame. Returns a stop reason. */
static __always_inline int step_python(struct scratch *scratch, const struct python_process *python) {
    struct unwind_state *state = &scratch->state;
    u64 frame = state->python.frame;
    u32 flags = python->flags;
    int failed;
    if (flags & PYTHON_HAS_INSTRUCTION_POINTER)
        failed = read_user(state->runtime_words, PYTHON_FRAME_BYTES, frame);
    else
        failed = read_user(state->runtime_words, PYTHON_OLD_FRAME_BYTES, frame);
    if (failed) {
        abandon_runtime(scratch, UNWINDER_PYTHON);
        return STOP_NONE;
    }
    u64 next = runtime_word(state, python->frame_previous);
    u64 code = runtime_word(state, python->frame_code);
    u64 instruction = runtime_word(state, python->frame_instruction);
    int is_last = (flags & PYTHON_ONE_FRAME) != 0;
    int is_shim = flags & PYTHON_HAS_OWNER && runtime_byte(state, python->frame_owner) >= python->first_shim_owner;
    if (flags & PYTHON_HAS_ENTRY_FLAG && runtime_byte(state, python->frame_is_entry))
        is_last = 1;
    if (flags & PYTHON_TAGGED)
        code &= ~3ull;

    int stop = STOP_NONE;
    if (is_shim) {
        is_last = 1;
    } else if (code) {
        u32 checksum = 0;
        /* A page that was never touched, or was swapped out, cannot be read here; user space can. */
        if (!read_user(state->runtime_words, PYTHON_CODE_BYTES, code))
            checksum = code_checksum(state, python);
        if (flags & PYTHON_HAS_INSTRUCTION_POINTER)
            instruction -= code;
        stop = record_runtime_frame(scratch, FRAME_PYTHON, python->attachment, code, instruction << 32 | checksum);
    }
    if (!next && state->python.outer) {
        next = state->python.outer;
        state->python.outer = 0;
        is_last = 1;
    }
    state->python.frame = next;
    if (!next)
        leave_runtime(state, UNWINDER_PYTHON);
    else if (is_last && !state->is_draining)
        leave_activation(state);
    return stop;
}

SEC("perf_event")
int unwind_python(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct python_process *python = bpf_map_lookup_elem(&python_processes, &scratch->header.pid);
    if (!python) {
        /* The process has just let go of it. */
        leave_runtime(state, UNWINDER_PYTHON);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    int stop = STOP_NONE;
    if (state->wanted_runtime == UNWINDER_PYTHON) {
        state->wanted_runtime = 0;
        state->is_in_activation = 1;
        if (!(state->started_runtimes & 1u << UNWINDER_PYTHON))
            start_python(scratch, python);
    }
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (step >= settings.frames_per_call)
            break;
        if (state->is_in_activation) {
            stop = step_python(scratch, python);
        } else if (state->is_draining) {
            stop = state->final_stop;
        } else {
            stop = unwind_frame(scratch, cache);
            if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_PYTHON &&
                state->started_runtimes & 1u << UNWINDER_PYTHON) {
                state->wanted_runtime = 0;
                state->is_in_activation = 1;
                stop = STOP_NONE;
            }
        }
        if (stop)
            break;
    }
    return go_on(context, scratch, UNWINDER_PYTHON, stop);
}

LICENSE;
