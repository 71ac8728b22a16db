/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * CPython 3.6 and later. A thread's state leads to its youngest frame, and each frame to the one that it was called from:
 * PyFrameObject (Include/frameobject.h) until 3.10, _PyInterpreterFrame (Include/internal/pycore_frame.h) since.
 *
 * What an activation of the loop runs, leaf first: until 3.10 one frame; in 3.11 the frames up to the one that is marked
 * as its entry; since 3.12 the frames up to a shim on the C stack, which is none of the program's.
 *
 * Since 3.14 a thread's state leads to the task of asyncio's that it runs, and each task to what waits for it. Where the
 * running task's coroutine ends, the coroutines of the tasks that wait for it follow, as its callers would. A thread's
 * tasks are changed by itself alone, so that they stand still while it is sampled.
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
    state->python.walk = PYTHON_FRAMES;
    state->python.task = 0;
    state->python.task_frame = 0;
    if (!frame) {
        leave_runtime(state, UNWINDER_PYTHON);
        return;
    }
    u64 task = 0, coroutine = 0;
    if (!python->thread_state_task || read_user(&task, sizeof task, thread_state + python->thread_state_task) || !task)
        return;
    if (read_user(&coroutine, sizeof coroutine, task + python->task_coroutine) || !coroutine)
        return;
    state->python.task = task;
    state->python.task_frame = coroutine + python->generator_frame;
    state->python.awaiters_left = PYTHON_MAX_AWAITERS;
}

/* What is known of the awaiters is all: some of them could not be read, or are too many. */
static __always_inline int abandon_awaiters(struct scratch *scratch) {
    scratch->state.python.walk = PYTHON_FRAMES;
    count(COUNTER_RUNTIME_UNREADABLE, 1);
    record_marker(scratch, MARKER_RUNTIME_UNREADABLE);
    return STOP_NONE;
}

/* The only element of a set; 0: there is none, 1: there may be several. */
static __always_inline u64 only_element(struct unwind_state *state, const struct python_process *python, u64 set) {
    if (read_user(state->runtime_words, PYTHON_SET_BYTES, set))
        return 0;
    u64 used = runtime_word(state, python->set_used);
    u64 mask = runtime_word(state, python->set_mask);
    u64 table = runtime_word(state, python->set_table);
    if (!used)
        return 0;
    if (used != 1 || mask != PYTHON_SET_ENTRIES - 1)
        return 1;
    if (read_user(state->runtime_words, PYTHON_SET_ENTRIES * 16, table))
        return 0;
    u64 found = 0;
    /* An element that was removed leaves a key with the hash -1 (Objects/setobject.c). */
    for (u32 entry = 0; entry < PYTHON_SET_ENTRIES; entry++)
        if (state->runtime_words[2 * entry] && state->runtime_words[2 * entry + 1] != ~0ull)
            found = state->runtime_words[2 * entry];
    return found;
}

/* Goes on to what waits for the present task, which may be a future that others wait for. */
static __always_inline int find_awaiter(struct scratch *scratch, const struct python_process *python) {
    struct unwind_state *state = &scratch->state;
    if (read_user(state->runtime_words, PYTHON_TASK_BYTES, state->python.task))
        return abandon_awaiters(scratch);
    u64 awaiter = runtime_word(state, python->task_awaited_by);
    if (awaiter && runtime_byte(state, python->task_awaited_by_set))
        awaiter = only_element(state, python, awaiter);
    state->python.task = awaiter;
    state->python.walk = awaiter > 1 ? PYTHON_ENTERS_AWAITER : PYTHON_FRAMES;
    if (awaiter == 1)
        return record_runtime_frame(scratch, FRAME_PYTHON, python->attachment, PYTHON_AWAITED_BY_SEVERAL, 0);
    return STOP_NONE;
}

static __always_inline int enter_awaiter(struct scratch *scratch, const struct python_process *python) {
    struct unwind_state *state = &scratch->state;
    if (read_user(state->runtime_words, PYTHON_TASK_BYTES, state->python.task) || !state->python.awaiters_left)
        return abandon_awaiters(scratch);
    state->python.awaiters_left--;
    if (!runtime_byte(state, python->task_is_task)) {
        state->python.walk = PYTHON_FINDS_AWAITER;
        return STOP_NONE;
    }
    state->python.coroutine = runtime_word(state, python->task_coroutine);
    state->python.frame_count = 0;
    state->python.walk = PYTHON_GOES_INWARDS;
    return record_runtime_frame(scratch, FRAME_PYTHON, python->attachment, PYTHON_AWAITED_BY, 0);
}

/* Gathers the next coroutine of an awaiter: a coroutine that waits for another one has it on top of its stack. */
static __always_inline int go_inwards(struct scratch *scratch, const struct python_process *python) {
    struct unwind_state *state = &scratch->state;
    u64 coroutine = state->python.coroutine;
    state->python.walk = PYTHON_RECORDS_AWAITER;
    if (!coroutine)
        return STOP_NONE;
    u32 count = state->python.frame_count;
    if (read_user(state->runtime_words, PYTHON_GENERATOR_BYTES, coroutine) || count >= PYTHON_MAX_COROUTINES)
        return abandon_awaiters(scratch);
    u8 frame_state = runtime_byte(state, python->generator_state);
    /* In the end coroutines wait for something else. */
    if (runtime_word(state, python->object_type) != python->coroutine_type || frame_state == python->cleared_state)
        return STOP_NONE;
    state->python.frames[count & (PYTHON_MAX_COROUTINES - 1)] = coroutine + python->generator_frame;
    state->python.frame_count = count + 1;
    if (frame_state != python->awaiting_state)
        return STOP_NONE;
    u64 top = runtime_word(state, python->generator_frame + python->frame_stack) - python->awaited_below;
    if (read_user(&coroutine, sizeof coroutine, top))
        return abandon_awaiters(scratch);
    state->python.coroutine = coroutine & ~3ull;
    state->python.walk = PYTHON_GOES_INWARDS;
    return STOP_NONE;
}

/* The next frame of an awaiter; 0: there is none yet. `stop`: a stop reason. */
static __always_inline u64 follow_awaiters(struct scratch *scratch, const struct python_process *python, int *stop) {
    struct unwind_state *state = &scratch->state;
    u32 count = state->python.frame_count;
    switch (state->python.walk) {
    case PYTHON_FINDS_AWAITER: *stop = find_awaiter(scratch, python); break;
    case PYTHON_ENTERS_AWAITER: *stop = enter_awaiter(scratch, python); break;
    case PYTHON_GOES_INWARDS: *stop = go_inwards(scratch, python); break;
    default:
        if (count) {
            state->python.frame_count = count - 1;
            return state->python.frames[(count - 1) & (PYTHON_MAX_COROUTINES - 1)];
        }
        state->python.walk = PYTHON_FINDS_AWAITER;
    }
    return 0;
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
    int stop = STOP_NONE;
    int is_awaiter = state->python.walk != PYTHON_FRAMES;
    if (is_awaiter) {
        frame = follow_awaiters(scratch, python, &stop);
        if (stop || !frame)
            return stop;
    }
    if (flags & PYTHON_HAS_INSTRUCTION_POINTER)
        failed = read_user(state->runtime_words, PYTHON_FRAME_BYTES, frame);
    else
        failed = read_user(state->runtime_words, PYTHON_OLD_FRAME_BYTES, frame);
    if (failed && is_awaiter)
        return abandon_awaiters(scratch);
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
    if (is_awaiter)
        return stop;
    if (next && frame == state->python.task_frame) {
        state->python.task_frame = 0;
        state->python.walk = PYTHON_FINDS_AWAITER;
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
