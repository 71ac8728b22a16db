/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * PHP 7.3 and later. executor_globals.current_execute_data is a thread's youngest frame, and each zend_execute_data leads
 * to the one that it was called from (Zend/zend_compile.h).
 *
 * What an activation of the loop (execute_ex) runs, leaf first: frames of functions up to one that was called from C,
 * which its flags tell. Functions written in C have frames too, and no activation of their own.
 *
 * Machine code that opcache makes has no unwinding rules. It is entered by a jump from the loop and works in the loop's
 * own frame (hybrid VM), or is called by the loop: so the loop's frame is found, and the code counts as part of it.
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct php_process);
} php_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };

/* zend_execute_data: opline, call, return_value, func, This (value, type and flags), prev_execute_data. */
enum { FRAME_OPLINE = 0, FRAME_FUNCTION = 24, FRAME_THIS = 32, FRAME_FLAGS = 40, FRAME_PREVIOUS = 48 };
/* zend_op_array and zend_internal_function begin alike; zend_class_entry; zend_string; zend_op. */
enum { FUNCTION_TYPE = 0, FUNCTION_NAME = 8, FUNCTION_SCOPE = 16, CLASS_NAME = 8, STRING_HASH = 8, OP_LINE = 24 };

enum { ZEND_INTERNAL_FUNCTION = 1 };
enum { IS_OBJECT = 8, ZEND_CALL_TOP = 1 << 17 };

/* Words of the stack in which the loop's frame is looked for: what opcache's code pushes when it saves all registers. */
enum { SEARCHED_STACK_WORDS = 48 };

/* Of the interrupted thread, where the loop keeps its frame and its instruction (ZEND_VM_FP_GLOBAL_REG in
 * Zend/zend_execute.c). */
#if defined(__TARGET_ARCH_x86)
enum { REGISTER_FRAME = X86_R14, REGISTER_INSTRUCTION = X86_R15 };
#else
enum { REGISTER_FRAME = 27, REGISTER_INSTRUCTION = 28 };
#endif

/* ---- Machine code ------------------------------------------------------------------------------------------------ */

/* Whether a frame of the loop, or of its caller, can begin `word` words above the stack pointer; goes there if so. */
static __always_inline int try_loop_frame(struct unwind_state *state, const struct php_process *php, u32 word) {
    u64 frame = state->registers[REGISTER_SP] + word * sizeof(u64);
    u64 return_address = 0;
    if (php->flags & PHP_CODE_SHARES_FRAME) {
        u64 end = frame + php->loop_frame_bytes;
        if (read_user(&return_address, sizeof return_address, end - sizeof return_address) ||
            !is_in_range(&php->callers, return_address))
            return 0;
        state->registers[REGISTER_SP] = frame;
        state->registers[REGISTER_PC] = php->loop_dispatch;
        if (php->flags & PHP_LOOP_HAS_FRAME_POINTER)
            state->registers[REGISTER_FP] = end - 2 * sizeof(u64);
    } else {
        if (read_user(&return_address, sizeof return_address, frame) || !is_in_range(&php->loop, return_address))
            return 0;
        state->registers[REGISTER_SP] = frame + sizeof return_address;
        state->registers[REGISTER_PC] = return_address;
    }
    state->pc_is_return_address = 1;
    state->all_registers_valid = 0;
    return 1;
}

/* Moves from machine code to the loop's frame that it runs in. `is_thorough`: wherever that begins. */
static __always_inline int leave_machine_code(struct unwind_state *state, const struct php_process *php,
                                              int is_thorough) {
    if (!php->loop_dispatch)
        return 1;
#if defined(__TARGET_ARCH_x86)
    if (try_loop_frame(state, php, 0))
        return 0;
    if (is_thorough) {
        for (u32 word = 1; word < SEARCHED_STACK_WORDS; word++) {
            if (try_loop_frame(state, php, word))
                return 0;
        }
    }
    return 1;
#else
    /* Frames have a pointer: the code's own ones lie between, if it made any. */
    for (u32 count = 0; count < 4; count++) {
        u64 pair[2];
        u64 frame = state->registers[REGISTER_FP];
        if (read_user(pair, sizeof pair, frame))
            return 1;
        u64 address = code_address(pair[1]);
        if (php->flags & PHP_CODE_SHARES_FRAME && is_in_range(&php->callers, address)) {
            state->registers[REGISTER_SP] = frame - php->loop_frame_bytes;
            state->registers[REGISTER_PC] = php->loop_dispatch;
        } else if (!(php->flags & PHP_CODE_SHARES_FRAME) && is_in_range(&php->loop, address)) {
            state->registers[REGISTER_SP] = frame + sizeof pair;
            state->registers[REGISTER_PC] = address;
            state->registers[REGISTER_FP] = pair[0];
        } else {
            if (!is_thorough || pair[0] <= frame)
                return 1;
            state->registers[REGISTER_FP] = pair[0];
            continue;
        }
        state->pc_is_return_address = 1;
        state->all_registers_valid = 0;
        return 0;
    }
    return 1;
#endif
}

/* ---- Frames ------------------------------------------------------------------------------------------------------ */

/* Whether the thread was interrupted where C code prepares a call, by the first native frame recorded. */
static __always_inline int is_before_activation(const struct scratch *scratch, const struct php_process *php) {
    u32 word = scratch->header.kernel_frame_count;
    if (scratch->header.user_frame_count == 0 || word > ABI_TRACE_WORDS - 2)
        return 0;
    u64 address = scratch->words[word + 1];
    return is_in_range(&php->calls[0], address) || is_in_range(&php->calls[1], address);
}

/* Finds the thread's youngest frame. */
static __always_inline void start_php(struct scratch *scratch, const struct php_process *php) {
    struct unwind_state *state = &scratch->state;
    u64 place = php->current_frame, frame = 0;
    state->started_runtimes |= 1u << UNWINDER_PHP;
    state->php.walk = PHP_FRAMES;
    state->php.frame = 0;
    if (!(php->flags & PHP_HAS_THREADS) && state->is_draining && scratch->header.tid != scratch->header.pid) {
        /* Frames are the process's, and nothing says that this thread runs them. */
        leave_runtime(state, UNWINDER_PHP);
        return;
    }
    if (php->flags & PHP_HAS_THREADS) {
        u64 block = 0;
        if (read_thread_value(&php->thread_block, &block)) {
            abandon_runtime(scratch, UNWINDER_PHP);
            return;
        }
        /* A thread that never ran PHP has none. */
        if (!block) {
            leave_runtime(state, UNWINDER_PHP);
            return;
        }
        place += block;
    }
    if (read_user(&frame, sizeof frame, place)) {
        abandon_runtime(scratch, UNWINDER_PHP);
        return;
    }
    state->php.instruction = state->registers[REGISTER_INSTRUCTION];
    if (scratch->header.user_frame_count == 0) {
        /* The loop itself was interrupted: between its first instruction and its last a function is current in the
         * register only. */
        u64 own = state->registers[REGISTER_FRAME], previous = 0;
        if (own != frame && own && !(own & 7) && !read_user(&previous, sizeof previous, own + FRAME_PREVIOUS) &&
            previous == frame)
            frame = own;
    }
    state->php.is_not_entered = is_before_activation(scratch, php);
    state->php.frame = frame;
    if (!frame)
        leave_runtime(state, UNWINDER_PHP);
}

/* The line of an operation of the function in runtime_words; 0 when it is none of the function's. */
static __always_inline u32 line_of_op(struct unwind_state *state, const struct php_process *php, u64 op) {
    u64 ops = runtime_word(state, php->function_ops);
    u64 size = (u64)runtime_half_word(state, php->function_op_count) * PHP_OP_BYTES;
    u32 line = 0;
    /* The loop writes it to the frame only when something may need it. */
    u64 own = state->php.instruction;
    if (own - ops < size && !((own - ops) & (PHP_OP_BYTES - 1)))
        op = own;
    if (op - ops >= size || read_user(&line, sizeof line, op + OP_LINE))
        return 0;
    return line;
}

/* Adds a string and its own hash to a checksum. */
static __always_inline int add_string(u64 *sum, u64 string) {
    u64 hash = 0;
    if (string && read_user(&hash, sizeof hash, string + STRING_HASH))
        return 1;
    *sum = (*sum * 31 + string) * 31 + hash;
    return 0;
}

/* Records a function. What tells functions apart that lie at one address one after the other: memory of a request is given
 * out anew to the next one, in the same order, hence the hashes, which strings remember. Returns a stop reason. */
static __always_inline int record_function(struct scratch *scratch, const struct php_process *php, u64 function,
                                           u64 op, int *is_internal) {
    struct unwind_state *state = &scratch->state;
    u64 sum = 0, scope_name = 0;
    u32 line = 0;
    *is_internal = 0;
    /* A page that was never touched here, or was swapped out, cannot be read; user space can. */
    if (read_user(state->runtime_words, PHP_FUNCTION_HEAD_BYTES, function)) {
        state->php.instruction = 0;
        return record_runtime_frame(scratch, FRAME_PHP, php->attachment, function, 0);
    }
    u64 name = runtime_word(state, FUNCTION_NAME), scope = runtime_word(state, FUNCTION_SCOPE);
    int is_known = !add_string(&sum, name);
    if (scope && (read_user(&scope_name, sizeof scope_name, scope + CLASS_NAME) || add_string(&sum, scope_name)))
        is_known = 0;
    if (runtime_byte(state, FUNCTION_TYPE) == ZEND_INTERNAL_FUNCTION) {
        *is_internal = 1;
        /* A fiber's first frame. */
        if (!name)
            return STOP_NONE;
    } else if (!read_user(state->runtime_words, PHP_FUNCTION_BYTES, function)) {
        line = line_of_op(state, php, op);
        state->php.instruction = 0;
        if (add_string(&sum, runtime_word(state, php->function_file_name)))
            is_known = 0;
        sum = sum * 31 + runtime_half_word(state, php->function_first_line);
    } else {
        is_known = 0;
    }
    u32 checksum = 0;
    if (is_known) {
        checksum = (u32)(sum ^ sum >> 32);
        checksum += !checksum;
    }
    return record_runtime_frame(scratch, FRAME_PHP, php->attachment, function, (u64)line << 32 | checksum);
}

/* Generators that wait for the running one, whose frames are not linked: only each one's generator to the one that it
 * waits for. A step follows one link, so that no loop lies within the loop of steps. Returns a stop reason. */
static __always_inline int step_generators(struct scratch *scratch, const struct php_process *php) {
    struct unwind_state *state = &scratch->state;
    struct php_state *own = &state->php;
    u64 words[4] = {};
    int stop = STOP_NONE, is_internal = 0;
    if (own->walk == PHP_COUNTS_GENERATORS) {
        if (!read_user(words, sizeof(u64), own->generator + php->generator_parent) && words[0] &&
            own->generators_left < PHP_MAX_DELEGATIONS) {
            own->generators_left++;
            own->generator = words[0];
            return STOP_NONE;
        }
        /* The one that runs has been recorded. */
        own->walk = PHP_SEEKS_GENERATOR;
    } else if (own->parents_left) {
        own->parents_left--;
        if (read_user(words, sizeof(u64), own->generator + php->generator_parent))
            own->generators_left = 0;
        own->generator = words[0];
        if (own->generators_left)
            return STOP_NONE;
    } else {
        if (!read_user(words, sizeof(u64), own->generator + php->generator_frame) &&
            !read_user(words, sizeof words, words[0]))
            stop = record_function(scratch, php, words[FRAME_FUNCTION / 8], words[FRAME_OPLINE], &is_internal);
        own->generators_left--;
    }
    if (own->generators_left) {
        own->generator = own->outermost_generator;
        own->parents_left = own->generators_left - 1;
    } else {
        own->walk = PHP_FRAMES;
        if (!own->frame)
            leave_runtime(state, UNWINDER_PHP);
    }
    return stop;
}

/* Records the next frame. Returns a stop reason. */
static __always_inline int step_php(struct scratch *scratch, const struct php_process *php) {
    struct unwind_state *state = &scratch->state;
    if (state->php.walk != PHP_FRAMES)
        return step_generators(scratch, php);
    if (read_user(state->runtime_words, PHP_FRAME_BYTES, state->php.frame)) {
        abandon_runtime(scratch, UNWINDER_PHP);
        return STOP_NONE;
    }
    u64 op = runtime_word(state, FRAME_OPLINE), function = runtime_word(state, FRAME_FUNCTION);
    u64 this = runtime_word(state, FRAME_THIS), next = runtime_word(state, FRAME_PREVIOUS);
    u32 flags = runtime_half_word(state, FRAME_FLAGS);
    int stop = STOP_NONE, is_last = 0;
    if (function) {
        int is_internal;
        stop = record_function(scratch, php, function, op, &is_internal);
        is_last = flags & ZEND_CALL_TOP && !is_internal && !state->php.is_not_entered;
        state->php.is_not_entered = 0;
    } else if ((u8)flags == IS_OBJECT && this) {
        /* In place of generators that delegate to the running one (zend_generator.execute_fake). */
        state->php.walk = PHP_COUNTS_GENERATORS;
        state->php.outermost_generator = this;
        state->php.generator = this;
        state->php.generators_left = 0;
        state->php.parents_left = 0;
    }
    state->php.frame = next;
    if (state->php.walk != PHP_FRAMES)
        return stop;
    if (!next)
        leave_runtime(state, UNWINDER_PHP);
    else if (is_last && !state->is_draining)
        leave_activation(state);
    return stop;
}

/* Begins with an activation of the loop, once native unwinding has come to it. Returns a stop reason, or ENTER_RUNTIME when
 * that takes a thorough search. */
static __always_inline int enter_php(struct scratch *scratch, const struct php_process *php, int is_thorough) {
    struct unwind_state *state = &scratch->state;
    if (!state->is_draining && place_at(state, state->place)->mapping.unwinder == UNWINDER_PHP &&
        leave_machine_code(state, php, is_thorough))
        return is_thorough ? STOP_NO_RULE : ENTER_RUNTIME;
    state->wanted_runtime = 0;
    if (!state->is_draining && !(state->left_runtimes & 1u << UNWINDER_PHP)) {
        leave_activation(state);
        return STOP_NONE;
    }
    state->is_in_activation = 1;
    if (!(state->started_runtimes & 1u << UNWINDER_PHP))
        start_php(scratch, php);
    return STOP_NONE;
}

SEC("perf_event")
int unwind_php(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct php_process *php = bpf_map_lookup_elem(&php_processes, &scratch->header.pid);
    if (!php) {
        /* The process has just let go of it. */
        leave_runtime(state, UNWINDER_PHP);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    int stop = STOP_NONE;
    if (state->wanted_runtime == UNWINDER_PHP)
        stop = enter_php(scratch, php, 1);
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (stop || step >= settings.frames_per_call)
            break;
        if (state->is_in_activation) {
            stop = step_php(scratch, php);
        } else if (state->is_draining) {
            stop = state->final_stop;
        } else {
            stop = unwind_frame(scratch, cache);
            if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_PHP &&
                state->started_runtimes & 1u << UNWINDER_PHP)
                stop = enter_php(scratch, php, 0);
        }
    }
    return go_on(context, scratch, UNWINDER_PHP, stop);
}

LICENSE;
